"""`python -m tools.flash --board NAME [--device DISK]`: see the package."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from appliance.errors import ApplianceError, InputError
from appliance.pipeline.progress import Job
from appliance.terminal import ProgressLine, say
from tools.boards.board import Board
from tools.flash import disk, jetson, maskrom, target
from tools.images.__main__ import board as described

IMAGES: Final = Path(__file__).resolve().parents[2] / "build/image"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.flash", description="Write an image to a board or a disk.")
    parser.add_argument("--board", default="", help="a file in boot/boards, without .toml")
    parser.add_argument("--device", type=Path, help="a disk of this computer, instead of a board on USB")
    parser.add_argument("--images", type=Path, help="folder with what `make image` made (build/image/BOARD)")
    parser.add_argument("--loader", type=Path, help="ROCK 5B on USB: rk3588_spl_loader_….bin")
    parser.add_argument("--yes", action="store_true", help="ask nothing: what is on the disk will be gone")
    options = parser.parse_args(arguments)
    line = ProgressLine()
    try:
        board = described(options.board)
        images = options.images or IMAGES / options.board
        if options.device:
            _to_disk(board, options.device, images, Job(line.show), yes=options.yes)
        elif board.nor:
            _to_rockchip(board, options.loader, images, Job(line.show), yes=options.yes)
        else:
            _to_jetson(board, images, yes=options.yes)
    except ApplianceError as error:
        line.close()
        say(f"flash: {error.message}" + (f"\n       {error.hint}" if error.hint else ""))
        return error.exit_code
    except KeyboardInterrupt:
        line.close()
        say("flash: stopped; what was being written is not whole and will not start")
        return 130
    line.close()
    return 0


def _to_disk(board: Board, device: Path, images: Path, job: Job, *, yes: bool) -> None:
    image = _image(images, f"mouthpiece-disk-image-{board.machine}.img")
    found = target.inspect(device, board)
    say(
        f"{image.name} for {board.title} will be written to\n"
        f"  {found.path}  {target.gigabytes(found.size)}  {found.name}"
    )
    say("Everything on it will be erased:" if found.contents else "Nothing is on it that this computer knows.")
    for line in found.contents:
        say(f"  {line}")
    _ask(found.path.name, yes=yes)
    with tempfile.TemporaryDirectory() as scratch:
        fitted = Path(scratch) / "disk.img"
        disk.fit(image, found.size, fitted)
        disk.write(fitted, found.path, job)
    say(f"Written and read back. {found.path} can be taken out.")


def _to_rockchip(board: Board, loader: Path | None, images: Path, job: Job, *, yes: bool) -> None:
    if loader is None or not loader.is_file():
        raise InputError(
            "the loader for Maskrom mode is missing", hint="LOADER=rk3588_spl_loader_….bin: docs/FLASHING.md"
        )
    nor = _image(images, f"mouthpiece-nor-image-{board.machine}.img")
    image = _image(images, f"mouthpiece-disk-image-{board.machine}.img")
    say(f"{board.title} on USB: {maskrom.find()}\nIts SPI NOR and its eMMC will be erased and written anew.")
    _ask(board.machine, yes=yes)
    maskrom.flash(loader, nor, image, job)
    say("Written and read back. The board starts.")


def _to_jetson(board: Board, images: Path, *, yes: bool) -> None:
    package = _image(images, f"mouthpiece-image-{board.machine}.rootfs.tegraflash-tar.zst")
    say(f"{board.title} on USB: {jetson.find()}\nIts firmware and its NVMe will be erased and written anew.")
    _ask(board.machine, yes=yes)
    jetson.flash(package)
    say("Written. The board starts.")


def _image(folder: Path, name: str) -> Path:
    if not (folder / name).is_file():
        raise InputError(
            f"there is no {folder / name}", hint="`make image BOARD=…` makes it; IMAGES=FOLDER if it is elsewhere"
        )
    return folder / name


def _ask(word: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise InputError("nobody is here to confirm", hint="ARGS=--yes if that is meant")
    print(f"Type {word} to go on: ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip() != word:
        raise InputError("nothing was written")


if __name__ == "__main__":
    sys.exit(main())
