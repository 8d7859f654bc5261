"""The sound of a microphone, through PyAV's ALSA input: 16 kHz, mono, in blocks of 100 ms.

A thread reads the device, so nothing is lost while a disk or a network is slow; up to `_AHEAD_S` wait in memory. Rate
and channels are those of the hardware (16 kHz and one channel where it has them); `channels` and swresample make the
rest. Time is counted in samples: some ALSA devices deliver faster than real time.

alsa-lib in PyAV's wheel looks for its configuration where there is none, so `ALSA_CONFIG_PATH` is set to the system's
file (or what the environment names) and to our `alsa.conf`, for the whole process.

Opening raises `InputError` for a name that is no microphone, `UnhealthyError` for a microphone that cannot be used.
`Source.read` raises `LostError` when a microphone that worked does not any more.
"""

from __future__ import annotations

import errno
import logging
import os
import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import numpy as np
from numpy.typing import NDArray

from appliance.capture import channels, complaints
from appliance.capture.devices import Microphone
from appliance.errors import ApplianceError, InputError, UnhealthyError
from appliance.settings import SPEECH_RATE_HZ

if TYPE_CHECKING:
    from av.container.input import InputContainer

_log = logging.getLogger(__name__)

BLOCK: Final = SPEECH_RATE_HZ // 10
_AHEAD_S: Final = 20
_STALLED_S: Final = 5.0
"""A microphone that says nothing for so long is broken; the kernel itself gives up after ten."""
_GOING_S: Final = 1.0
"""Reading a device that is pulled out fails a little before the kernel takes its node away."""
_LISTEN_S: Final = 0.3
"""How much of the beginning decides which channels are used."""
_CHANNELS: Final = (1, 2, 4, 6, 8, 3, 5, 7, 16)
_GATHERED_S: Final = 0.02
"""Devices deliver in pieces down to one sample; so much is worth looking at."""
_FULL_SCALE: Final = 32768.0
_RAIL: Final = 32767
_CLIPPED: Final = 4
"""Samples at the rail that make a block a clipped one; a loud word touches it once."""
_SYSTEM: Final = Path("/usr/share/alsa/alsa.conf")
_OURS: Final = Path(__file__).with_name("alsa.conf")
_VARIABLE: Final = "ALSA_CONFIG_PATH"
_LIST: Final = "see `mouthpiece record --list`"


class LostError(ApplianceError):
    """A microphone that was being read is gone or has fallen silent for good."""


@dataclass(frozen=True, slots=True)
class Block:
    """100 ms (less at the end): `samples` [n] float32 in [-1, 1]; `clipped` if the input was driven to its limit."""

    samples: NDArray[np.float32]
    clipped: bool


class Source:
    """One open microphone. A context manager.

    `microphone` is one of `devices.present()`, or the name of any ALSA PCM.
    """

    def __init__(self, microphone: Microphone | str) -> None:
        self._node = microphone.node if isinstance(microphone, Microphone) else None
        self.name = microphone.name if isinstance(microphone, Microphone) else microphone
        if isinstance(microphone, Microphone):
            _check_node(microphone)
        container = _open(microphone.alsa if isinstance(microphone, Microphone) else microphone, self.name)
        self._blocks: queue.Queue[Block | ApplianceError] = queue.Queue(_AHEAD_S * SPEECH_RATE_HZ // BLOCK)
        self._closing = threading.Event()
        self._heard_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, args=(container,), name="microphone", daemon=True)
        self._thread.start()

    def read(self, timeout_s: float) -> Block | None:
        """The next block; None if none came in time. Raises `LostError`, after the last block was given out."""
        try:
            item = self._blocks.get(timeout=timeout_s)
        except queue.Empty:
            if time.monotonic() - self._heard_at > _STALLED_S:
                raise LostError(
                    f"the microphone {self.name} delivers no sound any more", hint="unplug it and plug it in again"
                ) from None
            return None
        self._heard_at = time.monotonic()
        if isinstance(item, ApplianceError):
            raise item
        return item

    def close(self) -> None:
        """Let go of the device. A read that the kernel does not end is left to its thread."""
        self._closing.set()
        self._thread.join(1.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _run(self, container: InputContainer) -> None:
        with container:
            try:
                for block in blocks(container):
                    if not self._put(block):
                        return
            except OSError as error:
                _log.info("reading %s ended: %s", self.name, error)
            self._put(self._lost())

    def _put(self, item: Block | ApplianceError) -> bool:
        while not self._closing.is_set():
            try:
                self._blocks.put(item, timeout=0.2)
            except queue.Full:
                continue
            return True
        return False

    def _lost(self) -> LostError:
        if self._node is not None and self._stays(Path(self._node)):
            return LostError(f"the microphone {self.name} stopped working", hint="unplug it and plug it in again")
        return LostError(f"the microphone {self.name} was unplugged", hint="plug it in and record again")

    def _stays(self, node: Path) -> bool:
        deadline = time.monotonic() + _GOING_S
        while node.exists():
            if time.monotonic() > deadline or self._closing.wait(0.05):
                return True
        return False


def _check_node(microphone: Microphone) -> None:
    """The kernel's own words for why a device does not open; PyAV only says that it does not."""
    try:
        os.close(os.open(microphone.node, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError as error:
        name = microphone.name
        if error.errno in (errno.EBUSY, errno.EAGAIN):
            raise UnhealthyError(
                f"the microphone {name} is in use by another program", hint="close that program, or choose another one"
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM):
            raise UnhealthyError(
                f"no right to read the microphone {name}", hint="add the account to the group `audio`"
            ) from error
        raise UnhealthyError(f"the microphone {name} is gone", hint=f"plug it in; {_LIST}") from error


def _open(pcm: str, name: str) -> InputContainer:
    import av

    given = os.environ.get(_VARIABLE) or (str(_SYSTEM) if _SYSTEM.exists() else "")
    if str(_OURS) not in given.split(":"):
        os.environ[_VARIABLE] = f"{given}:{_OURS}".removeprefix(":")
    complaint: Exception | None = None
    # What alsa-lib says of a name that is wrong.
    with complaints.logged(_log):
        for count in _CHANNELS:
            for rate in (SPEECH_RATE_HZ, 3 * SPEECH_RATE_HZ):
                try:
                    container = av.open(pcm, format="alsa", options={"sample_rate": str(rate), "channels": str(count)})
                except (OSError, ValueError) as error:
                    complaint = error
                    break
                # Asked for the nearest rate, a card without 16 kHz might offer 8.
                if container.streams.audio[0].sample_rate >= SPEECH_RATE_HZ:
                    return container
                container.close()
    _log.info("%s does not open: %s", pcm, complaint)
    raise InputError(f"{name} is no microphone that can be opened", hint=_LIST)


def blocks(container: InputContainer) -> Iterator[Block]:
    """The sound of an open container of 16-bit samples: 16 kHz mono in blocks, with what is left at the end.

    Raises `OSError` where the device goes, after everything that it delivered.
    """
    import av

    rate = container.streams.audio[0].sample_rate
    resampler = av.AudioResampler("flt", "mono", SPEECH_RATE_HZ)
    kept, clipped = np.zeros(0, np.float32), 0
    for mono, at_rail in _mono(container):
        frame = av.AudioFrame.from_ndarray(mono[None, :], "flt", "mono")
        frame.sample_rate = rate
        parts = [part.to_ndarray()[0] for part in resampler.resample(frame)]
        kept, clipped = np.concatenate([kept, *parts]), clipped + at_rail
        while len(kept) >= BLOCK:
            yield Block(kept[:BLOCK], clipped >= _CLIPPED)
            kept, clipped = kept[BLOCK:], 0
    if len(kept):
        yield Block(kept, clipped >= _CLIPPED)


def _mono(container: InputContainer) -> Iterator[tuple[NDArray[np.float32], int]]:
    """One channel at the device's rate, in [-1, 1], and how many samples of it all were at the rail."""
    stream = container.streams.audio[0]
    count, rate = stream.channels, stream.sample_rate
    used: list[int] | None = None
    for raw in _gathered(container, round(_GATHERED_S * rate) * count, round(_LISTEN_S * rate) * count):
        samples = raw.reshape(-1, count)
        scaled = np.asarray(samples / np.float32(_FULL_SCALE), np.float32)
        if used is None:
            used = channels.alive(scaled)
        at_rail = int(np.count_nonzero((samples >= _RAIL) | (samples <= -_RAIL)))
        yield channels.mixed(scaled, used), at_rail


def _gathered(container: InputContainer, size: int, first: int) -> Iterator[NDArray[np.int16]]:
    """What the device delivers, in pieces of at least `size` samples; the first piece is of at least `first`.

    A device that goes gives out what it had delivered before it raises.
    """
    parts: list[bytes] = []
    length, wanted = 0, 2 * first
    lost: OSError | None = None
    packets = container.demux(audio=0)
    while True:
        try:
            packet = next(packets, None)
        except OSError as error:
            packet, lost = None, error
        if packet is None or not packet.size:
            break
        parts.append(bytes(packet))
        length += packet.size
        if length >= wanted:
            yield np.frombuffer(b"".join(parts), "<i2")
            parts, length, wanted = [], 0, 2 * size
    if parts:
        yield np.frombuffer(b"".join(parts), "<i2")
    if lost is not None:
        raise lost
