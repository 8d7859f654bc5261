"""What `make image` gathers, and what it asks for before it builds."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from appliance.errors import InputError, UnhealthyError
from tools.yocto import image


@pytest.fixture
def deployed(tmp_path: Path) -> Path:
    folder = tmp_path / "deploy"
    folder.mkdir()
    (folder / "mouthpiece-image-rock-5b.rootfs-20261121.squashfs-zst.verity").write_bytes(b"root")
    link = folder / "mouthpiece-image-rock-5b.rootfs.squashfs-zst.verity"
    link.symlink_to("mouthpiece-image-rock-5b.rootfs-20261121.squashfs-zst.verity")
    with (folder / "mouthpiece-disk-image-rock-5b.img").open("wb") as file:
        file.truncate(1 << 30)
    (folder / "Image").write_bytes(b"kernel")
    return folder


def test_everything_of_ours_is_gathered_once_and_sparse_with_its_checksum(deployed: Path, tmp_path: Path) -> None:
    made = image.gather(deployed, tmp_path / "out")
    names = {"mouthpiece-image-rock-5b.rootfs.squashfs-zst.verity", "mouthpiece-disk-image-rock-5b.img"}
    assert {path.name for path in made.iterdir()} == {*names, "SHA256SUMS"}
    assert not any(path.is_symlink() for path in made.iterdir())
    assert (made / "mouthpiece-disk-image-rock-5b.img").stat().st_blocks == 0
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=made, check=True)


def test_what_an_earlier_build_left_is_gone(deployed: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mouthpiece-old.img").touch()
    assert not (image.gather(deployed, tmp_path / "out") / "mouthpiece-old.img").exists()


def test_a_build_that_deployed_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UnhealthyError, match="nothing was deployed"):
        image.gather(tmp_path, tmp_path / "out")


def test_missing_keys_are_asked_for_before_hours_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(InputError, match=r"has no mouthpiece\.key") as caught:
        image.build("rock-5b", "rock-5b", tmp_path)
    assert "docs/YOCTO.md" in caught.value.hint


def test_root_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(InputError, match="as root"):
        image.build("rock-5b", "rock-5b", tmp_path)
