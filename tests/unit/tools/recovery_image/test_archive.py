"""The archive is what the kernel reads, by the word of cpio(1), and depends on nothing but the files."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from tools.recovery_image import archive

pytestmark = pytest.mark.skipif(not (shutil.which("cpio") and shutil.which("xz")), reason="cpio or xz is not installed")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return make(tmp_path / "tree")


def make(tree: Path) -> Path:
    (tree / "bin").mkdir(parents=True)
    (tree / "bin/tool").write_bytes(b"#!/bin/sh\n")
    (tree / "bin/tool").chmod(0o700)
    (tree / "bin/other").symlink_to("tool")
    (tree / "notes").write_bytes(b"12345")
    (tree / "dev").mkdir()
    return tree


def test_cpio_unpacks_what_was_packed(tree: Path, tmp_path: Path) -> None:
    archive.pack(tree, tmp_path / "image")
    target = tmp_path / "unpacked"
    target.mkdir()
    plain = subprocess.run(
        ["xz", "--decompress", "--stdout", tmp_path / "image"], check=True, capture_output=True
    ).stdout
    subprocess.run(["cpio", "-i", "-m", "--quiet"], cwd=target, input=plain, check=True)
    assert (target / "notes").read_bytes() == b"12345"
    assert (target / "bin/other").readlink() == Path("tool")
    assert stat.S_IMODE((target / "bin/tool").stat().st_mode) == 0o755
    assert (target / "notes").stat().st_mtime == 0
    assert (target / "dev").is_dir()


def test_the_same_files_make_the_same_bytes(tree: Path, tmp_path: Path) -> None:
    archive.pack(tree, tmp_path / "one")
    again = make(tmp_path / "again")
    os.utime(again / "notes", (1e9, 1e9))
    archive.pack(again, tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    (again / "notes").write_bytes(b"54321")
    archive.pack(again, tmp_path / "three")
    assert (tmp_path / "one").read_bytes() != (tmp_path / "three").read_bytes()
