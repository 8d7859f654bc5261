"""What the tests of the boot chain share: a virtual board with payloads for systems, and its environment.

A payload (`inside/payload.c`) says on the serial port with which command line it was started, and then switches off,
resets, or hangs. The board runs until one of them switches it off, so a test sees every boot on the way.
"""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from tools.virtual_board import board, fit, initramfs, kbuild, linux, machine, media, qemu, uboot

ENVIRONMENTS: Final = ("env", "env-redundant")
ACTIVE, OBSOLETE = 1, 0
_PAYLOAD: Final = Path(__file__).parent / "inside/payload.c"
_LINK: Final = "-Wl,--build-id=none,-Ttext=0x1000,--section-start=.head=0"


def missing() -> str:
    """Why the boot chain cannot be tested here, or nothing."""
    for program in (f"{kbuild.COMPILER}gcc", "dtc", "openssl", "/sbin/sfdisk"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    emulator = qemu.place()
    if not uboot.place().exists() or (emulator is not None and not emulator.exists()):
        return "the virtual board is not built: make test-board"
    return ""


NO_KERNEL: Final = missing() or ("" if linux.place().exists() else "the kernel is not built: make test-board")
"""Why nothing with the real kernel can be tested here, or nothing."""


def packed(variables: Mapping[str, str], *, flag: int = ACTIVE) -> bytes:
    """A copy of the environment as U-Boot writes it to flash: CRC, flag, strings."""
    size = board.nor_partition("env").size
    strings = b"".join(f"{name}={value}\0".encode() for name, value in variables.items())
    data = (strings + b"\0").ljust(size - 5, b"\0")
    return struct.pack("<IB", zlib.crc32(data), flag) + data


def unpacked(copy: bytes) -> dict[str, str] | None:
    """The variables of a copy, or None where its CRC is wrong."""
    crc, data = struct.unpack("<I", copy[:4])[0], copy[5:]
    if zlib.crc32(data) != crc:
        return None
    strings = data[: data.index(b"\0\0")].decode().split("\0")
    return dict(string.split("=", 1) for string in strings)


class Systems:
    """Signed images of payloads, made once: `off`, `reset` and `hang`, and what a test makes of them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.tools = folder, uboot.build()
        self.keys, self.foreign_keys = folder / "keys", folder / "foreign"
        for keys in (self.keys, self.foreign_keys):
            keys.mkdir()
            fit.new_key(keys)
        self._tree, control = folder / "machine.dtb", folder / "control.dtb"
        qemu.device_tree(self._tree)
        fit.control_tree(self.tools, self.keys, self._tree, control)
        self.uboot = (self.tools / "u-boot-nodtb.bin").read_bytes() + control.read_bytes()
        (folder / "initramfs").write_bytes(b"\0" * 512)
        for name, action in (("off", "SYSTEM_OFF"), ("reset", "SYSTEM_RESET"), ("hang", "HANG")):
            self._compile(name, action)
        self.off, self.reset, self.hang = (self.image(name) for name in ("off", "reset", "hang"))

    def image(self, payload: str, keys: Path | None = None, name: str = "") -> Path:
        """A payload's FIT, signed with the board's key or with another."""
        target = self.folder / f"{name or payload}.fit"
        kernel, initramfs = self.folder / f"{payload}.bin", self.folder / "initramfs"
        fit.image(self.tools, keys or self.keys, target, kernel=kernel, initramfs=initramfs, device_tree=self._tree)
        return target

    def linux(self, name: str, then: str, compression: Literal["none", "lzma"] = "none") -> Path:
        """A FIT with the real kernel, whose process 1 says what it was started with and then does what `then` says."""
        initramfs_file, tree = self.folder / f"{name}.cpio", self.folder / "partitioned.dtb"
        greeting = 'echo "payload: started with $(cat /proc/cmdline)"'
        initramfs.build(initramfs_file, f"{initramfs.MOUNTS}{greeting}\n{then}\n")
        target = self.folder / f"{name}.fit"
        fit.image(
            self.tools,
            self.keys,
            target,
            kernel=linux.build() / "Image",
            initramfs=initramfs_file,
            device_tree=fit.with_partitions(self._tree, tree),
            compression=compression,
        )
        return target

    def _compile(self, name: str, action: str) -> None:
        program, image = self.folder / f"{name}.elf", self.folder / f"{name}.bin"
        flags = ["-Wall", "-Werror", "-Os", "-ffreestanding", "-nostdlib", "-static", "-fno-pic", "-mstrict-align"]
        command = [f"{kbuild.COMPILER}gcc", *flags, "-mgeneral-regs-only", _LINK, f"-DACTION={action}"]
        subprocess.run([*command, str(_PAYLOAD), "-o", str(program)], check=True)
        subprocess.run([f"{kbuild.COMPILER}objcopy", "-O", "binary", str(program), str(image)], check=True)


@dataclass(frozen=True, slots=True)
class Boots:
    """What a run of the board showed on its serial port."""

    console: str

    @property
    def started(self) -> list[str]:
        """The systems that were started, in order: a slot's letter, or `recovery:REASON`."""
        found = re.findall(r"payload: started with .*?(?:rauc\.slot=(\w+)|mouthpiece\.recovery=(\S+))", self.console)
        return [slot or f"recovery:{reason}" for slot, reason in found]

    @property
    def resets(self) -> int:
        """How often U-Boot began, without the first time."""
        return len(re.findall(r"^U-Boot 20", self.console, re.MULTILINE)) - 1


@dataclass(slots=True)
class Box:
    """A board with a payload in each slot and in recovery, which has two places. None leaves a partition empty."""

    folder: Path
    systems: Systems
    a: Path | None
    b: Path | None
    recovery: Path | None
    disks_recovery: Path | None = None
    environment: Mapping[str, bytes] = field(default_factory=dict)
    """Raw content of the partitions `env` and `env-redundant`; erased where it is not said."""
    chips: tuple[Path, Path] = field(init=False)
    disk: Path = field(init=False)

    def __post_init__(self) -> None:
        self.chips, self.disk = (self.folder / "nor0", self.folder / "nor1"), self.folder / "disk"
        contents = {"u-boot": self.systems.uboot, **dict.fromkeys(ENVIRONMENTS, b""), **self.environment}
        if self.recovery is not None:
            contents["recovery"] = self.recovery.read_bytes()
        media.write_nor(self.chips, contents)
        images = {"boot-a": self.a, "boot-b": self.b, "recovery": self.disks_recovery}
        media.write_disk(self.disk, {name: image for name, image in images.items() if image is not None})

    def run(
        self, *, disk: bool = True, flash_worn_out: bool = False, instant: bool = False, typed: bytes = b""
    ) -> Boots:
        """Switch the board on and wait until it has switched itself off."""
        the_machine = machine.Machine(
            chips=self.chips, disk=self.disk if disk else None, flash_worn_out=flash_worn_out, instant=instant
        )
        return Boots(the_machine.run(self.folder / "console", timeout_s=300, typed=typed))

    def stored(self) -> dict[str, str]:
        """The environment in flash: of two good copies the active one."""
        copies = [media.read_nor(self.chips, name) for name in ENVIRONMENTS]
        good = [copy for copy in copies if unpacked(copy) is not None]
        newest = max(good, key=lambda copy: copy[4] == ACTIVE)
        return unpacked(newest) or {}
