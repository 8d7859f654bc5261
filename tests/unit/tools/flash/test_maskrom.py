"""What goes over USB to a Rockchip board. rkdeveloptool and the board are a script that keeps the flash in files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from appliance.errors import InputError, UnhealthyError
from appliance.pipeline.progress import Job
from tools.flash import maskrom
from tools.images import disk as images
from tools.images import nor
from tools.images.__main__ import board

SIMULATED = """#!/usr/bin/env python3
import json, os, pathlib, sys
here = pathlib.Path(__file__).parent
state = json.loads((here / "state").read_text())
command, *given = sys.argv[1:]
flash = here / ("flash-" + state.get("storage", "none"))
if command == "-h":
    print("" if state.get("old") else "ChangeStorage:          cs [storage: 1=EMMC, 2=SD, 9=SPINOR]")
elif command == "ld":
    print("\\n".join(state["boards"]))
elif command == "cs":
    state["storage"] = given[0]
elif command == "rfi":
    print("Flash Info:\\n\\tFlash Size: 15360 MB")
elif command == "wl":
    flash.touch()
    with flash.open("r+b") as file:
        file.seek(int(given[0]) * 512)
        file.write(pathlib.Path(given[1]).read_bytes())
elif command == "rl":
    with flash.open("rb") as file:
        file.seek(int(given[0]) * 512)
        content = file.read(int(given[1]) * 512)
    pathlib.Path(given[2]).write_bytes(content[:-1] + b"?" if state.get("broken") else content)
state.setdefault("commands", []).append(command)
(here / "state").write_text(json.dumps(state))
"""
ONE = "DevNo=1\tVid=0x2207,Pid=0x350b,LocationID=101\tMaskrom"


class Usb:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        tool = folder / "rkdeveloptool"
        tool.write_text(SIMULATED)
        tool.chmod(0o755)

    def set(self, **state: object) -> None:
        (self.folder / "state").write_text(json.dumps(state))

    def commands(self) -> list[str]:
        found: list[str] = json.loads((self.folder / "state").read_text())["commands"]
        return found


@pytest.fixture
def usb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Usb:
    folder = tmp_path / "usb"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return Usb(folder)


@pytest.fixture
def made(tmp_path: Path) -> Path:
    if not shutil.which("sfdisk", path=f"{os.environ['PATH']}:/usr/sbin:/sbin"):
        pytest.skip("fdisk is not installed")
    rock = board("rock-5b")
    root = tmp_path / "root"
    root.write_bytes(b"root" * 1000)
    images.image(rock, {"root-a": root}, tmp_path / "disk.img")
    (tmp_path / "nor.img").write_bytes(nor.image(rock, {"u-boot": b"u-boot"}))
    return tmp_path


def test_nor_and_emmc_are_written_with_simulated_usb(usb: Usb, made: Path) -> None:
    usb.set(boards=[ONE])
    maskrom.flash(made / "loader.bin", made / "nor.img", made / "disk.img", Job())
    assert (usb.folder / "flash-9").read_bytes() == (made / "nor.img").read_bytes()
    with (usb.folder / "flash-1").open("r+b") as file:
        file.truncate(15360 << 20)
    command = ["sfdisk", "--verify", str(usb.folder / "flash-1")]
    environment = os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    shown = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    assert "No errors detected" in shown
    commands = usb.commands()
    assert (commands[0], commands[-1], commands.count("cs")) == ("db", "rd", 2)
    assert commands.count("wl") == commands.count("rl")


def test_flash_that_gives_back_something_else_is_noticed_with_simulated_usb(usb: Usb, made: Path) -> None:
    usb.set(boards=[ONE], broken=True)
    with pytest.raises(UnhealthyError, match="the NOR does not give back"):
        maskrom.flash(made / "loader.bin", made / "nor.img", made / "disk.img", Job())
    assert usb.commands()[-1] != "rd"


def test_one_board_is_found_and_none_or_two_are_refused_with_simulated_usb(usb: Usb) -> None:
    usb.set(boards=[ONE])
    assert "Maskrom" in maskrom.find()
    usb.set(boards=[])
    with pytest.raises(InputError, match="no board in Maskrom mode"):
        maskrom.find()
    usb.set(boards=[ONE, ONE])
    with pytest.raises(InputError, match="2 boards"):
        maskrom.find()


def test_a_tool_that_knows_one_flash_only_is_refused_before_it_writes_with_simulated_usb(usb: Usb) -> None:
    usb.set(boards=[ONE], old=True)
    with pytest.raises(InputError, match="cannot choose between NOR and eMMC"):
        maskrom.find()
    assert usb.commands() == ["-h"]
