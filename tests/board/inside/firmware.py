"""In the guest: firmware on a NOR and on a disk with the ROCK 5B's table, renewed by real RAUC and with power cuts.

    python -m tests.board.inside.firmware           all of it
    python -m tests.board.inside.firmware killed    go as far as the NOR's ID block, and wait for the guest to be killed

The NOR is `kept_flash`, whose power can be cut to the byte. The disk is real; whoever writes to it is killed.
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from appliance.errors import ApplianceError
from appliance.storage import nor
from appliance.update import rauc
from tests.board.inside import kept
from tests.board.inside.facts import Facts
from tests.rockchip_firmware import firmware, started
from tools.bundle_hook import rockchip
from tools.images.__main__ import board

BUNDLES: Final = Path("/out/bundles")
CHIP: Final = Path("/dev/mtd0")
ERASE: Final = 64 << 10
SLOT_BYTES: Final = 8 << 20
NEW: Final = {"NOR": firmware(3, 2 * ERASE + 1000), "disk": firmware(4, (1 << 20) + 5000)}
OLD: Final = {"NOR": firmware(1, ERASE + 700), "disk": firmware(2, 600_000)}
OTHER: Final = {"NOR": firmware(5, 3 * ERASE), "disk": firmware(6, 700_000)}
LONGEST: Final = 3 * ERASE, (1 << 20) + 5000
Images = dict[str, bytes]


def main(how: str = "") -> None:
    described = board("rock-5b").nor
    assert described
    partition = described.named("u-boot")
    assert partition
    kept.plug_in(nor=partition.size)
    if how == "killed":
        wait_to_be_killed()
    rockchip.NOR.parent.mkdir(parents=True, exist_ok=True)
    rockchip.NOR.symlink_to(CHIP)
    facts = Facts()
    hold(OLD)
    updates(facts)
    facts["cuts of the NOR"] = cuts_of_the_nor()
    facts["cuts of the disk"] = cuts_of_the_disk()


def wait_to_be_killed() -> None:
    rockchip.DISK.parent.mkdir(parents=True)
    rockchip.DISK.symlink_to("/dev/vda1")
    hold(OLD)
    kept.cut_after(rockchip.NorCopy.head)
    try:
        renew(NEW)
    except ApplianceError:
        assert kept.is_cut()
        Path("/out/cut").touch()
        signal.pause()


def updates(facts: Facts) -> None:
    facts["before"] = state()
    facts["too large"] = install("too-large"), state()
    facts["foreign"] = install("foreign"), state()
    # After the disk's copy, in the midst of the NOR's.
    kept.cut_after(ERASE + 1000)
    outcome = install("good")
    kept.power_on()
    facts["NOR fails"] = outcome, state()
    facts["good"] = install("good"), state()
    before = sectors_written()
    facts["again"] = install("good"), state(), sectors_written() - before
    facts["journal"] = subprocess.run(
        ["journalctl", "--unit=rauc", "--output=cat"], check=True, capture_output=True, text=True
    ).stdout


def install(name: str) -> str:
    try:
        rauc.install(BUNDLES / f"{name}.raucb")
    except ApplianceError as error:
        return error.message
    return "installed"


def state() -> dict[str, Any]:
    system = rauc.system()
    labels = Path("/dev/disk/by-partlabel")
    return {
        "primary": system.primary,
        "slots": {slot.bootname: slot.boot_status for slot in system.slots},
        "roots": {name: digest((labels / name).open("rb").read(SLOT_BYTES)) for name in ("root-a", "root-b")},
        "firmware": {
            name: digest(held[: len(NEW[name])]) for name, held in zip(("NOR", "disk"), copies(), strict=True)
        },
        "starts": found_whole(),
    }


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def sectors_written() -> int:
    """To the disk's partition with the firmware, since the guest started."""
    name = rockchip.DISK.resolve().name
    return int(Path("/sys/class/block", name, "stat").read_text().split()[6])


def hold(images: Images) -> None:
    medium = nor.open_medium(CHIP, size=0, erase_size=0, writable=True)
    with medium:
        medium.erase(0, LONGEST[0])
        medium.program(0, images["NOR"])
    with rockchip.DISK.open("r+b") as disk:
        disk.write(images["disk"].ljust(LONGEST[1], b"\0"))
        os.fsync(disk.fileno())


def copies() -> tuple[bytes, bytes]:
    with nor.open_medium(CHIP, size=0, erase_size=0, writable=False) as medium:
        chip = medium.read(0, LONGEST[0])
    disk = os.open(rockchip.DISK, os.O_RDONLY)
    try:
        return chip, rockchip.DiskCopy(disk).read(0, LONGEST[1])
    finally:
        os.close(disk)


def found_whole() -> str:
    """Whose firmware the chip's ROM finds, if it is whole."""
    found = started(*copies())
    for name, images in (("old", OLD), ("new", NEW), ("other", OTHER)):
        if any(found.startswith(image) for image in images.values()):
            return name
    return "none"


def renew(images: Images, before_write: Callable[[], None] = lambda: None) -> None:
    descriptor = os.open(rockchip.DISK, os.O_RDWR)
    try:
        with nor.open_medium(CHIP, size=0, erase_size=0, writable=True) as medium:
            disk = _Watched(descriptor, before_write)
            rockchip.renew(disk, images["disk"], rockchip.NorCopy(medium), images["NOR"])
    finally:
        os.close(descriptor)


class _Watched(rockchip.DiskCopy):
    def __init__(self, descriptor: int, before_write: Callable[[], None]) -> None:
        super().__init__(descriptor)
        self._before_write = before_write

    def _put(self, offset: int, data: bytes) -> None:
        self._before_write()
        super()._put(offset, data[: len(data) // 2])
        self._before_write()
        super()._put(offset, data)


def cuts_of_the_nor() -> dict[str, int]:
    """Before, in and at the end of everything that is erased and written; what the ROM found then, and how often."""
    found: dict[str, int] = {}
    for after in instants(len(NEW["NOR"])):
        hold(OLD)
        kept.cut_after(after)
        try:
            renew(NEW)
        except ApplianceError:
            assert kept.is_cut()
        else:
            raise AssertionError(f"there was no byte {after}")
        kept.power_on()
        # The disk has its copy by then.
        assert found_whole() in ("old", "new"), f"after {after} bytes"
        found[found_whole()] = found.get(found_whole(), 0) + 1
        ended(after)
    return found


def instants(length: int) -> Iterator[int]:
    """After how many bytes that the NOR changes to cut the power."""
    head = rockchip.NorCopy.head
    steps = [head]
    for offset in range(0, length, ERASE):
        steps += [ERASE, min(ERASE, length - offset) - (0 if offset else head)]
    start = 0
    for step in [*steps, head]:
        yield from (start + into for into in (0, 1, step // 2, step - 1))
        start += step


def cuts_of_the_disk() -> dict[str, int]:
    found: dict[str, int] = {}
    number = 0
    while True:
        hold(OLD)
        if not killed_at(number):
            return found
        assert found_whole() in ("old", "new"), f"before write {number}"
        found[found_whole()] = found.get(found_whole(), 0) + 1
        ended(number)
        number += 1


def killed_at(number: int) -> bool:
    """Whether there was so many a write to the disk, at which the process that renews the firmware was killed."""
    child = os.fork()
    if child == 0:
        left = number

        def before_write() -> None:
            nonlocal left
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1

        renew(NEW, before_write)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def ended(number: int) -> None:
    """What was interrupted is ended by the next update, the same one or another."""
    images = (NEW, OTHER)[number % 2]
    renew(images)
    chip, disk = copies()
    assert chip.startswith(images["NOR"])
    assert disk.startswith(images["disk"])


if __name__ == "__main__":
    main(*sys.argv[1:])
