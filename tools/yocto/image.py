"""`make image`: build everything of a board with kas, and gather it in one folder with checksums.

kas works in `kas.WORK`. What comes out lies in build/image/BOARD: files by the names that flashing looks for, and
SHA256SUMS, which `sha256sum --check` reads.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from appliance.errors import InputError, UnhealthyError
from appliance.terminal import say
from tools.virtual_board import board as virtual_board
from tools.yocto import kas, virtual

OUT: Final = kas.ROOT / "build/image"
KEYS: Final = ("mouthpiece.key", "mouthpiece.crt", "bundle.key.pem", "bundle.cert.pem", "keyring.pem")
_GIGABYTES: Final = 100
_ENDINGS: Final = (".img", ".bmap", ".fit", ".raucb", ".verity", ".tegraflash-tar.zst", ".manifest")


def build(board: str, machine: str, keys: Path) -> Path:
    """The folder with what was made. `InputError` before hours have passed, where something is missing."""
    path = kas.board(machine)
    if os.geteuid() == 0:
        raise InputError("bitbake does not build as root", hint="run it as somebody else")
    if missing := [name for name in KEYS if not (keys / name).is_file()]:
        raise InputError(f"{keys} has no {missing[0]}", hint="docs/YOCTO.md shows how to make the keys: KEYS=FOLDER")
    kas.WORK.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(kas.WORK).free / 1e9
    say(f"Building for {machine}: hours the first time, {_GIGABYTES} GB of disk, of which {free:.0f} GB are free.")
    began = time.monotonic()
    environment = os.environ | {
        "KAS_WORK_DIR": str(kas.WORK),
        "KAS_BUILD_DIR": str(kas.WORK / machine),
        "MOUTHPIECE_KEYS": str(keys.resolve()),
    }
    if board == virtual_board.NAME:
        environment["MOUTHPIECE_FIRMWARE"] = str(virtual.firmware(kas.WORK / "firmware", keys))
    command = [str(Path(sys.executable).with_name("kas")), "build", str(path.relative_to(kas.ROOT))]
    if subprocess.run(command, cwd=kas.ROOT, env=environment, check=False).returncode:
        raise UnhealthyError("the build failed", hint="its words are above; what is built already is kept")
    target = gather(kas.WORK / machine / "tmp/deploy/images" / machine, OUT / board)
    say(f"Made in {(time.monotonic() - began) / 60:.0f} minutes.")
    return target


def gather(deployed: Path, target: Path) -> Path:
    """Copy what bitbake deployed under a name without a time, and write SHA256SUMS; what was there before is gone."""
    found = sorted(path for path in deployed.glob("mouthpiece-*") if path.name.endswith(_ENDINGS) and _is_name(path))
    if not found:
        raise UnhealthyError(f"nothing was deployed in {deployed}")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    lines = []
    for path in found:
        copy = target / path.name
        subprocess.run(["cp", "--sparse=always", "--dereference", str(path), str(copy)], check=True)
        with copy.open("rb") as file:
            lines.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {path.name}\n")
    (target / "SHA256SUMS").write_text("".join(lines))
    return target


def _is_name(path: Path) -> bool:
    """bitbake deploys an image under a name with its time, and a link to it that stays the same; others once."""
    return path.is_symlink() or not any(
        other.is_symlink() and other.resolve() == path for other in path.parent.iterdir()
    )
