"""What the tests of the whole share: one box, and small things to feed it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.pipeline.demo import draw_demo
from tests import sounds
from tests.integration.box import Box, leftovers


@pytest.fixture(scope="session")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """Whatever the tests do to it, nothing half-made stays in its volumes."""
    root = tmp_path_factory.mktemp("box")
    yield Box(root)
    assert leftovers(root) == []


@pytest.fixture(scope="session")
def drawing() -> NDArray[np.uint8]:
    """The demo avatar's picture at 256 x 256, BGR: a face that the detector finds."""
    return np.asarray(cv2.resize(draw_demo()[0], (256, 256), interpolation=cv2.INTER_AREA), dtype=np.uint8)


@pytest.fixture(scope="session")
def portrait(tmp_path_factory: pytest.TempPathFactory, drawing: NDArray[np.uint8]) -> Path:
    """The drawing as a file."""
    path = tmp_path_factory.mktemp("pictures") / "portrait.png"
    cv2.imwrite(str(path), drawing)
    return path


@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of a voice."""
    return sounds.speech(tmp_path_factory.mktemp("sounds") / "speech.wav")
