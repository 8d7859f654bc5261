"""What `make boards` writes is what kernel and tools want: overlays on real device trees, flash that it sets up."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import UnhealthyError
from tests.board.guest import CHECKOUT, Guest, missing
from tools.boards import device_trees, generate
from tools.boards.board import Board

pytestmark = pytest.mark.slow

BOARDS = generate.boards(CHECKOUT)
OVERLAYS = sorted((CHECKOUT / generate.GENERATED).glob("*/*.dtso"))
LACKING = missing("ubinize", "mtdpart")


def run(*command: str | Path) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), command
    return done.stdout


def tree_of(board: str) -> Path:
    try:
        return device_trees.fetch(board)
    except UnhealthyError as error:
        pytest.skip(f"the device tree of {board} cannot be had: {error.message}")


@pytest.mark.skipif(shutil.which("fdtoverlay") is None, reason="the package device-tree-compiler is missing")
@pytest.mark.parametrize("overlay", OVERLAYS, ids=[f"{path.parent.name}-{path.stem}" for path in OVERLAYS])
def test_an_overlay_applies_to_the_boards_real_tree(overlay: Path, tmp_path: Path) -> None:
    name = overlay.parent.name
    compiled, merged = tmp_path / "overlay.dtbo", tmp_path / "merged.dtb"
    run("dtc", "-@", "-I", "dts", "-O", "dtb", "-o", compiled, overlay)
    run("fdtoverlay", "-i", tree_of(name), "-o", merged, compiled)
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


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    rule = "usr/lib/udev/rules.d/70-mouthpiece-flash.rules"
    overlay = {f"/{rule}": (CHECKOUT / "rootfs-overlay" / rule).read_text()}
    folder: Path = tmp_path_factory.mktemp("boards")
    return Guest(folder, overlay=overlay).run_inside("boards", timeout_s=500).facts()


@pytest.mark.skipif(bool(LACKING), reason=LACKING or "-")
class TestTheFlashThatTheFilesSetUp:
    nor, nand = BOARDS["virt-arm64"].nor, BOARDS["virt-arm64"].nand

    def test_udev_links_every_partition_of_the_nor_by_its_name(self, facts: dict[str, Any]) -> None:
        assert self.nor
        assert facts["links"] == {part.name: f"{part.name}\n" for part in self.nor.partitions}

    def test_the_simulated_nand_is_the_one_described(self, facts: dict[str, Any]) -> None:
        nand = self.nand
        assert nand
        shape = {"size": nand.size, "erasesize": nand.block, "writesize": nand.page}
        assert facts["chip"] == shape | {"subpagesize": nand.subpage, "oobsize": nand.spare}

    def test_ubi_has_as_much_room_for_volumes_as_the_rules_say(self, facts: dict[str, Any]) -> None:
        nand = self.nand
        assert nand
        assert facts["leb"] == nand.leb
        assert sum(facts["volumes"].values()) + facts["left"] == nand.usable_blocks

    def test_the_volumes_are_those_described_and_take_a_file_system(self, facts: dict[str, Any]) -> None:
        nand = self.nand
        assert nand
        assert list(facts["volumes"]) == [volume.name for volume in nand.volumes]
        state = nand.volumes[0].size
        assert state
        assert facts["volumes"]["state"] == -(-state // nand.leb)
        assert facts["left"] == 0
        assert [facts[f"in {volume.name}"] for volume in nand.volumes] == ["kept\n", "kept\n"]
