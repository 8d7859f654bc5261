"""What recovery says of an installation where the box's history of updates lies."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from appliance.console.recovery import bundles
from appliance.errors import InputError, UnhealthyError
from appliance.volumes import Volumes


def test_nothing_is_written_down_where_the_volume_is_not_mounted(tmp_path: Path) -> None:
    """It would lie in memory, in the way of the volume."""
    volumes = Volumes(tmp_path)
    volumes.state.mkdir(parents=True)
    assert not bundles.is_noted(volumes, "1.1.0", "rootfs.0")
    assert list(volumes.state.iterdir()) == []


class BreaksOff(io.BytesIO):
    """As a body whose keeping fills the memory."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().read(min(size or -1, 10))


def test_an_upload_without_room_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    volumes = Volumes(tmp_path)
    bundles.keep(volumes, io.BytesIO(b"earlier"), "earlier.raucb")
    with pytest.raises(UnhealthyError) as caught:
        bundles.keep(volumes, BreaksOff(b"x" * 100), "new.raucb")
    assert caught.value.message == "the upload cannot be kept: No space left on device"
    assert caught.value.hint
    assert not bundles.folder(volumes).exists()


def test_an_empty_upload_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    volumes = Volumes(tmp_path)
    with pytest.raises(InputError, match="no file was sent"):
        bundles.keep(volumes, io.BytesIO(), "new.raucb")
    assert not bundles.folder(volumes).exists()


def test_an_upload_fits_into_memory_three_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the request's body, the part of the form, and the file that is kept, all at once."""
    spare = 96 << 20
    monkeypatch.setattr(bundles, "_available", lambda: spare + 300)
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=1000, f_frsize=1 << 20))
    assert bundles.room(Volumes(tmp_path)) == 100
    monkeypatch.setattr(bundles, "_available", lambda: spare - 1)
    assert bundles.room(Volumes(tmp_path)) == 0
