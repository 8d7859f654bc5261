"""Dumps made of what Debian's ubinize writes: blocks with other erase counters, bad blocks, spare bytes.

ubi-reader is a second opinion where it can be one.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.errors import InputError
from appliance.storage import nand_dump
from tests import nand_dumps
from tests.nand_dumps import BAD, BLANK, BLOCK, ERASED, PAGE, SPARE, dump, image, used

pytestmark = pytest.mark.skipif(bool(nand_dumps.missing()), reason=nand_dumps.missing() or "-")


COUNTS: list[int | str] = [5, 5, 900, BAD, 17, BLANK, 17, 5, 900, 30000, 5, BAD, BAD, 17]
SOUND = [(number, count) for number, count in enumerate(COUNTS) if isinstance(count, int)]


@pytest.mark.parametrize("spare", [0, SPARE, 128])
@pytest.mark.parametrize("sub_page", [PAGE, 512])
def test_counters_and_geometry_are_found_with_and_without_spare_bytes(
    tmp_path: Path, spare: int, sub_page: int
) -> None:
    found = nand_dump.read(dump(tmp_path / "dump.bin", used(tmp_path, COUNTS, sub_page), spare=spare))
    assert found.counters == tuple(SOUND)
    assert (found.block_bytes, found.page_bytes, found.spare_bytes, found.blocks) == (BLOCK, PAGE, spare, len(COUNTS))
    assert (found.max_erases, found.mean_erases) == (30000, sum(count for _, count in SOUND) / len(SOUND))
    marked = tuple(number for number, count in enumerate(COUNTS) if count == BAD) if spare else ()
    assert found.bad == marked
    assert sorted(found.bad + found.blank) == [3, 5, 11, 12]
    assert found.damaged == ()


def test_volumes_have_their_names(tmp_path: Path) -> None:
    found = nand_dump.read(dump(tmp_path / "dump.bin", [*image(tmp_path, 3)], spare=SPARE))
    assert found.volumes == {"state": 3, "cache": 3, "layout volume": 2}


def test_bad_blocks_at_the_start_do_not_matter(tmp_path: Path) -> None:
    found = nand_dump.read(dump(tmp_path / "dump.bin", [BLANK, BLANK, *image(tmp_path, 3)]))
    assert found.counters[0] == (2, 3)
    assert found.blank == (0, 1)


def test_a_header_that_is_not_sound_is_damaged(tmp_path: Path) -> None:
    path = dump(tmp_path / "dump.bin", list(image(tmp_path, 3)))
    with path.open("r+b") as file:
        file.seek(4 * BLOCK + 15)  # the erase counter itself
        file.write(b"\x77")
    found = nand_dump.read(path)
    assert found.damaged == (4,)
    assert len(found.counters) == found.blocks - 1


def test_headers_inside_a_volume_s_data_are_not_blocks(tmp_path: Path) -> None:
    inner = image(tmp_path, 77)[0]
    blocks = image(tmp_path, 3)
    blocks[4] = blocks[4][: 3 * PAGE + 100] + inner[: PAGE * 3] + blocks[4][6 * PAGE + 100 :]
    found = nand_dump.read(dump(tmp_path / "dump.bin", blocks))
    assert {count for _, count in found.counters} == {3}
    assert found.block_bytes == BLOCK


def test_ubi_reader_agrees_where_no_block_is_bad(tmp_path: Path) -> None:
    headers = pytest.importorskip("ubireader.ubi.headers")
    path = dump(tmp_path / "dump.bin", used(tmp_path, [count for _, count in SOUND]))
    data = path.read_bytes()
    theirs = [headers.ec_hdr(data[at : at + 64]) for at in range(0, len(data), BLOCK)]
    assert not any(header.errors for header in theirs)
    ours = nand_dump.read(path)
    assert [header.ec for header in theirs] == [count for _, count in ours.counters]
    assert pytest.importorskip("ubireader.utils").guess_peb_size(str(path)) == ours.block_bytes


@pytest.mark.parametrize("content", [b"", b"UBI#\x01" * 100, ERASED, bytes(range(256)) * 1000])
def test_what_holds_no_ubi_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "dump.bin").write_bytes(content)
    with pytest.raises(InputError, match="dump"):
        nand_dump.read(tmp_path / "dump.bin")


def test_a_dump_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        nand_dump.read(tmp_path / "nothing.bin")


def test_a_dump_that_ends_in_the_middle_of_a_block(tmp_path: Path) -> None:
    path = dump(tmp_path / "dump.bin", list(image(tmp_path, 3)))
    with path.open("r+b") as file:
        file.truncate(5 * BLOCK + 10)
    assert nand_dump.read(path).blocks == 5
