"""Every overlay compiles without a warning and applies to the tree that its board really has."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from appliance.errors import UnhealthyError
from tests.unit.tools.boards.conftest import ROOT
from tools.boards import device_trees, generate
from tools.boards.board import Board

BOARDS = generate.boards(ROOT)
OVERLAYS = sorted((ROOT / "boot/generated").glob("*/*.dtso"))
IDS = [f"{path.parent.name}-{path.stem}" for path in OVERLAYS]

pytestmark = pytest.mark.skipif(shutil.which("dtc") is None, reason="the package device-tree-compiler is missing")


def run(*command: str | Path) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), command
    return done.stdout


def compiled(overlay: Path, folder: Path) -> Path:
    run("dtc", "-@", "-I", "dts", "-O", "dtb", "-o", folder / "overlay.dtbo", overlay)
    return folder / "overlay.dtbo"


def tree_of(board: str) -> Path:
    try:
        return device_trees.fetch(board)
    except UnhealthyError as error:
        pytest.skip(f"the device tree of {board} cannot be had: {error.message}")


@pytest.mark.parametrize("overlay", OVERLAYS, ids=IDS)
def test_an_overlay_compiles_without_warnings(overlay: Path, tmp_path: Path) -> None:
    assert compiled(overlay, tmp_path).stat().st_size > 0


@pytest.mark.slow
@pytest.mark.parametrize("overlay", OVERLAYS, ids=IDS)
def test_an_overlay_applies_to_the_boards_real_tree(overlay: Path, tmp_path: Path) -> None:
    name = overlay.parent.name
    merged = tmp_path / "merged.dtb"
    run("fdtoverlay", "-i", tree_of(name), "-o", merged, compiled(overlay, tmp_path))
    assert BOARDS[name].compatible == run("fdtget", merged, "/", "compatible").split()[0]
    {"nor": the_nor_has_its_partitions, "nand": the_nand_is_there}[overlay.stem](BOARDS[name], merged)


def the_nor_has_its_partitions(board: Board, tree: Path) -> None:
    assert board.nor
    kind = run("fdtget", tree, board.nor.node, "compatible").split()
    assert kind[0] in ("jedec,spi-nor", "cfi-flash")
    found = run("fdtget", "-l", tree, f"{board.nor.node}/partitions").split()
    assert sorted(found) == sorted(f"partition@{part.offset:x}" for part in board.nor.partitions)
    for part in board.nor.partitions:
        node = f"{board.nor.node}/partitions/partition@{part.offset:x}"
        assert run("fdtget", tree, node, "label").strip() == part.name
        assert run("fdtget", "-tu", tree, node, "reg").split() == [str(int(part.offset)), str(int(part.size))]
        assert ("read-only" in run("fdtget", "-p", tree, node).split()) == part.read_only
    if kind[0] == "cfi-flash":
        # (address, size) of each chip, 64 bits each, one behind the other from address 0 on.
        cells = [int(cell) for cell in run("fdtget", "-tu", tree, board.nor.node, "reg").split()]
        assert cells[1] == 0
        assert sum(cells[3::4]) == board.nor.size


def the_nand_is_there(board: Board, tree: Path) -> None:
    assert board.nand
    bus = board.nand.node
    assert bus
    assert run("fdtget", tree, bus, "status").strip() == "okay"
    assert run("fdtget", tree, f"{bus}/flash@0", "compatible").strip() == "spi-nand"
    node = f"{bus}/flash@0/partitions/partition@0"
    assert run("fdtget", "-tu", tree, node, "reg").split() == ["0", str(int(board.nand.size))]
    if board.nand.rockchip_pins:
        pins = run("fdtget", "-tu", tree, "/pinctrl/mouthpiece-nand/pins", "rockchip,pins").split()
        routed = tuple(tuple(int(cell) for cell in pins[start : start + 3]) for start in range(0, len(pins), 4))
        assert routed == board.nand.rockchip_pins
        # What the controller and the pins refer to are the nodes that came with them, not others of these numbers.
        group = run("fdtget", "-tu", tree, "/pinctrl/mouthpiece-nand/pins", "phandle")
        pull = run("fdtget", "-tu", tree, "/pinctrl/mouthpiece-pull-up", "phandle")
        assert run("fdtget", "-tu", tree, bus, "pinctrl-0") == group
        assert set(pins[3::4]) == {pull.strip()}
        everywhere = re.findall(r"\tphandle = <(\w+)>", run("dtc", "-q", "-I", "dtb", "-O", "dts", tree))
        assert len(everywhere) == len(set(everywhere))


def test_an_overlay_with_a_fault_is_noticed(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.dtso"
    wrong.write_text('/dts-v1/;\n/plugin/;\n&{/} {\n\tnode@1 {\n\t\tlabel = "no reg";\n\t};\n};\n')
    with pytest.raises(AssertionError, match="unit_address_vs_reg"):
        compiled(wrong, tmp_path)
