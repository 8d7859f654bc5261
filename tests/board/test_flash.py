"""A data disk that breaks, a job database and a log on UBIFS, and a power cut that no promise is lost by."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests import sounds
from tests.board.guest import Guest, missing

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing("ubiattach")), reason=missing("ubiattach") or "-")]

BOOT_S = 500
MOUNT = """
modprobe -a ext4 zstd lzo ubi ubifs
modprobe block2mtd block2mtd=/dev/vdb,131072
ubiattach -m 0
mkdir -p /mnt/box/data /mnt/box/nand/state
mount /dev/vda /mnt/box/data
mount -t ubifs -o compr=zstd ubi0:state /mnt/box/nand/state
"""
MAKE = """
modprobe -a ext4 ubi
modprobe block2mtd block2mtd=/dev/vdb,131072
mkfs.ext4 -q /dev/vda
ubiattach -m 0
ubimkvol /dev/ubi0 -N state -s 16MiB
ubidetach -m 0
rmmod block2mtd
"""

Told = dict[str, Any]


@pytest.fixture(scope="module")
def boots(tmp_path_factory: pytest.TempPathFactory) -> tuple[Told, Told]:
    """What was found before the power cut, and what by the boot after it."""
    folder = tmp_path_factory.mktemp("first")
    flash = folder / "flash.raw"
    flash.write_bytes(b"\xff" * (32 << 20))
    first = Guest(folder, disks=[24 << 20, flash])
    speech = sounds.speech(first.out / "speech.wav").read_bytes()
    cut = first.run_inside("flash before", before=MAKE + MOUNT, timeout_s=BOOT_S)
    assert cut.status is None, cut.explain()
    assert (cut.out / "acknowledged").exists(), cut.explain()

    second = Guest(tmp_path_factory.mktemp("second"), disks=first.disks)
    (second.out / "speech.wav").write_bytes(speech)
    (second.out / "acknowledged").write_text(cut.text("acknowledged"))
    after = second.run_inside("flash after", before=MOUNT, timeout_s=BOOT_S)
    return json.loads(cut.text("facts")), after.facts()


@pytest.mark.parametrize(
    ("trouble", "words", "finding"),
    [
        ("full", "No space left on device", "0 MiB free at /mnt/box/data"),
        ("read-only", "Read-only file system", "/mnt/box/data is mounted read-only"),
    ],
)
def test_a_broken_data_disk_is_said_and_the_queue_works_on(
    boots: tuple[Told, Told], trouble: str, words: str, finding: str
) -> None:
    told = boots[0][trouble]
    assert told["submit"]["code"] == 3
    assert words in told["submit"]["err"]
    assert "fix: " in told["submit"]["err"]
    assert any(finding in message and fix for message, fix in told["findings"].items())
    assert not told["queue changed"]
    assert told["list"]["code"] == 0
    assert told["state works"]


def test_a_job_is_taken_once_the_disk_is_well_again(boots: tuple[Told, Told]) -> None:
    assert boots[0]["well again"]["code"] == 0


def test_nothing_that_was_acknowledged_is_lost_by_a_power_cut(boots: tuple[Told, Told]) -> None:
    before, after = boots
    assert before["state on"] == after["state on"] == "ubifs"
    assert before["cut after"] >= 40
    assert after["integrity"] == "ok"
    assert (after["jobs lost"], after["records lost"]) == ([], [])
    assert after["jobs"] <= before["cut after"] + 3, "the one that was being submitted, and two from before"
    assert after["upload is whole"]


def test_the_box_knows_of_the_cut_and_goes_on_with_the_queue(boots: tuple[Told, Told]) -> None:
    after = boots[1]
    assert after["ended"] == "CUT"
    assert after["claimed"] == [True]
    assert after["leftovers"] == []
