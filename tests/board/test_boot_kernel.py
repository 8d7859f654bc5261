"""The boot chain with the real kernel: from U-Boot through a signed image to process 1, and back when that fails."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.board import boot_chain
from tests.board.boot_chain import Box, Systems
from tools.virtual_board import board, media

pytestmark = pytest.mark.skipif(bool(boot_chain.NO_KERNEL), reason=boot_chain.NO_KERNEL)

LOOK = """
cat /proc/mtd
echo "flash: $(dd if=/dev/mtd$(grep '"env"' /proc/mtd | cut -c4) bs=1 skip=5 count=11 2>/dev/null)"
echo "watchdog: $(cat /sys/class/watchdog/watchdog0/identity), $(cat /sys/class/watchdog/watchdog0/nowayout)"
poweroff -f
"""

# Each is one write of its own: a buffer, parts of words beside words that are written already, more than a buffer.
WRITE = """
{ printf ABCDEFGHIJKLMNOP; printf qrs; printf tuvwxyz; printf '!'; dd if=/dev/zero bs=5001 count=1; printf end; } \
    > /dev/$(grep '"config"' /proc/mtd | cut -d: -f1)
poweroff -f
"""


def test_linux_starts_from_a_slot_and_sees_the_boards_flash(box: Callable[..., Box], systems: Systems) -> None:
    boots = box(a=systems.linux("look", LOOK)).run()
    assert boots.started == ["A"]
    nor = board.description().nor
    assert nor is not None
    seen = re.findall(r'mtd\d+: (\w+) (\w+) "([\w-]+)"', boots.console)
    assert {(int(size, 16), int(erase, 16), name) for size, erase, name in seen} == {
        (partition.size, nor.erase, partition.name) for partition in nor.partitions
    }
    assert "flash: BOOT_A_LEFT" in boots.console
    assert "watchdog: i6300ESB timer, 1" in boots.console


def test_what_linux_writes_to_the_flash_leaves_what_lies_beside_it(box: Callable[..., Box], systems: Systems) -> None:
    written = box(a=systems.linux("write", WRITE))
    written.run()
    expected = b"ABCDEFGHIJKLMNOPqrstuvwxyz!" + bytes(5001) + b"end"
    content = media.read_nor(written.chips, "config")
    assert content == expected.ljust(len(content), b"\xff")


def test_recovery_starts_from_the_flash_with_its_kernel_compressed(box: Callable[..., Box], systems: Systems) -> None:
    recovery = systems.linux("recovery", "poweroff -f", "lzma")
    assert box(a=None, b=None, recovery=recovery).run(disk=False).started == ["recovery:no-slot"]


def test_a_kernel_that_panics_is_tried_again_and_then_the_other_slot_starts(
    box: Callable[..., Box], systems: Systems
) -> None:
    boots = box({"BOOT_A_LEFT": "2"}, a=systems.linux("panic", "exit 1")).run()
    assert boots.started == ["A", "A", "B"]
    assert boots.console.count("Kernel panic - not syncing: Attempted to kill init!") == 2


def test_a_system_that_does_not_feed_the_watchdog_is_reset(box: Callable[..., Box], systems: Systems) -> None:
    idle = systems.linux("idle", "while :; do sleep 1000; done")
    assert box({"BOOT_A_LEFT": "1"}, a=idle).run().started == ["A", "B"]
