"""Any recording, decoded once: for the ears of the motion network and for the sound track of the output.

What a file is, its content says, not its name. One pass over `SoundReader.blocks` yields both signals side by side:
16 kHz mono in [-1, 1] for the network, and frames for the AAC encoder (planar float in [-1, 1], mono or stereo, at the
file's own rate where AAC has it and 48 kHz do not exceed it, else at 48 kHz). More channels are mixed down to stereo
with the weights of ITU-R BS.775 scaled so that nothing clips; where a file does not say which channel is which, to the
mean of all. Both signals start with the first sample of the recording, whatever its timestamps start at; a pause in
the timestamps becomes silence. Memory is flat in the length of the recording.

Raises `InputError` for what cannot be used at all. A file that is damaged or shorter than it says is used as far as it
goes, and `SoundReader.warnings` tells.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import numpy as np
from numpy.typing import NDArray

from appliance import settings
from appliance.errors import InputError
from appliance.pipeline.samples import LAYOUTS, clean, first_channel, from_frame, silence, to_frame

if TYPE_CHECKING:
    import av
    from av.audio.stream import AudioStream
    from av.container.input import InputContainer

AAC_RATES_HZ: Final = (48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
"""What AAC can carry, as far as it is used here."""

_LOWEST_RATE_HZ: Final = 2000
"""Below there is nothing of speech; and 65535 samples, one frame of FLAC, are to last seconds, not hours."""
_LONGEST_FRAME_SECONDS: Final = 60.0
"""A frame is resampled in one piece."""
_BLOCK_SECONDS: Final = 0.5
_GAP_SECONDS: Final = 0.1
"""Timestamps are off by less in files that are all right."""
_LONGEST_GAP_SECONDS: Final = 60.0
"""A longer jump is a broken clock, not a pause."""
_SHORTFALL: Final = 0.05
"""A file may fall this much short of the length it gives before a warning says so; some lengths are estimates."""

_MAX_DAMAGED: Final = 1000
"""After so many packets that do not decode, the rest is not worth trying."""

_CONTAINER_TICKS_HZ: Final = 1_000_000

_UNKNOWN_SIZE: Final = 0xFFFFFFFF
"""What programs that write to a pipe put where a WAV's size goes."""

_PLAYLISTS: Final = frozenset({"concat", "dash", "hls", "imf", "rtp", "rtsp", "sap", "sdp"})
"""Formats that make the reader open other files, or the network."""

_HINT: Final = "give a recording or a video with sound, such as WAV, MP3, FLAC, OGG, M4A or MP4"
_MIX: Final = {"rematrix_maxval": "1.0"}


@dataclass(frozen=True, slots=True)
class SoundBlock:
    """About half a second: `speech` [n] float32, 16 kHz mono; `frames` for the AAC encoder. Either may be empty."""

    speech: NDArray[np.float32]
    frames: list[av.AudioFrame]


def open_sound(
    path: Path, *, limit_s: float | None = None, max_seconds: float = settings.MAX_AUDIO_SECONDS
) -> SoundReader:
    """Open the sound of `path`; what lies beyond `limit_s` is not looked at."""
    import av

    _check_file(path)
    allowed = ",".join(sorted(name for name in av.formats_available if not _PLAYLISTS & set(name.split(","))))
    try:
        container = av.open(
            f"file:{path}",
            metadata_errors="replace",
            options={"protocol_whitelist": "file", "format_whitelist": allowed},
        )
    except (av.FFmpegError, ValueError) as error:
        raise InputError(
            f"{path} is not a sound file that can be read", hint=f"{_HINT}; if it is one, it was cut off: copy it again"
        ) from error
    try:
        return SoundReader(path, container, limit_s, max_seconds)
    except BaseException:
        container.close()
        raise


def _check_file(path: Path) -> None:
    try:
        if path.is_dir():
            raise InputError(f"{path} is a folder, not a sound file", hint=_HINT)
        if not path.exists():
            raise InputError(f"there is no file {path}", hint="check the spelling of the path")
        if not path.is_file():
            raise InputError(f"{path} is not a regular file", hint=_HINT)
        with path.open("rb"):
            pass
    except OSError as error:
        hint = "give the account that runs mouthpiece the right to read it"
        raise InputError(f"cannot read {path}: {error.strerror or error}", hint=hint) from error
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty", hint="record or copy it again")


class SoundReader:
    """One recording, open for one pass. A context manager; made by `open_sound`.

    `rate` and `channels` are those of the AAC frames; `duration_hint` is the length in seconds that the file gives,
    which may be wrong, or None; `seconds` is what has been delivered so far, the exact length after the pass.
    """

    def __init__(self, path: Path, container: InputContainer, limit_s: float | None, max_seconds: float) -> None:
        self.path = path
        self.warnings: list[str] = []
        self._container = container
        self._limit_s = limit_s
        self._max_seconds = max_seconds
        self._stream = self._choose_stream()
        rate = self._stream.sample_rate
        self.rate = rate if rate in AAC_RATES_HZ else AAC_RATES_HZ[0]
        self.channels = 1 if self._stream.channels == 1 else 2
        self.duration_hint = self._stated_seconds()
        self._samples = 0
        self._damaged = 0
        self._decoded = self._decode()
        self._first = next(self._decoded, None)
        if self._first is None:
            raise InputError(f"{path} holds no sound that can be decoded", hint="record or copy it again")

    @property
    def seconds(self) -> Fraction:
        return Fraction(self._samples, self.rate)

    def _choose_stream(self) -> AudioStream:
        streams = self._container.streams
        if len(streams) > settings.MAX_STREAMS:
            raise InputError(
                f"{self.path} has {len(streams)} streams, more than {settings.MAX_STREAMS}",
                hint="save its sound alone in a new file",
            )
        audio = [stream for stream in streams.audio if stream.codec_context is not None]
        if not audio:
            raise InputError(f"{self.path} has no sound in it that can be decoded", hint=_HINT)
        from av.stream import Discard, Disposition

        chosen = next((stream for stream in audio if Disposition.default in stream.disposition), audio[0])
        for stream in streams:
            if stream.index != chosen.index:
                stream.discard = Discard.all
        if not chosen.sample_rate or not chosen.channels:
            raise InputError(f"{self.path} has a header but no sound in it", hint="record or copy it again")
        self._check_rate(chosen.sample_rate)
        return chosen

    def _check_rate(self, rate: int) -> None:
        if rate < _LOWEST_RATE_HZ:
            raise InputError(
                f"{self.path} has {rate} samples a second, too few for speech: at least {_LOWEST_RATE_HZ} are needed",
                hint="record or export it with 16000 or more",
            )

    def _stated_seconds(self) -> float | None:
        stream = self._stream
        if stream.duration is not None and stream.time_base is not None:
            seconds = float(stream.duration * stream.time_base)
        elif self._container.duration is not None:
            seconds = (self._container.duration - (self._container.start_time or 0)) / _CONTAINER_TICKS_HZ
        else:
            return None
        if self._limit_s is None and seconds > self._max_seconds:
            raise self._too_long()
        return seconds

    def _too_long(self) -> InputError:
        return InputError(
            f"{self.path} is longer than {self._max_seconds / 3600:g} hours",
            hint="cut it into parts, or give a duration to render only its beginning",
        )

    def blocks(self) -> Iterator[SoundBlock]:
        """Decode the recording. Only once."""
        import av

        ears = av.AudioResampler("fltp", "mono", settings.SPEECH_RATE_HZ, options=_MIX)
        frames: list[av.AudioFrame] = []
        heard: list[av.AudioFrame] = []
        started = self._samples
        for frame in self._limited(self._resampled()):
            frames.append(frame)
            heard += ears.resample(frame)
            if self._samples - started >= _BLOCK_SECONDS * self.rate:
                started = self._samples
                yield SoundBlock(clean(first_channel(heard)), frames)
                frames, heard = [], []
        yield SoundBlock(clean(first_channel(heard + ears.resample(None))), frames)
        self._look_back()

    def _decode(self) -> Iterator[av.AudioFrame]:
        """Every frame that decodes, with silence where the timestamps pause."""
        import av

        clock: float | None = None
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
                if packet is None:
                    return
                decoded = packet.decode()
            except av.EOFError:
                return
            except av.InvalidDataError:
                self._damaged += 1
                if self._damaged > _MAX_DAMAGED:
                    return
                continue
            except av.FFmpegError:
                self._damaged += 1
                return
            for frame in decoded:
                if not frame.samples:
                    continue
                self._check_rate(frame.sample_rate)  # which may change on the way
                if frame.samples > _LONGEST_FRAME_SECONDS * frame.sample_rate:
                    raise InputError(
                        f"{self.path} holds {frame.samples / frame.sample_rate:.0f} s of sound in one piece",
                        hint="export it anew, as WAV or FLAC",
                    )
                start = frame.time if frame.pts is not None else clock
                if clock is not None and start is not None:
                    gap = start - clock
                    if _GAP_SECONDS < gap < _LONGEST_GAP_SECONDS:
                        yield from silence(frame, round(gap * frame.sample_rate))
                    elif abs(gap) < _GAP_SECONDS:
                        start = clock
                clock = (start or 0.0) + frame.samples / frame.sample_rate
                yield frame

    def _resampled(self) -> Iterator[av.AudioFrame]:
        """The decoded sound as AAC takes it. A file may change its format on the way."""
        import av

        shape: tuple[str, str, int] | None = None
        resampler = av.AudioResampler()
        frame = self._first
        while frame is not None:
            if shape != (shape := (frame.format.name, frame.layout.name, frame.sample_rate)):
                yield from resampler.resample(None)
                resampler = av.AudioResampler("fltp", LAYOUTS[self.channels], self.rate, options=_MIX)
            frame.pts = None
            try:
                yield from resampler.resample(frame)
            except (av.FFmpegError, ValueError) as error:
                raise InputError(
                    f"{self.path}: its {len(frame.layout.channels)} channels cannot be mixed down", hint=_HINT
                ) from error
            frame = next(self._decoded, None)
        yield from resampler.resample(None)

    def _limited(self, frames: Iterator[av.AudioFrame]) -> Iterator[av.AudioFrame]:
        """The frames, cleaned, up to the limit that the caller or the box sets."""
        room = round((self._limit_s if self._limit_s is not None else self._max_seconds) * self.rate)
        for frame in frames:
            left = room - self._samples
            if frame.samples > left and self._limit_s is None:
                raise self._too_long()
            if left == 0:
                return
            decoded = from_frame(frame)[:, :left]
            cleaned = clean(decoded)
            self._samples += decoded.shape[1]
            yield frame if cleaned is decoded and frame.samples <= left else to_frame(cleaned, self.rate)

    def _look_back(self) -> None:
        if _is_cut_wav(self.path):
            self.warnings.append(f"{self.path} is shorter than its header says; it is used as far as it goes")
        if self._damaged:
            self.warnings.append(f"{self.path} is damaged; the parts that could be read are used")
        expected = self.duration_hint or 0.0
        if self._limit_s is not None:
            expected = min(expected, self._limit_s)
        if expected - self.seconds > max(_SHORTFALL * expected, _BLOCK_SECONDS):
            self.warnings.append(
                f"{self.path} says that it lasts {expected:.1f} s, but only {float(self.seconds):.1f} s could be read"
            )

    def close(self) -> None:
        self._container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _is_cut_wav(path: Path) -> bool:
    """WAV is the one format whose length the demuxer silently corrects."""
    with path.open("rb") as file:
        head = file.read(8)
    if head[:4] != b"RIFF":
        return False
    size = int.from_bytes(head[4:], "little")
    return path.stat().st_size + 1 < size + len(head) and size != _UNKNOWN_SIZE
