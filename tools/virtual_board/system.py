"""What a slot of the virtual board holds: a signed FIT, whose initramfs opens the one root that it knows the hash of.

The FIT is the same for both slots; the boot loader says which one it was started from. A root that is missing, not the
one that belongs to the FIT, or altered ends in a reset: the attempt is used up.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools.boards.rauc import COMPATIBLE
from tools.virtual_board import base, board, cache, fit, initramfs, kbuild, keys, linux, qemu, recovery, rootfs, uboot

_PROGRAM: Final = "usr/sbin/dmsetup"
_LIBRARIES: Final = "usr/lib/aarch64-linux-gnu"
_INIT: Final = f"""{initramfs.MOUNTS}
give_up() {{ echo "The root of slot $slot cannot be opened: $1"; reboot -f; }}
slot=$(sed -n 's/.*rauc\\.slot=\\([AB]\\).*/\\1/p' /proc/cmdline)
case $slot in A) name=root-a ;; B) name=root-b ;; *) give_up "there is no such slot" ;; esac
tries=0
until found=$(grep -lx "PARTNAME=$name" /sys/class/block/*/uevent); do
    [ $((tries += 1)) -le 100 ] || give_up "there is no partition $name"
    sleep 0.1
done
device=/dev/$(basename "${{found%/uevent}}")
sed "s#@DEVICE@#$device#g" /verity | dmsetup create root --readonly --noudevrules --noudevsync || give_up "dm-verity"
mkdir /root
mount -t squashfs -o ro /dev/dm-0 /root || give_up "it is no file system"
echo "The root of slot $slot is opened"
umount /sys/kernel/debug
for place in dev proc sys; do mount --move /$place /root/$place; done
exec switch_root /root /lib/systemd/systemd
"""


@dataclass(frozen=True, slots=True)
class System:
    version: str
    boot: Path
    root: Path

    def slot(self, letter: str) -> dict[str, Path]:
        """What lies in which partition of a disk, for slot "a" or "b"."""
        return {f"boot-{letter}": self.boot, f"root-{letter}": self.root}


def build(version: str, extra: Mapping[str, str] | None = None) -> System:
    """The system of a version; `extra` as in `rootfs.build`."""
    root = rootfs.build(version, extra)
    recipe: list[str | bytes] = [
        Path(__file__).read_bytes(),
        root.name,
        uboot.place().name,
        linux.place().name,
        fit.key().name,
    ]
    folder = cache.made(cache.place("system", recipe), lambda target: _make(target, root))
    return System(version, folder / "boot.img", root / "root.img")


def bundle(system: System, target: Path, signer: Path | None = None) -> None:
    """Write a signed RAUC bundle with a system and today's recovery; `signer` is a folder of `keys`."""
    folder = signer or keys.authority()
    target.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        content = Path(scratch) / "content"
        content.mkdir()
        for name, image in (("boot.img", system.boot), ("rootfs.img", system.root)):
            shutil.copy(image, content / name)
        recovery.image(content / "recovery.img")
        (content / "manifest.raucm").write_text(
            f"[update]\ncompatible={COMPATIBLE.format(machine=board.description().machine)}\nversion={system.version}\n[bundle]\nformat=verity\n"
            "[image.boot]\nfilename=boot.img\n[image.rootfs]\nfilename=rootfs.img\n"
            "[image.recovery]\nfilename=recovery.img\n"
        )
        certificate, key = (folder / name for name in keys.SIGNER)
        options = [f"--cert={certificate}", f"--key={key}", f"--keyring={folder / keys.AUTHORITY}"]
        options += ["--mksquashfs-args=-comp zstd -Xcompression-level 1"]
        subprocess.run(["rauc", *options, "bundle", str(content), str(target)], check=True, capture_output=True)


def _make(target: Path, root: Path) -> None:
    tree = target / "machine.dtb"
    qemu.device_tree(tree)
    packed = target / "initramfs"
    initramfs.build(packed, _INIT, {**_dmsetup(base.build()), "verity": root / "verity"})
    fit.image(
        uboot.build(),
        fit.key(),
        target / "boot.img",
        kernel=linux.build() / "Image",
        initramfs=packed,
        device_tree=fit.with_partitions(tree, target / "partitioned.dtb"),
    )


def _dmsetup(tree: Path) -> dict[str, Path]:
    """The program and every library that it loads, by their places in an initramfs."""
    found: dict[str, Path] = {"bin/dmsetup": tree / _PROGRAM}
    wanted = [tree / _PROGRAM]
    while wanted:
        shown = subprocess.run(
            [f"{kbuild.COMPILER}readelf", "--dynamic", str(wanted.pop())], check=True, capture_output=True, text=True
        ).stdout
        for line in shown.splitlines():
            if "(NEEDED)" not in line:
                continue
            name = line.partition("[")[2].rstrip("]")
            if f"lib/{name}" not in found:
                found[f"lib/{name}"] = tree / _LIBRARIES / name
                wanted.append(found[f"lib/{name}"])
    return found
