"""The still picture of real videos."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from appliance.jobs import poster
from tests import moving_pictures


@pytest.mark.parametrize(("frames", "shown"), [(50, 25), (10, 5), (1, 0)])
def test_it_is_the_frame_after_a_second_or_in_the_middle(tmp_path: Path, frames: int, shown: int) -> None:
    pictures = [np.full((64, 96, 3), 4 * number, np.uint8) for number in range(frames)]
    moving_pictures.write_video(tmp_path / "a.mp4", pictures)
    picture = cv2.imdecode(np.frombuffer(poster.jpeg(tmp_path / "a.mp4"), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape == (64, 96, 3)
    assert abs(float(picture.mean()) - 4 * shown) < 5


def test_a_large_one_is_made_smaller(tmp_path: Path) -> None:
    moving_pictures.write_video(tmp_path / "a.mp4", [np.full((1280, 720, 3), 90, np.uint8)] * 3)
    picture = cv2.imdecode(np.frombuffer(poster.jpeg(tmp_path / "a.mp4"), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape == (640, 360, 3)
