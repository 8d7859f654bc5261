"""Stored template frames are exact by index in any order, and ping-pong has no jump."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import UnhealthyError
from appliance.pipeline.nv12 import Nv12
from appliance.pipeline.template import GROUP, FrameWriter, TemplateFrames, ping_pong
from tests.moving_pictures import number_of, numbered

COUNT = 5 * GROUP + 7


def nv12(number: int, width: int = 64, height: int = 48) -> Nv12:
    luma = np.where(numbered(number + 1, (width, height))[number][:, :, 0] > 0, 200, 40).astype(np.uint8)
    chroma = np.empty((height // 2, width // 2, 2), np.uint8)
    chroma[:, :, 0], chroma[:, :, 1] = 90 + number, 180 - number
    return Nv12(luma, chroma)


@pytest.fixture(scope="module", params=[Fraction(25), Fraction(30000, 1001), Fraction(2997, 125)], ids=str)
def stored(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "frames.mp4"
    with FrameWriter(path, 64, 48, request.param) as writer:
        for number in range(COUNT):
            writer.write(nv12(number))
    assert writer.count == COUNT
    return path


ORDERS: dict[str, Callable[[], list[int]]] = {
    "forward": lambda: list(range(COUNT)),
    "backward": lambda: list(range(COUNT))[::-1],
    "ping-pong": lambda: [ping_pong(i, COUNT) for i in range(3 * COUNT)],
    "random": lambda: random.Random(0).choices(range(COUNT), k=60),  # noqa: S311
    "every seventh": lambda: list(range(0, COUNT, 7)),
}


@pytest.mark.parametrize("order", ORDERS)
def test_every_frame_is_the_one_asked_for(stored: Path, order: str) -> None:
    with TemplateFrames(stored, COUNT) as frames:
        for number in ORDERS[order]():
            y, uv = frames.get(number)
            assert (y.shape, uv.shape) == ((48, 64), (24, 32, 2))
            assert number_of(y) == number
            assert np.abs(uv.reshape(-1, 2).mean(axis=0) - (90 + number, 180 - number)).max() < 1.5


def test_a_picture_is_the_callers_own(stored: Path) -> None:
    with TemplateFrames(stored, COUNT) as frames:
        first = frames.get(3)
        first.y[:] = 0
        first.uv[:] = 0
        assert number_of(frames.get(3).y) == 3


def test_groups_are_short_closed_and_without_b_frames(stored: Path) -> None:
    with av.open(str(stored)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.color_range == 1
        assert stream.codec_context.colorspace == 1
        packets = [packet for packet in container.demux(stream) if packet.dts is not None]
    assert [i for i, packet in enumerate(packets) if packet.is_keyframe] == list(range(0, COUNT, GROUP))
    assert all(packet.pts == packet.dts for packet in packets)


def test_nothing_lies_outside(stored: Path) -> None:
    with TemplateFrames(stored, COUNT) as frames:
        for index in (-1, COUNT):
            with pytest.raises(IndexError):
                frames.get(index)


def test_detail_survives(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    coarse = rng.integers(16, 235, (60, 80), dtype=np.uint8)
    y = np.kron(coarse, np.ones((4, 4), np.uint8))
    picture = Nv12(y, np.full((120, 160, 2), 128, np.uint8))
    with FrameWriter(tmp_path / "frames.mp4", 320, 240, Fraction(25)) as writer:
        for _ in range(3):
            writer.write(picture)
    with TemplateFrames(tmp_path / "frames.mp4", 3) as frames:
        assert np.abs(frames.get(2).y.astype(int) - y).mean() < 1.5


def test_a_damaged_store_is_told(tmp_path: Path, stored: Path) -> None:
    broken = tmp_path / "frames.mp4"
    broken.write_bytes(b"not a video")
    with pytest.raises(UnhealthyError, match="damaged"):
        TemplateFrames(broken, COUNT)
    with TemplateFrames(stored, COUNT + GROUP) as frames, pytest.raises(UnhealthyError, match="damaged") as error:
        frames.get(COUNT + 1)
    assert "enrol" in error.value.hint


def test_ping_pong_by_hand() -> None:
    assert [ping_pong(i, 4) for i in range(10)] == [0, 1, 2, 3, 2, 1, 0, 1, 2, 3]
    assert [ping_pong(i, 2) for i in range(4)] == [0, 1, 0, 1]
    assert [ping_pong(i, 1) for i in range(3)] == [0, 0, 0]


@given(i=st.integers(0, 10_000_000), count=st.integers(2, 15_000))
def test_ping_pong_never_jumps_and_never_stands(i: int, count: int) -> None:
    here, there = ping_pong(i, count), ping_pong(i + 1, count)
    assert 0 <= here < count
    assert abs(there - here) == 1
