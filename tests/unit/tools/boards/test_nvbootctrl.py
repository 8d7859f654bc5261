"""RAUC's handler on Jetson. No Jetson is here: nvbootctrl and the firmware's variables are simulated."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.unit.tools.boards.conftest import ROOT

HANDLER = ROOT / "rootfs-overlay/usr/lib/rauc/mouthpiece-nvbootctrl"
VENDOR = "781e084c-a330-417c-b678-38e696380cb9"
GOOD, BAD = bytes([7, 0, 0, 0, 0, 0, 0, 0]), bytes([7, 0, 0, 0, 0xFF, 0, 0, 0])
# What it says is what nvbootctrl of Jetson Linux 35 and 36 was seen to say.
NVBOOTCTRL = f"""#!/bin/sh
echo "$*" >> "$EFIVARS/calls"
status() {{
    case $(od -An -tu1 -j4 -N1 "$EFIVARS/RootfsStatusSlot$1-{VENDOR}" | tr -d ' ') in
        0) echo normal ;;
        *) echo unbootable ;;
    esac
}}
case "$*" in
    "-t rootfs get-current-slot") cat "$EFIVARS/current" ;;
    "-t rootfs set-active-boot-slot "[01]) echo "$4" > "$EFIVARS/active" ;;
    "-t rootfs dump-slots-info")
        echo "Current rootfs slot: $(tr 01 AB < "$EFIVARS/current")"
        echo "Active rootfs slot: $(tr 01 AB < "$EFIVARS/active")"
        echo "num_slots: 2"
        echo "slot: 0,             retry_count: 3,             status: $(status A)"
        echo "slot: 1,             retry_count: 3,             status: $(status B)"
        ;;
    verify) ;;
    *) exit 64 ;;
esac
"""


INDICATIONS = "OsIndications-8be4df61-93ca-11d2-aa0d-00e098032b8c"


class Jetson:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "nvbootctrl").write_text(NVBOOTCTRL)
        (folder / "nvbootctrl").chmod(0o755)
        for slot in "AB":
            self.variable(slot).write_bytes(GOOD)
        for file in ("current", "active"):
            (folder / file).write_text("0\n")

    def variable(self, slot: str) -> Path:
        return self.folder / f"RootfsStatusSlot{slot}-{VENDOR}"

    def ask(self, *request: str) -> str:
        environment = {"PATH": f"{self.folder}:{os.environ['PATH']}", "EFIVARS": str(self.folder)}
        command = ["sh", str(HANDLER), *request]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else f"failed: {done.stderr.strip()}"

    def indicate(self, value: int) -> None:
        (self.folder / INDICATIONS).write_bytes(bytes([7, 0, 0, 0]) + value.to_bytes(8, "little"))

    def indicated(self) -> int:
        content = (self.folder / INDICATIONS).read_bytes()
        assert content[:4] == bytes([7, 0, 0, 0])
        assert len(content) == 12
        return int.from_bytes(content[4:], "little")

    def switched(self) -> bool:
        return "set-active-boot-slot" in (self.folder / "calls").read_text()

    def verified(self) -> bool:
        return "verify" in (self.folder / "calls").read_text().splitlines()


@pytest.fixture
def jetson(tmp_path: Path) -> Jetson:
    return Jetson(tmp_path)


def test_an_update_as_rauc_does_it_with_simulated_nvbootctrl(jetson: Jetson) -> None:
    assert (jetson.ask("get-current"), jetson.ask("get-primary")) == ("A", "A")
    # Before the image is written, after it was, and once the new system is found healthy.
    assert jetson.ask("set-state", "B", "bad") == ""
    assert (jetson.ask("get-state", "A"), jetson.ask("get-state", "B")) == ("good", "bad")
    assert jetson.variable("B").read_bytes() == BAD
    assert jetson.ask("set-primary", "B") == ""
    assert (jetson.ask("get-primary"), jetson.ask("get-state", "B")) == ("B", "good")
    assert not jetson.verified()
    (jetson.folder / "current").write_text("1\n")
    assert jetson.ask("get-current") == "B"
    assert jetson.ask("set-state", "B", "good") == ""
    assert jetson.verified()
    assert jetson.variable("B").read_bytes() == GOOD


def test_only_what_runs_is_verified_with_simulated_nvbootctrl(jetson: Jetson) -> None:
    jetson.variable("B").write_bytes(BAD)
    assert jetson.ask("set-state", "B", "good") == ""
    assert jetson.variable("B").read_bytes() == GOOD
    assert not jetson.verified()


@pytest.mark.parametrize(
    "request_",
    [
        (),
        ("get",),
        ("set-primary",),
        ("set-primary", "C"),
        ("get-state", "C"),
        ("set-state", "A"),
        ("set-state", "C", "bad"),
    ],
)
def test_what_rauc_never_asks_is_refused_and_changes_nothing(jetson: Jetson, request_: tuple[str, ...]) -> None:
    assert jetson.ask(*request_).startswith("failed: mouthpiece-nvbootctrl: ")
    assert jetson.variable("A").read_bytes() == jetson.variable("B").read_bytes() == GOOD
    assert (jetson.folder / "active").read_text() == "0\n"


def test_firmware_without_redundancy_is_named(jetson: Jetson) -> None:
    jetson.variable("B").unlink()
    assert "the firmware has no variable RootfsStatusSlotB" in jetson.ask("set-primary", "B")
    assert (jetson.folder / "active").read_text() == "0\n"


def test_a_tool_that_says_nothing_is_a_failure(jetson: Jetson) -> None:
    (jetson.folder / "nvbootctrl").write_text("#!/bin/sh\n")
    for request in (("get-primary",), ("get-current",), ("get-state", "A")):
        assert jetson.ask(*request).startswith("failed: mouthpiece-nvbootctrl: nvbootctrl does not ")


def test_the_switch_is_left_to_a_capsule_that_waits_with_simulated_variables(jetson: Jetson) -> None:
    assert jetson.ask("set-state", "B", "bad") == ""
    jetson.indicate(0x80_0000_0004)
    assert jetson.ask("set-primary", "B") == ""
    assert not jetson.switched()
    assert (jetson.ask("get-primary"), jetson.ask("get-state", "B")) == ("B", "good")
    assert jetson.ask("set-state", "A", "good") == ""
    assert jetson.indicated() == 0x80_0000_0004


@pytest.mark.parametrize("request_", [("set-primary", "A"), ("set-state", "B", "bad")])
def test_what_speaks_against_the_other_slot_calls_a_capsule_off_with_simulated_variables(
    jetson: Jetson, request_: tuple[str, ...]
) -> None:
    jetson.indicate(0x80_0000_0005)
    assert jetson.ask(*request_) == ""
    assert jetson.indicated() == 0x80_0000_0001
    assert jetson.ask("get-primary") == "A"


def test_other_indications_than_a_capsule_change_nothing_with_simulated_variables(jetson: Jetson) -> None:
    jetson.indicate(1)
    assert jetson.ask("set-primary", "B") == ""
    assert jetson.ask("get-primary") == "B"
    assert jetson.switched()
    assert jetson.indicated() == 1
