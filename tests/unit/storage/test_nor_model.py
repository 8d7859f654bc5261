from __future__ import annotations

from pathlib import Path

import pytest

from appliance.errors import UnhealthyError
from appliance.findings import Status
from appliance.storage import nor_model
from appliance.volumes import Volumes

MODEL = bytes(range(256)) * 100
PARTITION = 64 * 1024


@pytest.fixture
def volumes(tmp_path: Path) -> Volumes:
    return Volumes(tmp_path)


def flash(volumes: Volumes, content: bytes) -> None:
    """A file in the place of the partition, which is as long as that."""
    volumes.model.mkdir(parents=True)
    (volumes.model / nor_model.FILE).write_bytes(content.ljust(PARTITION, b"\xff"))


def test_what_was_flashed_is_read(volumes: Volumes) -> None:
    flash(volumes, nor_model.image(MODEL))
    assert nor_model.read(volumes) == MODEL
    assert [finding.status for finding in nor_model.findings(volumes)] == [Status.OK]


def test_a_board_without_the_partition_has_none_and_that_is_fine(volumes: Volumes) -> None:
    assert nor_model.read(volumes) is None
    assert list(nor_model.findings(volumes)) == []


@pytest.mark.parametrize("place", [0, 8, 12, 16, 16 + len(MODEL) - 1], ids=["magic", "length", "crc", "first", "last"])
def test_one_wrong_bit_is_noticed(volumes: Volumes, place: int) -> None:
    content = bytearray(nor_model.image(MODEL))
    content[place] ^= 1
    flash(volumes, bytes(content))
    with pytest.raises(UnhealthyError, match="its checksum is wrong"):
        nor_model.read(volumes)
    (finding,) = nor_model.findings(volumes)
    assert (finding.status, finding.check) == (Status.WARNING, "model in NOR")
    assert "copy on the disk" in finding.fix


def test_a_length_beyond_all_sense_is_not_read(volumes: Volumes) -> None:
    image = bytearray(nor_model.image(MODEL))
    image[8:12] = b"\xfe" * 4
    flash(volumes, bytes(image))
    with pytest.raises(UnhealthyError):
        nor_model.read(volumes)


@pytest.mark.parametrize("content", [b"", b"\xff" * PARTITION], ids=["erased", "all ones"])
def test_a_blank_partition_says_so(volumes: Volumes, content: bytes) -> None:
    flash(volumes, content)
    with pytest.raises(UnhealthyError, match="blank"):
        nor_model.read(volumes)


def test_a_link_to_nothing_is_a_board_without_one(volumes: Volumes) -> None:
    volumes.model.mkdir(parents=True)
    (volumes.model / nor_model.FILE).symlink_to("/dev/mtd/by-name/model")
    assert nor_model.read(volumes) is None
