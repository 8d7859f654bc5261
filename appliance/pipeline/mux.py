"""Fragments to one MP4, packet by packet, with nothing encoded again.

Picture i is shown from i / rate on, exactly. The sound starts with the first picture, and is cut with the last one's
end if it is longer. The index (`moov`) comes first, so a browser plays before it has everything. The output appears
whole or not at all, and memory does not grow with what the pictures weigh.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from appliance.errors import InputError
from appliance.pipeline import fragments
from appliance.pipeline.fragments import Fragment, writing
from appliance.pipeline.progress import Job
from appliance.storage import atomic

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container.input import InputContainer
    from av.packet import Packet
    from av.stream import Stream

STAGE: Final = "join"
_CODEC: Final = "h264"


def join(pictures: Sequence[Path], sound: Path, out: Path, job: Job) -> int:
    """Write `out` from picture fragments in order and a sound fragment; returns the number of pictures.

    `ValueError` if a fragment is not whole or was not made with the settings of the first.
    """
    import av

    if not out.parent.is_dir():
        raise InputError(f"cannot write {out}: there is no folder {out.parent}", hint="make the folder first")
    if out.is_dir():
        raise InputError(f"cannot write {out}: it is a folder", hint="give the name of a file in it")
    found = [_whole(path, job) for path in pictures]
    if len({str(fragment.header) for fragment in found}) != 1:
        raise ValueError("fragments of one output must share one encoder's settings")
    rate = Fraction(cast("str", found[0].header["rate"]))
    total = sum(fragment.frames for fragment in found)

    with (
        av.open(str(sound)) as source,
        writing(out),
        atomic.replaced_file(out, suffix=".mp4") as temporary,
        av.open(str(temporary), "w", format="mp4", options={"movflags": "+faststart"}) as target,
    ):
        width, height = found[0].header["width"], found[0].header["height"]
        picture_stream = target.add_mux_stream(_CODEC, rate, width=width, height=height, time_base=1 / rate)
        sound_stream = target.add_stream_from_template(source.streams.audio[0])
        sound_packets = _sound_packets(source, sound_stream, total / rate)
        waiting = next(sound_packets, None)
        for index, picture in enumerate(_picture_packets(found, rate)):
            while waiting is not None and _start(waiting) * rate < index:
                target.mux_one(waiting)
                waiting = next(sound_packets, None)
            picture.stream = picture_stream
            target.mux_one(picture)
            job.step(STAGE, index + 1, total)
        while waiting is not None:
            target.mux_one(waiting)
            waiting = next(sound_packets, None)
    return total


def _whole(path: Path, job: Job) -> Fragment:
    job.check()
    if (fragment := fragments.check(path)) is None:
        raise ValueError(f"{path} is not a whole fragment")
    return fragment


def _start(packet: Packet[AudioStream]) -> Fraction:
    return Fraction(packet.pts or 0) * packet.time_base


def _picture_packets(found: list[Fragment], rate: Fraction) -> Iterator[Packet[Stream]]:
    """The pictures of all fragments on one time line; the first carries the parameter sets of all."""
    from av.packet import Packet

    parameter_sets = bytes.fromhex(cast("str", found[0].header["parameter_sets"]))
    index = 0
    for fragment in found:
        for data, key_frame in fragments.packets(fragment.path):
            packet: Packet[Stream] = Packet(parameter_sets + data if index == 0 else data)
            packet.time_base = 1 / rate
            packet.pts = packet.dts = index
            packet.duration = 1
            packet.is_keyframe = key_frame
            index += 1
            yield packet


def _sound_packets(source: InputContainer, stream: AudioStream, end_s: Fraction) -> Iterator[Packet[AudioStream]]:
    """The sound's packets up to the end of the pictures."""
    for packet in source.demux(source.streams.audio[0]):
        left = round((end_s - _start(packet)) / packet.time_base)
        if packet.size and left > 0:
            packet.duration = min(packet.duration or left, left)
            packet.stream = stream
            yield packet
