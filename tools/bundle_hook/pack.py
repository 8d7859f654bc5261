"""`python -m tools.bundle_hook.pack FILE`: the hook as one file that Python runs, the same bytes each time."""

from __future__ import annotations

import argparse
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
MODULES: Final = (
    "appliance/__init__.py",
    "appliance/errors.py",
    "appliance/storage/__init__.py",
    "appliance/storage/atomic.py",
    "appliance/storage/nor.py",
    "tools/__init__.py",
    "tools/bundle_hook/__init__.py",
    "tools/bundle_hook/__main__.py",
    "tools/bundle_hook/capsule.py",
    "tools/bundle_hook/rockchip.py",
)
_START: Final = "import runpy\n\nrunpy.run_module('tools.bundle_hook', run_name='__main__')\n"
_OLDEST: Final = (1980, 1, 1, 0, 0, 0)


def pack(target: Path) -> None:
    with target.open("wb") as file:
        file.write(b"#!/usr/bin/python3\n")
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr(zipfile.ZipInfo("__main__.py", _OLDEST), _START)
            for name in MODULES:
                archive.writestr(zipfile.ZipInfo(name, _OLDEST), (ROOT / name).read_bytes())
    target.chmod(0o755)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.bundle_hook.pack", description="Pack a bundle's hook.")
    parser.add_argument("target", type=Path, metavar="FILE")
    pack(parser.parse_args(arguments).target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
