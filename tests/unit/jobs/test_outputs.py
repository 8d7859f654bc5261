"""From the work folder to where people find a video, with a crash after every step."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.jobs import outputs
from appliance.volumes import Volumes

JOB = "a" * 20
RESULT = {"output": f"{JOB}.mp4", "seconds": 1.5}


@pytest.fixture
def volumes(tmp_path: Path) -> Volumes:
    volumes = Volumes(tmp_path)
    outputs.work(volumes, JOB).mkdir(parents=True)
    (outputs.work(volumes, JOB) / outputs.MADE).write_bytes(b"video")
    return volumes


def found(volumes: Volumes) -> tuple[bytes, bytes]:
    return outputs.video(volumes, JOB).read_bytes(), outputs.poster(volumes, JOB).read_bytes()


def test_what_is_complete_is_placed(volumes: Volumes) -> None:
    assert outputs.completed(volumes, JOB) is None
    outputs.complete(volumes, JOB, b"poster", RESULT)
    assert outputs.completed(volumes, JOB) == RESULT
    outputs.place(volumes, JOB)
    assert found(volumes) == (b"video", b"poster")
    outputs.discard(volumes, JOB)
    assert not outputs.work(volumes, JOB).exists()
    assert found(volumes) == (b"video", b"poster")


def test_placing_goes_on_where_a_crash_ended_it(volumes: Volumes) -> None:
    outputs.complete(volumes, JOB, b"poster", RESULT)
    volumes.outputs.mkdir(parents=True)
    (outputs.work(volumes, JOB) / "poster.jpg").rename(outputs.poster(volumes, JOB))
    outputs.place(volumes, JOB)
    assert found(volumes) == (b"video", b"poster")
    outputs.place(volumes, JOB)
    assert found(volumes) == (b"video", b"poster")
    assert outputs.completed(volumes, JOB) == RESULT


def test_a_preview_is_replaced(volumes: Volumes) -> None:
    assert outputs.show(volumes, JOB, b"one")
    assert outputs.show(volumes, JOB, b"two")
    assert outputs.preview(volumes, JOB).read_bytes() == b"two"
    assert [path.name for path in outputs.preview(volumes, JOB).parent.iterdir()] == [f"{JOB}.jpg"]
    outputs.discard(volumes, JOB)
    assert not outputs.preview(volumes, JOB).exists()


def test_a_preview_that_cannot_be_written_stops_nothing(volumes: Volumes) -> None:
    volumes.run.write_text("a file, where a folder should be")
    assert not outputs.show(volumes, JOB, b"one")
