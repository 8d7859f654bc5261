"""`python -m tools.virtual_board build|run`: see the package."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Final

from appliance.errors import ApplianceError
from tools.virtual_board import base, board, factory, linux, qemu, recovery, uboot

STATE: Final = board.BOOT.parent / "var/virtual-board"


def build() -> None:
    """Make every part, and say how long each took."""
    parts: list[tuple[str, Callable[[], object]]] = [
        ("QEMU", qemu.build),
        ("U-Boot", uboot.build),
        ("Linux", linux.build),
        ("what the root stands on", base.build),
        ("the system", factory.current),
        ("recovery", recovery.initramfs),
    ]
    for name, make in parts:
        began = time.monotonic()
        make()
        print(f"virtual board: {name} is ready ({time.monotonic() - began:.0f} s)", flush=True)


def run(*, fresh: bool, port: int) -> None:
    """Start the board as it was left, or anew."""
    build()
    if fresh or not (STATE / factory.DISK).exists():
        factory.assemble(STATE)
    print(f"virtual board: starting; port 443 of the board is https://127.0.0.1:{port}/; Ctrl-A X ends it", flush=True)
    factory.machine(STATE, port).replace_process()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.virtual_board")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("build", help="make every part that is missing")
    runs = commands.add_parser("run", help="start the board, with its serial console here")
    runs.add_argument("--fresh", action="store_true", help="as it leaves the factory")
    runs.add_argument("--port", type=int, default=8443, help="where its console answers on this machine")
    options = parser.parse_args()
    try:
        if options.command == "build":
            build()
        else:
            run(fresh=options.fresh, port=options.port)
    except ApplianceError as error:
        print(f"virtual board: {error.message}. {error.hint}", file=sys.stderr)
        return error.exit_code
    except subprocess.CalledProcessError as error:
        print(f"virtual board: {error}\n{(error.stderr or b'').decode(errors='replace')}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
