"""Previews come when they are due, small, in the right colours, and only read the planes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from appliance.pipeline import yuv
from appliance.pipeline.preview import SIDE, Preview, jpeg


def decoded(data: bytes) -> yuv.Plane:
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), np.uint8)


@pytest.mark.parametrize(
    ("size", "shown"), [((1024, 1024), (480, 480)), ((1080, 1920), (270, 480)), ((128, 96), (128, 96))]
)
def test_a_picture_small_and_in_its_colours(size: tuple[int, int], shown: tuple[int, int]) -> None:
    height, width = size
    bgr = np.zeros((height, width, 3), np.uint8)
    bgr[:, : width // 2], bgr[:, width // 2 :] = (40, 80, 200), (200, 60, 30)
    planes = yuv.planes(bgr)
    before = [plane.copy() for plane in planes]
    picture = decoded(jpeg(*planes))
    assert picture.shape == (*shown, 3)
    assert max(shown) <= SIDE
    expected = cv2.resize(bgr, shown[::-1], interpolation=cv2.INTER_AREA).astype(int)
    assert np.abs(picture.astype(int) - expected).mean() < 4
    assert all(np.array_equal(plane, old) for plane, old in zip(planes, before, strict=True))


def test_only_when_due(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("appliance.pipeline.preview.time.monotonic", lambda: now[0])
    planes = yuv.planes(np.full((64, 64, 3), 90, np.uint8))
    seen: list[bytes] = []
    preview = Preview(seen.append)
    counts = []
    for _ in range(100):
        preview.offer(*planes)
        counts.append(len(seen))
        now[0] += 0.1
    assert counts[0] == 1, "the first picture at once"
    assert len(seen) == 7, "then every 1.5 of 10 seconds"


def test_a_slow_listener_is_not_called_twice_at_once() -> None:
    planes = yuv.planes(np.full((64, 64, 3), 90, np.uint8))
    calls: list[bytes] = []

    def show(data: bytes) -> None:
        calls.append(data)
        preview.offer(*planes)  # as another thread would, while this one is busy

    preview = Preview(show)
    preview.offer(*planes)
    assert len(calls) == 1
