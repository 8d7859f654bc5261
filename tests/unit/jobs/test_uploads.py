"""What people hand in."""

from __future__ import annotations

import hashlib
import io
import os
import time
from pathlib import Path

import pytest

from appliance.errors import InputError, UnhealthyError
from appliance.jobs import uploads
from appliance.storage import atomic
from appliance.volumes import Volumes


@pytest.fixture
def volumes(tmp_path: Path) -> Volumes:
    return Volumes(tmp_path)


def receive(volumes: Volumes, data: bytes = b"hello", name: str = "a.wav", limit: int = 1000) -> uploads.Upload:
    return uploads.receive(volumes, io.BytesIO(data), name, limit)


def everything(volumes: Volumes) -> list[str]:
    return sorted(path.name for path in volumes.uploads.iterdir())


def test_an_upload_comes_back_whole(volumes: Volumes) -> None:
    data = os.urandom(1_000_000)
    upload = receive(volumes, data, "Stimme 你好.wav", len(data))
    assert uploads.get(volumes, upload.id) == upload
    assert upload.path.read_bytes() == data
    assert (upload.name, upload.size) == ("Stimme 你好.wav", len(data))
    assert upload.sha256 == hashlib.sha256(data).hexdigest()


def test_one_byte_too_many_is_refused_and_nothing_is_left(volumes: Volumes) -> None:
    receive(volumes, b"x" * 1000)
    with pytest.raises(InputError, match=r"a\.wav is larger"):
        receive(volumes, b"x" * 1001)
    assert len(everything(volumes)) == 1


def test_an_endless_stream_is_cut_off(volumes: Volumes) -> None:
    class Endless:
        def read(self, size: int, /) -> bytes:
            return b"x" * size

    with pytest.raises(InputError, match="larger"):
        uploads.receive(volumes, Endless(), "a.wav", 10_000_000)
    assert everything(volumes) == []


def test_an_empty_one_is_refused(volumes: Volumes) -> None:
    with pytest.raises(InputError, match="empty"):
        receive(volumes, b"")


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\voice.wav", "voice.wav"),
        ("a\x00b\nc\x1b[31m.wav", "a b c [31m.wav"),
        ("", "upload"),
        ("///", "upload"),
        ("x" * 500, "x" * 120),
    ],
)
def test_a_name_is_only_shown(volumes: Volumes, given: str, shown: str) -> None:
    upload = receive(volumes, name=given)
    assert upload.name == shown
    assert upload.path == volumes.uploads / upload.id / "content"


@pytest.mark.parametrize("wrong", ["", ".", "..", "../uploads", "a" * 20, "A" * 20, "a" * 19, "a/" * 10, "\x00" * 20])
def test_there_is_no_upload_of_another_id(volumes: Volumes, wrong: str) -> None:
    receive(volumes)
    with pytest.raises(InputError, match="no upload"):
        uploads.get(volumes, wrong)


def test_a_file_of_the_box_is_taken_over(volumes: Volumes, tmp_path: Path) -> None:
    recording = tmp_path / "recording.wav"
    recording.write_bytes(b"sound")
    upload = uploads.adopt(volumes, recording, "Kiosk")
    assert (upload.path.read_bytes(), upload.name) == (b"sound", "Kiosk")
    assert not recording.exists()


def test_old_ones_go_unless_they_are_needed(volumes: Volumes) -> None:
    old, needed, fresh = receive(volumes), receive(volumes), receive(volumes)
    for upload in (old, needed):
        os.utime(upload.path.parent, (time.time() - 7200,) * 2)
    assert uploads.sweep(volumes, 3600, {needed.id}) == [old.id]
    assert everything(volumes) == sorted([needed.id, fresh.id])


def test_a_sweep_removes_what_was_interrupted_and_not_what_is_coming_in(volumes: Volumes) -> None:
    receive(volumes)
    for name, age in (("dead", 7200), ("alive", 0)):
        folder = volumes.uploads / f"{atomic.PREFIX}{name}"
        folder.mkdir()
        (folder / "content").write_bytes(b"x")
        for path in (folder / "content", folder):
            os.utime(path, (time.time() - age,) * 2)
    uploads.sweep(volumes, 3600, set())
    assert f"{atomic.PREFIX}dead" not in everything(volumes)
    assert f"{atomic.PREFIX}alive" in everything(volumes)


def test_a_sweep_of_nothing(volumes: Volumes) -> None:
    assert uploads.sweep(volumes, 0, set()) == []


def test_a_disk_that_refuses_is_the_boxs_fault(volumes: Volumes) -> None:
    volumes.data.mkdir(parents=True)
    volumes.uploads.write_text("a file, where a folder should be")
    with pytest.raises(UnhealthyError, match="cannot be kept"):
        receive(volumes)
