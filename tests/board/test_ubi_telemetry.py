"""The wear that we tell is the one that the kernel knows: on a simulated NAND with bad blocks, and on an NVMe disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.board.guest import Guest, missing

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing()), reason=missing() or "-")]

BAD = [3, 60, 200]
BLOCKS = 512


class GuestWithNvme(Guest):
    """QEMU's NVMe controller keeps a SMART log; how worn it is cannot be told to it."""

    def _command(self) -> list[str]:
        disk = self._new_disk(9, 16 << 20)
        drive = ["-drive", f"file={disk},if=none,id=nvme,format=raw", "-device", "nvme,serial=1,drive=nvme"]
        return super()._command() + drive


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder: Path = tmp_path_factory.mktemp("telemetry")
    before = "modprobe nvme; udevadm settle 2>/dev/null || true"
    return GuestWithNvme(folder).run_inside("ubi_telemetry", before=before, timeout_s=600).facts()


def test_the_geometry_is_the_one_that_mtd_utils_are_told(facts: dict[str, Any]) -> None:
    assert facts["device"]["ours"] == facts["device"]["kernels"]
    assert facts["device"]["ours"][:4] == [BLOCKS - len(BAD), 131072, 2048, len(BAD)]


def test_the_most_worn_block_is_the_kernels(facts: dict[str, Any]) -> None:
    ours, kernels = facts["max"]
    assert ours == kernels > 0


def test_volumes_and_their_places_are_known(facts: dict[str, Any]) -> None:
    assert set(facts["volumes"]) == {"state", "cache"}
    assert facts["places"]["state"] == facts["places"]["cache"] == ["ubifs", "ubi0"]


def test_what_was_written_was_erased_for_and_counted(facts: dict[str, Any]) -> None:
    """48 MiB written to a volume of 32, in files of 8 that replace each other."""
    assert facts["wrote"] >= 48 << 20
    assert 48 * 8 * 0.3 < facts["erased"] < 48 * 8 * 1.5


def test_bad_blocks_are_on_the_map(facts: dict[str, Any]) -> None:
    assert facts["bad"] == BAD
    assert "ubi0 is well, with 3 bad blocks" in facts["advice"]


def test_a_dump_with_spare_bytes_tells_the_same(facts: dict[str, Any]) -> None:
    found = facts["oob"]
    assert found["same"]
    assert found["bad"] == BAD
    assert found["blank"] == found["damaged"] == []
    assert found["geometry"] == [131072, 2048, 64]
    assert found["volumes"] == ["cache", "layout volume", "state"]


def test_a_dump_with_padding_tells_the_same_but_cannot_name_the_bad_ones(facts: dict[str, Any]) -> None:
    found = facts["padded"]
    assert found["same"]
    assert found["bad"] == []
    assert found["blank"] == BAD


def test_a_dump_without_bad_blocks_has_the_same_counters_at_other_places(facts: dict[str, Any]) -> None:
    found = facts["skipped"]
    assert found["same in order"]
    assert not found["same"]
    assert found["bad"] == found["damaged"] == []


def test_the_kernel_reads_the_same_counters_out_of_the_chip(facts: dict[str, Any]) -> None:
    kernels, ours = facts["attached again"]
    assert kernels == ours


def test_an_nvme_disk_tells_its_wear(facts: dict[str, Any]) -> None:
    assert facts["nvme"] == [["NVMe", 0, None]]
