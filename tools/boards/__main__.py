"""`python -m tools.boards [--check]`: see `tools.boards`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from appliance.errors import ApplianceError
from tools.boards import generate

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.boards", description="Write what follows from boot/boards.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where something is not up to date")
    check = parser.parse_args(arguments).check
    try:
        changed = generate.outdated(root) if check else generate.write(root)
    except ApplianceError as error:
        print(f"boards: {error.message}" + (f"; {error.hint}" if error.hint else ""), file=sys.stderr)
        return 1
    for path in changed:
        print(f"{'not up to date' if check else 'written'}: {path.relative_to(root)}")
    return 1 if check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
