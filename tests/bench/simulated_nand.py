"""UBIFS volumes on a NAND chip that the kernel simulates, and what was done to the chip. Needs root in a guest.

Erases are UBI's own counters of all blocks, from debugfs. Programmed bytes are what UBI hands to the MTD driver,
headers and padding included, summed by a histogram on a kernel probe at `ubi_io_write`.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CHIPS: Final = {64: 0xA2, 128: 0xA1, 256: 0xAA}
"""Size in MiB -> second byte of the id of an ST chip with pages of 2 KiB and blocks of 128 KiB."""
BLOCK_BYTES: Final = 128 * 1024
LEB_BYTES: Final = BLOCK_BYTES - 2048
"""UBI's two headers fit into a page, for the chip can be written in quarters of one."""
_TRACING: Final = Path("/sys/kernel/tracing")
_PROBE: Final = _TRACING / "events/kprobes/ubi_bytes"
_UBI: Final = Path("/sys/kernel/debug/ubi/ubi0/detailed_erase_block_info")
_VM: Final = Path("/proc/sys/vm")


@dataclass(frozen=True, slots=True)
class Wear:
    """What a chip has been through."""

    erases: int
    programmed: int

    def __sub__(self, before: Wear) -> Wear:
        return Wear(self.erases - before.erases, self.programmed - before.programmed)


def _do(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _erases() -> int:
    return sum(int(line.split()[1]) for line in _UBI.read_text().splitlines() if re.match(r"\s*\d+\s+\d+", line))


def _programmed() -> int:
    counted = re.findall(r"len:\s*(\d+)", (_PROBE / "hist").read_text())
    return sum(int(one) for one in counted)


def wear() -> Wear:
    """Once everything is on the chip and UBI has erased what it meant to."""
    _do("sync")
    before = -1
    while before != (now := _erases()):
        before = now
        time.sleep(1.0)
    return Wear(now, _programmed())


def written_back() -> None:
    """Wait until the kernel has written what files hold, as it does on a box within half a minute.

    `sync` would do more than that: it makes UBIFS commit its index, which nobody does on a box. The interval is
    UBIFS's too, for what fills no page of the flash yet.
    """
    (_VM / "dirty_expire_centisecs").write_text("1")
    (_VM / "dirty_writeback_centisecs").write_text("5")
    deadline = time.monotonic() + 60
    while re.search(r"^(Dirty|Writeback):\s+[1-9]", Path("/proc/meminfo").read_text(), re.MULTILINE):
        if time.monotonic() > deadline:
            raise TimeoutError("the kernel does not write back")
        time.sleep(0.02)
    time.sleep(0.15)
    (_VM / "dirty_writeback_centisecs").write_text("500")


@contextlib.contextmanager
def chip(chip_mb: int, volume_mb: int, state_mb: int = 0) -> Iterator[None]:
    """Put in a new chip with the volume `cache` on it and, if it has a size, the volume `state`."""
    for kind, where in (("debugfs", "/sys/kernel/debug"), ("tracefs", str(_TRACING))):
        if not Path(where).is_mount():
            _do("mount", "-t", kind, kind, where)
    for module in ("zstd", "lzo", "deflate", "ubifs"):
        _do("modprobe", module)
    _do("modprobe", "nandsim", f"id_bytes=0x20,{CHIPS[chip_mb]:#x},0x00,0x15")
    if not _PROBE.exists():
        # The fifth argument of ubi_io_write(ubi, buf, pnum, offset, len) is in the fifth register of the x86-64 ABI.
        (_TRACING / "kprobe_events").write_text("p:ubi_bytes ubi_io_write len=%r8:s32\n")
        (_PROBE / "trigger").write_text("hist:keys=common_type:vals=len\n")
    try:
        _do("ubiattach", "-m", "0")
        for name, size in (("cache", volume_mb), ("state", state_mb)):
            if size:
                _do("ubimkvol", "/dev/ubi0", "-N", name, "-s", f"{size}MiB")
        yield
    finally:
        subprocess.run(["ubidetach", "-m", "0"], check=False)
        _do("rmmod", "nandsim")


@contextlib.contextmanager
def mounted(place: Path, volume: str = "cache") -> Iterator[None]:
    """Mount a volume as the box does: the state with compression, the cache without."""
    place.mkdir(parents=True, exist_ok=True)
    compression = "zstd" if volume == "state" else "none"
    _do("mount", "-t", "ubifs", "-o", f"compr={compression},noatime", f"ubi0:{volume}", str(place))
    try:
        yield
    finally:
        _do("umount", str(place))


def attach_again() -> None:
    """What a restart does to a chip."""
    _do("ubidetach", "-m", "0")
    _do("ubiattach", "-m", "0")


@contextlib.contextmanager
def volume(chip_mb: int, volume_mb: int, place: Path) -> Iterator[None]:
    """A new chip with a volume for a cache, mounted."""
    with chip(chip_mb, volume_mb), mounted(place):
        yield
