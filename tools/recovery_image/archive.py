"""A tree of files as a cpio archive in the form that Linux unpacks ("newc", see the kernel's
Documentation/driver-api/early-userspace/buffer-format.rst).

Times are 0, owners root, inodes counted in the order of the names: what is in the archive depends on the files alone.
"""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path
from typing import IO

from appliance.errors import UnhealthyError


def pack(tree: Path, target: Path) -> None:
    """Write the archive of `tree`, compressed as a kernel without CRC-64 can read it."""
    with target.open("wb") as file:
        command = ["xz", "--stdout", "--check=crc32", "-9", "--extreme", "--threads=1"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=file) as xz:
            assert xz.stdin is not None  # noqa: S101  it is a pipe
            write(tree, xz.stdin)
        if xz.returncode:
            raise UnhealthyError(f"xz failed with status {xz.returncode}")


def write(tree: Path, target: IO[bytes]) -> None:
    """Everything below `tree`: folders, files, links."""
    for number, path in enumerate(sorted(tree.rglob("*")), 1):
        _entry(target, number, str(path.relative_to(tree)), path)
    _header(target, 0, "TRAILER!!!", 0, 0)


def _entry(target: IO[bytes], number: int, name: str, path: Path) -> None:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        content, mode = os.fsencode(path.readlink()), stat.S_IFLNK | 0o777
    elif stat.S_ISDIR(mode):
        content, mode = b"", stat.S_IFDIR | 0o755
    else:
        content, mode = path.read_bytes(), stat.S_IFREG | (0o755 if mode & 0o100 else 0o644)
    _header(target, number, name, mode, len(content))
    target.write(content + b"\0" * (-len(content) % 4))


def _header(target: IO[bytes], number: int, name: str, mode: int, size: int) -> None:
    encoded = os.fsencode(name) + b"\0"
    # inode, mode, owner, group, links, time, size, device (2), device of the node (2), length of the name, checksum
    fields = (number, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, len(encoded), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + encoded
    target.write(head + b"\0" * (-len(head) % 4))
