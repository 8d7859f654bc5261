"""Raw dumps of a NAND chip, made of what Debian's ubinize writes."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

PAGE, PAGES, SPARE = 2048, 64, 64
BLOCK = PAGE * PAGES
ERASED = b"\xff" * BLOCK
BAD, BLANK = "bad", "blank"

UBINIZE = shutil.which("ubinize") or "/usr/sbin/ubinize"


def missing() -> str:
    """Why no dump can be made here, or nothing."""
    return "" if Path(UBINIZE).exists() else "ubinize (mtd-utils) is not installed"


def image(folder: Path, erases: int, sub_page: int = PAGE) -> list[bytes]:
    """The blocks of an image with two volumes, every block erased so often."""
    (folder / "content").write_bytes(random.Random(1).randbytes(3 * 120_000))  # noqa: S311
    parts = [
        f"[{name}]\nmode=ubi\nimage={folder / 'content'}\nvol_id={number}\nvol_size=2MiB\nvol_type=dynamic\n"
        f"vol_name={name}\n"
        for number, name in enumerate(("state", "cache"))
    ]
    (folder / "config").write_text("\n".join(parts))
    out = folder / "image"
    options = ["-p", str(BLOCK), "-m", str(PAGE), "-s", str(sub_page), "-e", str(erases), "-Q", "7"]
    command = [UBINIZE, "-o", str(out), *options, str(folder / "config")]
    subprocess.run(command, check=True, capture_output=True)
    data = out.read_bytes()
    return [data[at : at + BLOCK] for at in range(0, len(data), BLOCK)]


def used(folder: Path, counts: Sequence[int | str], sub_page: int = PAGE) -> list[bytes | str]:
    """A chip whose blocks were erased so often, were padded (`BLANK`) or are marked bad (`BAD`)."""
    images: dict[int, list[bytes]] = {}
    blocks: list[bytes | str] = []
    number = 0
    for count in counts:
        if isinstance(count, str):
            blocks.append(count)
            continue
        if count not in images:
            images[count] = image(folder, count, sub_page)
        blocks.append(images[count][number % len(images[count])])
        number += 1
    return blocks


def dump(path: Path, blocks: Sequence[bytes | str], *, spare: int = 0) -> Path:
    """As nanddump writes it: with `spare`, `--oob --bb=dumpbad`; else `--bb=padbad`."""
    with path.open("wb") as file:
        for block in blocks:
            data = block if isinstance(block, bytes) else b"\x00" * BLOCK if block == BAD and spare else ERASED
            for page in range(PAGES):
                marker = b"\x00" if block == BAD and page < 2 else b"\xff"
                file.write(data[page * PAGE : (page + 1) * PAGE] + (marker + b"\xff" * (spare - 1) if spare else b""))
    return path
