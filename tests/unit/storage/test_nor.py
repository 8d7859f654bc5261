from __future__ import annotations

import ctypes
import fcntl
import os
import stat
import subprocess
from pathlib import Path
from shutil import which

import pytest

from appliance.storage import nor

ERASE = 4096
SIZE = 4 * ERASE


def a_file(path: Path) -> nor.Medium:
    return nor.open_medium(path, size=SIZE, erase_size=ERASE, writable=True)


def test_a_new_medium_is_erased_private_and_as_large_as_asked(tmp_path: Path) -> None:
    path = tmp_path / "flash"
    with a_file(path) as medium:
        assert (medium.size, medium.erase_size, medium.write_size) == (SIZE, ERASE, 1)
        assert medium.read(0, SIZE) == b"\xff" * SIZE
    assert path.stat().st_size == SIZE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_is_programmed_is_read_back_after_opening_again(tmp_path: Path) -> None:
    with a_file(tmp_path / "flash") as medium:
        medium.program(ERASE - 3, b"across blocks")
    with nor.open_medium(tmp_path / "flash", size=SIZE, erase_size=ERASE, writable=False) as medium:
        assert medium.read(ERASE - 4, 15) == b"\xffacross blocks\xff"


def test_erasing_takes_whole_blocks_and_no_other(tmp_path: Path) -> None:
    with a_file(tmp_path / "flash") as medium:
        medium.program(0, b"a" * SIZE)
        medium.erase(ERASE, 2 * ERASE)
        assert medium.read(0, SIZE) == b"a" * ERASE + b"\xff" * 2 * ERASE + b"a" * ERASE
        with pytest.raises(ValueError, match="whole erase blocks"):
            medium.erase(1, ERASE)
        with pytest.raises(ValueError, match="whole erase blocks"):
            medium.erase(0, ERASE + 1)


def test_programming_only_clears_bits_and_a_bit_that_stays_cleared_is_noticed(tmp_path: Path) -> None:
    with a_file(tmp_path / "flash") as medium:
        medium.program(0, b"\xf0")
        medium.program(0, b"\x30")
        assert medium.read(0, 1) == b"\x30"
        with pytest.raises(nor.NorError):
            medium.program(0, b"\xf3")
        assert medium.read(0, 1) == b"\x30"


def test_a_file_cut_short_reads_as_erased_beyond_its_end(tmp_path: Path) -> None:
    path = tmp_path / "flash"
    path.write_bytes(b"abc")
    with a_file(path) as medium:
        assert medium.read(0, 6) == b"abc\xff\xff\xff"


def test_a_missing_file_is_not_made_by_reading(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        nor.open_medium(tmp_path / "flash", size=SIZE, erase_size=ERASE, writable=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not which("cc"), reason="no C compiler to ask the kernel's headers")
def test_the_ioctl_numbers_and_structures_are_those_of_the_kernels_headers(tmp_path: Path) -> None:
    source = tmp_path / "ask.c"
    source.write_text(
        "#include <sys/ioctl.h>\n#include <mtd/mtd-user.h>\n#include <stddef.h>\n#include <stdio.h>\n"
        'int main(void) { printf("%lu %lu %lu %zu %zu %zu\\n", (unsigned long)MEMGETINFO, (unsigned long)MEMERASE,'
        "(unsigned long)MEMUNLOCK, sizeof(struct mtd_info_user), offsetof(struct mtd_info_user, size),"
        "sizeof(struct erase_info_user)); }\n"
    )
    subprocess.run(["cc", "-o", tmp_path / "ask", source], check=True)
    said = subprocess.run([tmp_path / "ask"], check=True, capture_output=True, text=True).stdout
    assert [int(word) for word in said.split()] == [nor.MEMGETINFO, nor.MEMERASE, nor.MEMUNLOCK, 32, 8, 8]


class SimulatedDriver:
    """Answers the ioctls of an MTD device for a plain file: erases in it, and notes what it was asked."""

    def __init__(self, write_size: int) -> None:
        self.asked: list[tuple[int, int, int]] = []
        self.write_size = write_size

    def ioctl(self, descriptor: int, request: int, data: bytes) -> bytes:
        if request == nor.MEMGETINFO:
            return (
                bytes([3, 0, 0, 0])
                + b"".join(number.to_bytes(4, "little") for number in (0, SIZE, ERASE, self.write_size, 0))
                + bytes(8)
            )
        start, length = ctypes.c_uint32.from_buffer_copy(data).value, ctypes.c_uint32.from_buffer_copy(data, 4).value
        self.asked.append((request, start, length))
        if request == nor.MEMUNLOCK:
            raise OSError(95, "Operation not supported")
        os.pwrite(descriptor, b"\xff" * length, start)
        return data


def test_erase_and_program_with_a_simulated_mtd_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mtd0"
    path.write_bytes(bytes(SIZE))
    driver = SimulatedDriver(write_size=16)
    monkeypatch.setattr(fcntl, "ioctl", driver.ioctl)
    with nor.MtdMedium(os.open(path, os.O_RDWR)) as medium:
        assert (medium.size, medium.erase_size, medium.write_size) == (SIZE, ERASE, 16)
        medium.erase(ERASE, 2 * ERASE)
        medium.program(ERASE, b"twenty bytes of text")
        assert medium.read(ERASE, 21) == b"twenty bytes of text\xff"
        assert path.stat().st_size == SIZE
    assert driver.asked == [
        (nor.MEMUNLOCK, ERASE, ERASE),
        (nor.MEMERASE, ERASE, ERASE),
        (nor.MEMUNLOCK, 2 * ERASE, ERASE),
        (nor.MEMERASE, 2 * ERASE, ERASE),
    ]
    assert path.read_bytes()[:ERASE] == bytes(ERASE)


def test_a_block_that_does_not_erase_is_noticed_with_a_simulated_mtd_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mtd0"
    path.write_bytes(bytes(SIZE))
    driver = SimulatedDriver(write_size=1)
    monkeypatch.setattr(fcntl, "ioctl", driver.ioctl)
    monkeypatch.setattr(os, "pwrite", lambda *_: 0)
    with nor.MtdMedium(os.open(path, os.O_RDWR)) as medium, pytest.raises(nor.NorError):
        medium.erase(0, ERASE)
