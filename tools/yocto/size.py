"""What fills a root file system: its parts, unpacked and compressed.

A part is a Python package with the libraries that it brings, or else a folder, two levels below /usr. Each is packed
alone, in the way the image is; so the parts together come a little above the whole.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.errors import InputError, UnhealthyError

_PACKAGE: Final = re.compile(r"/(?:dist|site)-packages/([^/]+?)(?:\.libs|-[0-9][^/]*|\.py)?(?:/|$)")
_PACK: Final = ("-comp", "zstd", "-Xcompression-level", "9", "-b", "131072", "-noappend", "-quiet", "-no-progress")


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    unpacked: int
    packed: int
    """Bytes, both."""


def parts(image: Path) -> list[Part]:
    """The largest first, of a squashfs image; hashes behind it are not counted."""
    if shutil.which("unsquashfs") is None:
        raise UnhealthyError("unsquashfs is not installed", hint="apt install squashfs-tools")
    with tempfile.TemporaryDirectory() as name:
        tree = Path(name) / "root"
        command = ["unsquashfs", "-quiet", "-no-progress", "-no-xattrs", "-dest", str(tree), str(image)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise InputError(f"{image} is no squashfs: {done.stderr.strip()}")
        found: dict[str, list[Path]] = defaultdict(list)
        for path in sorted(tree.rglob("*")):
            if path.is_file() and not path.is_symlink():
                found[part_of(str(path.relative_to(tree)))].append(path)
        made = [_measured(part, files, Path(name)) for part, files in found.items()]
    return sorted(made, key=lambda part: part.packed, reverse=True)


def part_of(path: str) -> str:
    """The part that a file belongs to, by its path."""
    if package := _PACKAGE.search(path):
        return package[1].replace("-", "_").lower()
    folders = path.split("/")[:-1]
    return "/" + "/".join(folders[:3])


def _measured(name: str, files: list[Path], scratch: Path) -> Part:
    """Packs links to the files: names in it are numbers, and as short as any."""
    alone, image = scratch / "alone", scratch / "image"
    alone.mkdir()
    for number, path in enumerate(files):
        os.link(path, alone / str(number))
    subprocess.run(["mksquashfs", str(alone), str(image), *_PACK], capture_output=True, check=True)
    shutil.rmtree(alone)
    return Part(name, sum(path.stat().st_size for path in files), image.stat().st_size)
