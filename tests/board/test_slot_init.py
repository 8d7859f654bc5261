"""How a slot starts: its initramfs finds the root file system, checks it and hands over; or the box starts again.

The script and the shell function that makes the image are those of the Yocto layer; kernel, busybox and veritysetup are
Debian's.
"""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.board.guest import missing, release
from tools.boards.board import Bytes
from tools.images import disk
from tools.images.__main__ import board
from tools.recovery_image import archive, kernel

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing()), reason=missing() or "-")]

LAYER = Path(__file__).parents[2] / "yocto-layer/meta-mouthpiece"
SCRIPT = LAYER / "recipes-mouthpiece/boot/files/slot-init.sh"
CLASS = LAYER / "classes-recipe/mouthpiece_verity.bbclass"
MODULES = ("virtio_pci", "virtio_blk", "crc32c_generic", "squashfs", "dm-verity", "sha256_generic")
# What the board's kernel has built in is loaded first; then the script of the layer is process 1.
INIT = """#!/bin/sh
while read -r module; do insmod /lib/modules/$module; done < /lib/modules/order
exec /slot-init
"""
ROOT = """#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
echo "THE ROOT OF $(/bin/busybox cat /slot) HAS $(/bin/busybox wc -c < /large) BYTES"
echo o > /proc/sysrq-trigger
/bin/busybox sleep 60
"""
TIMEOUT_S = 240


def verity(folder: Path, name: str) -> Path:
    """A root file system with its tree of hashes, and the parameters beside it, by the function of the class."""
    tree = folder / f"tree-{name}"
    for inner in ("bin", "sbin", "dev", "proc", "sys"):
        (tree / inner).mkdir(parents=True)
    shutil.copy("/bin/busybox", tree / "bin/busybox")
    (tree / "sbin/init").write_text(ROOT)
    (tree / "sbin/init").chmod(0o755)
    (tree / "slot").write_text(f"{name}\n")
    (tree / "large").write_bytes(bytes(range(256)) * 4000)
    image = folder / f"root-{name}"
    command = ["mksquashfs", str(tree), str(image), "-quiet", "-no-progress", "-noappend", "-all-root", "-noI", "-noD"]
    subprocess.run(command, check=True, capture_output=True)
    function = re.search(r"^mouthpiece_verity\(\) \{.*?^\}", CLASS.read_text(), re.MULTILINE | re.DOTALL)
    assert function is not None
    script = f"set -eu; IMAGE_LINK_NAME={image}\n{function[0]}\nmouthpiece_verity {image}"
    subprocess.run(["sh", "-c", f"PATH=$PATH:/usr/sbin; {script}"], check=True, capture_output=True)
    return image.with_name(f"{image.name}.verity")


def initramfs(folder: Path, parameters: str) -> Path:
    tree = folder / "initramfs-tree"
    for inner in ("bin", "sbin", "dev", "proc", "sys", "root", "run", "etc", "lib", "lib64"):
        (tree / inner).mkdir(parents=True)
    shutil.copy("/bin/busybox", tree / "bin/busybox")
    names = subprocess.run(["/bin/busybox", "--list"], check=True, capture_output=True, text=True).stdout.split()
    for applet in names:
        (tree / "bin" / applet).symlink_to("busybox") if applet != "busybox" else None
    veritysetup = shutil.which("veritysetup", path="/usr/sbin:/sbin")
    assert veritysetup is not None
    shutil.copy(veritysetup, tree / "sbin/veritysetup")
    shown = subprocess.run(["ldd", veritysetup], check=True, capture_output=True, text=True).stdout
    for library in re.findall(r"(/\S+) \(0x", shown):
        shutil.copy(library, tree / ("lib64" if "ld-linux" in library else "lib"))
    (tree / "etc/mouthpiece-verity").write_text(parameters)
    shutil.copy(SCRIPT, tree / "slot-init")
    (tree / "init").write_text(INIT)
    for program in ("slot-init", "init"):
        (tree / program).chmod(0o755)
    kernel.add_modules(tree, release(), MODULES)
    target = folder / "initramfs"
    with target.open("wb") as file:
        archive.write(tree, file)
    return target


def started(folder: Path, roots: dict[str, Path], slot: str, signed: str) -> str:
    """What the console says; the machine ends by itself, switched off or restarted."""
    rock = board("rock-5b")
    parts = tuple(
        dataclasses.replace(one, size=Bytes(64 << 20)) if one.image == "rootfs" else one for one in rock.disk.partitions
    )
    image = folder / "disk"
    small = dataclasses.replace(rock, disk=dataclasses.replace(rock.disk, partitions=parts))
    disk.image(small, {f"root-{name}": path for name, path in roots.items()}, image)
    packed = initramfs(folder, (folder / f"root-{signed}.verity-parameters").read_text())
    command = ["qemu-system-x86_64", "-machine", "q35", "-accel", "tcg", "-cpu", "max", "-m", "512", "-nographic"]
    command += ["-no-reboot", "-kernel", f"/boot/vmlinuz-{release()}", "-initrd", str(packed)]
    command += ["-append", f"console=ttyS0 panic=-1 rauc.slot={slot}", "-nodefaults", "-serial", "stdio"]
    command += ["-drive", f"file={image},format=raw,if=virtio"]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=TIMEOUT_S
    )
    return done.stdout


@pytest.fixture
def roots(tmp_path: Path) -> dict[str, Path]:
    if not shutil.which("veritysetup", path="/usr/sbin:/sbin"):
        pytest.skip("cryptsetup-bin is not installed")
    return {name: verity(tmp_path, name) for name in ("a", "b")}


@pytest.mark.parametrize("slot", ["A", "B"])
def test_the_slot_that_the_boot_loader_names_is_started(slot: str, roots: dict[str, Path], tmp_path: Path) -> None:
    said = started(tmp_path, roots, slot, slot.lower())
    assert f"THE ROOT OF {slot.lower()} HAS 1024000 BYTES" in said, said[-3000:]


def test_a_root_that_this_slot_was_not_signed_for_does_not_start(roots: dict[str, Path], tmp_path: Path) -> None:
    said = started(tmp_path, roots, "A", "b")
    assert "THE ROOT OF" not in said
    assert "is corrupted" in said, said[-3000:]
    assert "machine restart" in said


def test_without_a_slot_the_box_starts_again(roots: dict[str, Path], tmp_path: Path) -> None:
    said = started(tmp_path, roots, "C", "a")
    assert "THE ROOT OF" not in said
    assert "cannot be opened; starting again" in said, said[-3000:]
    assert "machine restart" in said


def test_a_byte_that_changed_on_the_disk_is_never_read(roots: dict[str, Path], tmp_path: Path) -> None:
    content = bytearray(roots["a"].read_bytes())
    at = content.find(bytes(range(256)) * 20)
    assert at > 0
    content[at + 5] ^= 1
    roots["a"].write_bytes(content)
    said = started(tmp_path, roots, "A", "a")
    assert "THE ROOT OF" not in said
    assert "is corrupted" in said, said[-3000:]
