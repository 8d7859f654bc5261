"""What the box's storage costs its flash, beside the obvious ways. `python -m tests.bench.flash_wear [PART ...]`

Each part runs in a virtual machine with Debian's kernel, on new NAND chips that the kernel simulates, under UBI and
UBIFS. Printed is a table of what was reached and what must be; `--json FILE` has every count. Erases and bytes do not
depend on how fast the machine is, only `reopen` does. Takes half an hour or more on two idle cores.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench.flash_wear.inside import PARTS
from tests.bench.flash_wear.table import Row, rows
from tests.board.guest import CHECKOUT, Guest, missing

_TIMEOUT_S = 7200.0


def measure(parts: Sequence[str], *, small: bool, timeout_s: float = _TIMEOUT_S) -> dict[str, Any]:
    """What a guest finds, by part. Raises `AssertionError` with what it said if it fails."""
    scale = "small" if small else "large"
    python = CHECKOUT / ".venv/bin/python"
    script = f"set -eu\ncd {CHECKOUT}\nexec {python} -m tests.bench.flash_wear.inside {scale} {' '.join(parts)}\n"
    with tempfile.TemporaryDirectory() as folder:
        return Guest(Path(folder), memory_mb=1024).run(script, timeout_s=timeout_s).facts()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--small", action="store_true", help="minutes instead of an hour, and rougher")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every count there")
    options = parser.parse_args()
    if why := missing("ubiattach"):
        print(why, file=sys.stderr)
        return 1
    found: dict[str, Any] = {}
    for part in options.parts or PARTS:
        print(f"{part} ...", file=sys.stderr, flush=True)
        found |= measure([part], small=options.small)
        if options.json:
            options.json.write_text(json.dumps(found, indent=1) + "\n")
        for row in rows(part, found[part]):
            print(_line(row), flush=True)
    return 0


def _line(row: Row) -> str:
    verdict = {True: "reached", False: "NOT reached", None: ""}[row.met]
    return f"{row.work:<58} obvious {row.obvious:<22} must {row.must:<16} {row.reached:<24} {verdict}"


if __name__ == "__main__":
    raise SystemExit(main())
