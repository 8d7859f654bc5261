"""`python -m tools.virtual_board build|run`: see the package."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from appliance.errors import ApplianceError
from tools.virtual_board import board, fit, initramfs, linux, machine, media, qemu, uboot

STATE: Final = board.BOOT.parent / "var/virtual-board"


def build() -> None:
    """Make every part, and say how long each took."""
    for name, make in (("QEMU", qemu.build), ("U-Boot", uboot.build), ("Linux", linux.build)):
        began = time.monotonic()
        make()
        print(f"virtual board: {name} is ready ({time.monotonic() - began:.0f} s)", flush=True)


def assemble(folder: Path) -> None:
    """Lay chips and disk out in `folder`: U-Boot, and a shell in recovery's place; the slots are empty."""
    folder.mkdir(parents=True, exist_ok=True)
    tools, kernel = uboot.build(), linux.build() / "Image"
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        tree, control, shell = scratch / "machine.dtb", scratch / "control.dtb", scratch / "shell"
        qemu.device_tree(tree)
        fit.control_tree(tools, fit.key(), tree, control)
        initramfs.build(shell, initramfs.SHELL)
        recovery = scratch / "recovery.fit"
        partitioned = fit.with_partitions(tree, scratch / "partitioned.dtb")
        fit.image(
            tools,
            fit.key(),
            recovery,
            kernel=kernel,
            initramfs=shell,
            device_tree=partitioned,
            compression="lzma",
        )
        contents = {
            "u-boot": (tools / "u-boot-nodtb.bin").read_bytes() + control.read_bytes(),
            "recovery": recovery.read_bytes(),
        }
        media.write_nor((folder / "nor0", folder / "nor1"), contents)
        media.write_disk(folder / "disk", {})


def run(*, fresh: bool, port: int) -> None:
    """Start the board as it was left, or anew."""
    build()
    if fresh or not (STATE / "disk").exists():
        assemble(STATE)
    print(f"virtual board: starting; port 443 of the board is https://127.0.0.1:{port}/; Ctrl-A X ends it", flush=True)
    machine.Machine(chips=(STATE / "nor0", STATE / "nor1"), disk=STATE / "disk", console_port=port).replace_process()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.virtual_board")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("build", help="make every part that is missing")
    runs = commands.add_parser("run", help="start the board, with its serial console here")
    runs.add_argument("--fresh", action="store_true", help="with erased flash and an empty disk")
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
