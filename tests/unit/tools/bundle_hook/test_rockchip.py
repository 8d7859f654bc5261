"""Two copies of the firmware, of which the chip's ROM always finds a whole one. The media are files."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import InputError, UnhealthyError
from appliance.storage import nor
from tests.rockchip_firmware import firmware, started
from tools.bundle_hook import rockchip

ERASE = 4096
UNIT = 16 << 10
NOR_SIZE, DISK_SIZE = 8 * ERASE, 8 * UNIT
Images = dict[str, bytes]
OLD = {"NOR": firmware(1, 5 * ERASE + 100), "disk": firmware(2, 3 * UNIT + 5000)}
NEW = {"NOR": firmware(3, 6 * ERASE + 7), "disk": firmware(4, 4 * UNIT + 900)}
OTHER = {"NOR": firmware(5, 4 * ERASE), "disk": firmware(6, 2 * UNIT)}
State = tuple[bytes, bytes]


class PowerCutError(Exception):
    pass


class Box:
    """A NOR and a disk. The power fails after `left` writes, or in the middle of the next one."""

    def __init__(self, folder: Path) -> None:
        self.nor, self.disk = folder / "nor", folder / "disk"
        self.writes = 0

    def hold(self, state: State) -> None:
        self.nor.write_bytes(state[0].ljust(NOR_SIZE, b"\xff"))
        self.disk.write_bytes(state[1].ljust(DISK_SIZE, b"\0"))

    def state(self) -> State:
        return self.nor.read_bytes(), self.disk.read_bytes()

    def renew(self, images: Images, left: int | None = None, *, torn: bool = False) -> list[str]:
        self.writes = 0
        descriptor = os.open(self.disk, os.O_RDWR)
        try:
            with nor.open_medium(self.nor, size=NOR_SIZE, erase_size=ERASE, writable=True) as medium:
                chip, disk = rockchip.NorCopy(medium), rockchip.DiskCopy(descriptor)
                disk.unit = UNIT
                for on, method, head in (
                    (medium, "_erase", 0),
                    (medium, "_program", chip.head),
                    (disk, "_put", disk.head),
                ):
                    setattr(on, method, self._cut(getattr(on, method), head, left, torn=torn))
                return rockchip.renew(disk, images["disk"], chip, images["NOR"])
        finally:
            os.close(descriptor)

    def _cut(self, really: Callable[[int, Any], None], head: int, left: int | None, *, torn: bool) -> Any:
        def write(offset: int, what: Any) -> None:
            """`what` is data, or how much is erased. What is no longer than the head is done or is not."""
            if self.writes == left:
                if torn and not isinstance(what, int) and len(what) > head:
                    really(offset, what[: len(what) // 2])
                elif torn and isinstance(what, int):
                    really(offset, what // 2)
                raise PowerCutError
            self.writes += 1
            really(offset, what)

        return write

    def starts(self) -> Images | None:
        """Whose firmware the ROM finds, if it is whole."""
        found = started(*self.state())
        return next((one for one in (OLD, NEW, OTHER) if any(found.startswith(image) for image in one.values())), None)

    def holds(self, images: Images) -> bool:
        chip, disk = self.state()
        return chip.startswith(images["NOR"]) and disk.startswith(images["disk"])


@pytest.fixture
def box(tmp_path: Path) -> Box:
    box = Box(tmp_path)
    box.hold((OLD["NOR"], OLD["disk"]))
    return box


def interrupted(box: Box, images: Images) -> set[State]:
    """What an update can leave behind, by a power cut between any two writes or in the middle of one."""
    before = box.state()
    box.renew(images)
    left: set[State] = set()
    for number in range(box.writes):
        for torn in (False, True):
            box.hold(before)
            with pytest.raises(PowerCutError):
                box.renew(images, number, torn=torn)
            left.add(box.state())
    return left


def test_both_copies_are_renewed_and_once_is_enough(box: Box) -> None:
    assert box.renew(NEW) == ["disk", "NOR"]
    assert box.holds(NEW)
    assert box.renew(NEW) == []
    assert box.writes == 0


def test_blocks_that_stay_as_they_are_are_not_worn(box: Box) -> None:
    box.renew(NEW)
    image = bytearray(NEW["NOR"])
    image[5 * ERASE + 1] ^= 1
    assert box.renew(NEW | {"NOR": bytes(image)}) == ["NOR"]
    # The head goes; the first block and the one that differs are erased and written; the head comes.
    assert box.writes == 6


def test_wherever_an_update_is_cut_off_the_rom_finds_whole_firmware(box: Box) -> None:
    states = interrupted(box, NEW)
    assert len(states) > 15
    found = []
    for state in states:
        box.hold(state)
        found.append(box.starts())
    assert OLD in found
    assert NEW in found
    assert None not in found


def test_the_next_update_ends_what_was_cut_off_and_may_be_cut_off_itself(box: Box) -> None:
    for state in interrupted(box, NEW):
        box.hold(state)
        for again in interrupted(box, OTHER):
            box.hold(again)
            assert box.starts() is not None
        box.hold(state)
        box.renew(OTHER)
        assert box.holds(OTHER)


def test_a_nor_without_firmware_gets_it_before_the_disk_is_touched(box: Box) -> None:
    box.hold((b"", OLD["disk"]))
    assert box.renew(NEW) == ["NOR", "disk"]


@pytest.mark.parametrize(("name", "size"), [("NOR", NOR_SIZE), ("disk", DISK_SIZE)])
def test_what_is_too_large_or_no_firmware_is_refused_and_nothing_is_written(box: Box, name: str, size: int) -> None:
    before = box.state()
    with pytest.raises(InputError, match=f"the firmware for the {name} has {size + 1} bytes, and its partition {size}"):
        box.renew(NEW | {name: firmware(7, size + 1)})
    with pytest.raises(InputError, match=f"the firmware for the {name} has no ID block"):
        box.renew(NEW | {name: bytes(4096)})
    assert box.state() == before


def test_a_nor_that_does_not_hold_what_is_written_is_named_and_the_disk_starts_the_box(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = nor.FileMedium._program

    def worn(self: nor.FileMedium, offset: int, data: bytes) -> None:
        really(self, offset, data if offset < ERASE else bytes(len(data)))

    monkeypatch.setattr(nor.FileMedium, "_program", worn)
    with pytest.raises(UnhealthyError, match="cannot be written to the NOR: the flash does not hold what was written"):
        box.renew(NEW)
    assert box.starts() is NEW


def test_a_nor_that_is_locked_until_it_is_erased_is_written(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    program, erase = nor.FileMedium._program, nor.FileMedium._erase
    unlocked = set()

    def unlocking(self: nor.FileMedium, offset: int, length: int) -> None:
        unlocked.add(offset // ERASE)
        erase(self, offset, length)

    def locked(self: nor.FileMedium, offset: int, data: bytes) -> None:
        if offset // ERASE in unlocked:
            program(self, offset, data)

    monkeypatch.setattr(nor.FileMedium, "_erase", unlocking)
    monkeypatch.setattr(nor.FileMedium, "_program", locked)
    assert box.renew(NEW) == ["disk", "NOR"]
    assert box.holds(NEW)


@pytest.mark.parametrize("kind", ["rksd", "rkspi"])
def test_what_mkimage_makes_for_this_kind_of_rom_is_firmware(kind: str, tmp_path: Path) -> None:
    """The RK3568's ROM wants the same ID block, and older programs know it already."""
    if not shutil.which("mkimage"):
        pytest.skip("u-boot-tools is not installed")
    for name in ("tpl", "spl"):
        (tmp_path / name).write_bytes(name.encode() * 4000)
    parts = f"{tmp_path / 'tpl'}:{tmp_path / 'spl'}"
    command = ["mkimage", "-n", "rk3568", "-T", kind, "-d", parts, str(tmp_path / "out")]
    subprocess.run(command, check=True, capture_output=True)
    image = (tmp_path / "out").read_bytes()
    assert rockchip.is_firmware(image)
    assert not rockchip.is_firmware(image[:100] + b"\xff" + image[101:])
    assert not rockchip.is_firmware(b"\0" * 256 + image[256:])
