"""`python -m tools.recovery_image BOARD --keyring CA.pem --out FILE`: see the package."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from appliance.errors import ApplianceError
from tools.boards import source
from tools.recovery_image import archive, contents


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.recovery_image")
    parser.add_argument("board", help="a board of boot/boards")
    parser.add_argument("--keyring", type=Path, required=True, help="the certificate that bundles are signed under")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--architecture", choices=("amd64", "arm64"), default="arm64")
    options = parser.parse_args()
    try:
        board = source.read(contents.ROOT / f"boot/boards/{options.board}.toml")[0]
        with tempfile.TemporaryDirectory() as scratch:
            tree = Path(scratch)
            contents.build(tree, options.board, board, options.architecture, options.keyring)
            archive.pack(tree, options.out)
    except ApplianceError as error:
        print(f"recovery image: {error.message}. {error.hint}", file=sys.stderr)
        return error.exit_code
    print(f"recovery image: {options.out}, {options.out.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
