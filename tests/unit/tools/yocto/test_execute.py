"""What is said of two runs of the recipes, and the keys for them; the runs themselves are `make yocto-exec`."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.board.bundles import Signer, bundle
from tools.images import disk, nor
from tools.images.__main__ import board
from tools.yocto import execute, kas
from tools.yocto.check import Result


def folder(path: Path, **contents: bytes) -> Path:
    path.mkdir()
    for name, content in contents.items():
        (path / name.replace("_", ".")).write_bytes(content)
    return path


def test_the_same_bytes_pass_and_the_bundle_is_not_compared(tmp_path: Path) -> None:
    one = folder(tmp_path / "one", nor_img=b"nor", bundle_raucb=b"salt")
    other = folder(tmp_path / "other", nor_img=b"nor", bundle_raucb=b"other salt")
    assert execute._same(one, other) == Result("twice the same", True, "nor.img")


def test_what_differs_or_is_missing_is_named(tmp_path: Path) -> None:
    one = folder(tmp_path / "one", nor_img=b"nor", nand_img=b"nand", same=b"")
    other = folder(tmp_path / "other", nor_img=b"NOR", same=b"")
    assert execute._same(one, other) == Result("twice the same", False, "nand.img\nnor.img")


def test_the_keys_are_those_that_the_build_asks_for_and_stay(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    execute.make_keys(keys)
    assert {"mouthpiece.key", "mouthpiece.crt", "bundle.key.pem", "bundle.cert.pem", "keyring.pem"} == {
        path.name for path in keys.iterdir()
    }
    shown = subprocess.run(
        ["openssl", "x509", "-in", str(keys / "bundle.cert.pem"), "-noout", "-text"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert "Code Signing" in shown
    before = (keys / "mouthpiece.key").read_bytes()
    execute.make_keys(keys)
    assert (keys / "mouthpiece.key").read_bytes() == before


@pytest.mark.parametrize("machine", execute.BOARDS)
def test_the_environment_is_read_where_the_board_has_it(
    machine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not shutil.which("fw_printenv"):
        pytest.skip("libubootenv-tool is not installed")
    monkeypatch.setattr(kas, "WORK", tmp_path)
    made = execute.Made(machine, tmp_path, tmp_path)
    image = made.file("mouthpiece-nor-image", ".img")
    image.write_bytes(nor.image(board(execute.BOARDS[machine]), {}))
    assert set(execute._nor(made).split()) == {"BOOT_ORDER=A", "B", "BOOT_A_LEFT=3", "BOOT_B_LEFT=3"}
    image.write_bytes(b"\xff" * image.stat().st_size)
    assert not execute._read("NOR", execute._nor, made).passed


@pytest.mark.parametrize(
    ("size", "where"), [(4096, "on the disk and in the NOR"), (12 << 20, "on the disk; too large for the NOR")]
)
def test_recovery_must_lie_where_u_boot_will_find_it(size: int, where: str, tmp_path: Path) -> None:
    if not shutil.which("sfdisk", path=f"{os.environ['PATH']}:/usr/sbin:/sbin"):
        pytest.skip("fdisk is not installed")
    made = execute.Made("rock-5b", tmp_path, tmp_path)
    fit = made.file("mouthpiece-recovery-fit", ".fit")
    fit.write_bytes(b"recovery" * (size // 8))
    nor_image, disk_image = (made.file(f"mouthpiece-{kind}-image", ".img") for kind in ("nor", "disk"))
    nor_image.write_bytes(nor.image(board("rock-5b"), {"recovery": fit.read_bytes()}))
    disk.image(board("rock-5b"), {"recovery": fit}, disk_image)
    assert execute._recovery(made) == f"{size} bytes, {where}"
    disk.image(board("rock-5b"), {}, disk_image)
    assert not execute._read("recovery", execute._recovery, made).passed


def test_firmware_must_lie_where_the_rom_will_find_it_and_in_the_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if absent := [name for name in ("rauc", "mksquashfs", "unsquashfs") if not shutil.which(name)]:
        pytest.skip(f"{absent[0]} is not installed")
    monkeypatch.setattr(kas, "WORK", tmp_path)
    signer = Signer.new(tmp_path / "signer")
    shutil.copy(signer.authority, tmp_path / "keyring.pem")
    made = execute.Made("rock-5b", tmp_path, tmp_path)
    assert execute._firmware(made) == "the bundle brings none"
    images = {"firmware.img": b"disk" * 1000, "firmware-nor.img": b"nor" * 1000}
    for kind, content in (("u-boot-rockchip", "firmware.img"), ("u-boot-rockchip-spi", "firmware-nor.img")):
        made.file(kind, ".bin").write_bytes(images[content])
    disk.image(
        board("rock-5b"), {"u-boot": made.file("u-boot-rockchip", ".bin")}, made.file("mouthpiece-disk-image", ".img")
    )
    made.file("mouthpiece-nor-image", ".img").write_bytes(
        nor.image(board("rock-5b"), {"u-boot": images["firmware-nor.img"]})
    )
    target = made.file("mouthpiece-bundle", ".raucb")
    bundle(target, signer, "1.0.0", "mouthpiece-rock-5b", firmware=images)
    assert execute._firmware(made) == "4000 bytes on the disk, 3000 in the NOR, and both in the bundle"
    target.unlink()
    shutil.rmtree(target.with_suffix(".d"))
    bundle(target, signer, "1.0.0", "mouthpiece-rock-5b", firmware=images | {"firmware-nor.img": b"other"})
    assert execute._read("firmware", execute._firmware, made).detail == "the bundle's firmware-nor.img is another one\n"
