"""Picture fragments on disk: whole or not there, and damage is found."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from appliance.errors import InputError, UnhealthyError
from appliance.pipeline import fragments
from appliance.pipeline.fragments import FragmentWriter

HEADER: fragments.Header = {"codec": "libx264", "width": 64}
UNITS = [(b"\0\0\0\1\x65" + bytes(range(200)), True), (b"\0\0\0\1\x41abc", False), (b"\0\0\0\1\x41" * 9, False)]


@pytest.fixture
def fragment(tmp_path: Path) -> Path:
    path = tmp_path / "p000000"
    with FragmentWriter(path, HEADER) as writer:
        for data, key_frame in UNITS:
            writer.write(data, key_frame=key_frame)
    return path


def test_what_is_written_is_read_back(fragment: Path) -> None:
    found = fragments.check(fragment)
    assert found == fragments.Fragment(fragment, HEADER, 3)
    assert list(fragments.packets(fragment)) == UNITS


def test_a_fragment_has_no_name_before_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "p"
    writer = FragmentWriter(path, HEADER)
    writer.write(b"x", key_frame=True)
    assert not path.exists()
    writer.close()
    assert [entry.name for entry in tmp_path.iterdir()] == ["p"]


def test_an_exception_or_an_abort_leaves_nothing(tmp_path: Path) -> None:
    def interrupted() -> None:
        with FragmentWriter(tmp_path / "p", HEADER) as writer:
            writer.write(b"x", key_frame=True)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    FragmentWriter(tmp_path / "q", HEADER).abort()
    assert list(tmp_path.iterdir()) == []


def test_a_fragment_cut_anywhere_is_not_whole(fragment: Path) -> None:
    data = fragment.read_bytes()
    for size in range(len(data)):
        fragment.write_bytes(data[:size])
        assert fragments.check(fragment) is None, size


def test_a_flipped_bit_anywhere_is_found(fragment: Path) -> None:
    data = fragment.read_bytes()
    for place in range(len(data)):
        fragment.write_bytes(data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :])
        assert fragments.check(fragment) is None, place


@pytest.mark.parametrize("content", [b"", b"text", b"MPFRAG1\n", b"MPFRAG1\n\x02\0\0\0[]" + bytes(12)])
def test_another_file_is_no_fragment(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "p"
    path.write_bytes(content)
    assert fragments.check(path) is None
    assert fragments.check(tmp_path / "missing") is None


def test_a_full_disk_names_the_file_and_the_fix(fragment: Path) -> None:
    with pytest.raises(UnhealthyError, match=str(fragment)) as caught, fragments.writing(fragment):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert "free some space" in caught.value.hint


def test_a_missing_folder_is_the_requests_fault(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        FragmentWriter(tmp_path / "no" / "p", HEADER)
