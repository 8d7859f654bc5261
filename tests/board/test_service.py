"""The unit of the image under a real systemd: the box starts, loses power, is killed, hangs and stops.

One guest tells the whole story (`inside/service.py`); each test looks at a part of it.
"""

from __future__ import annotations

import re
import sys
from typing import Any

import pytest

from tests.board.guest import CHECKOUT, Guest, missing

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing()), reason=missing() or "-")]

OVERLAY = CHECKOUT / "rootfs-overlay"
DROP_IN = """[Service]
ExecStart=
ExecStart={python} -m appliance run
# Where this machine keeps its Python; the image has it below /usr.
ProtectHome=tmpfs
BindReadOnlyPaths={places}
# An emulated processor is slow to start.
TimeoutStartSec=500
"""
PREPARE = """
modprobe ext4
mkfs.ext4 -q /dev/vda
mkdir -p /var/lib/mouthpiece/data
mount /dev/vda /var/lib/mouthpiece/data
systemd-sysusers
systemd-tmpfiles --create /usr/lib/tmpfiles.d/mouthpiece.conf
udevadm control --reload
systemctl daemon-reload
systemctl enable mouthpiece-power-fail.service
export MOUTHPIECE_RUN=/run/mouthpiece
"""


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    places = [str(CHECKOUT), *([sys.base_prefix] if sys.base_prefix != "/usr" else [])]
    files = [path for path in (OVERLAY / "usr").rglob("*") if path.is_file()]
    overlay = {str(path.relative_to(OVERLAY)): path.read_text() for path in files}
    python = CHECKOUT / ".venv/bin/python"
    overlay["etc/systemd/system/mouthpiece.service.d/here.conf"] = DROP_IN.format(
        python=python, places=" ".join(places)
    )
    guest = Guest(tmp_path_factory.mktemp("service"), disks=[128 << 20], memory_mb=3072, systemd=True, overlay=overlay)
    return guest.run_inside("service", before=PREPARE, timeout_s=1500).facts()


def test_it_starts_tells_how_it_is_and_runs_as_its_own_user(facts: dict[str, Any]) -> None:
    assert (facts["started"]["ActiveState"], facts["started"]["SubState"]) == ("active", "running")
    assert 'Status: "console ready, worker ready, recorder off"' in facts["systemctl status"]
    assert facts["users"] == ["mouthpiece"]


def test_what_is_delegated_to_it_is_limited_by_the_settings(facts: dict[str, Any]) -> None:
    group = facts["worker's group"]
    assert group["memory.high"] == str(900_000_000 // 4096 * 4096)
    assert group["cpu.weight"] == "50"
    assert group["io.max"].endswith(" rbps=40000000 wbps=20000000 riops=max wiops=max")
    assert facts["complaints"] == []


def test_little_is_open_to_whoever_breaks_in(facts: dict[str, Any]) -> None:
    found = re.search(r"exposure level for mouthpiece.service: ([0-9.]+)", facts["exposure"])
    assert found
    assert float(found[1]) <= 2.0


def test_the_power_fail_key_saves_everything_before_the_box_goes_on(facts: dict[str, Any]) -> None:
    """How long it takes is in the message; an emulated processor says nothing about the 200 ms of a real one."""
    assert re.search(r"power fails \(a key of /dev/input/event\d+\): .*\d+ ms", facts["power key"])
    assert facts["order"] == sorted(facts["order"]), "said before, power fails, power is still there"
    assert facts["marked"], "as a power failure"
    assert facts["children told"] == ["leaves, told by SIGPWR"] * 2
    assert facts["power is back"]
    assert facts["same supervisor"]


def test_killed_it_is_started_again_and_nothing_of_it_is_left(facts: dict[str, Any]) -> None:
    assert (facts["killed"]["ActiveState"], facts["killed"]["NRestarts"]) == ("active", "1")
    assert facts["killed"]["StatusText"] == "console ready, worker ready"
    assert facts["left of the killed"] == []


def test_a_power_fail_key_that_was_there_before_counts_too_and_may_be_unplugged(facts: dict[str, Any]) -> None:
    assert re.search(r"power fails \(a key of /dev/input/event\d+\): .*\d+ ms", facts["power key there before"])
    assert facts["key unplugged"]["NRestarts"] == "1", "no supervisor but the killed one has died"


def test_hanging_it_is_ended_by_systemds_watchdog(facts: dict[str, Any]) -> None:
    assert facts["hung"]["NRestarts"] == "2"
    assert facts["left of the hung"] == []
    assert "mouthpiece.service: Watchdog timeout (limit 30s)!" in facts["how it hung"]


def test_a_power_signal_to_process_1_reaches_it(facts: dict[str, Any]) -> None:
    assert re.search(r"power fails \(SIGPWR\): .*\d+ ms", facts["power signal"])


def test_what_other_units_warn_of_is_kept_once_and_the_journal_is_not(facts: dict[str, Any]) -> None:
    """Though the supervisor was killed, hung and restarted meanwhile."""
    told = facts["of the journal"]
    assert [message.partition(": ")[2] for message in told["out of paper"]] == ["out of paper"]
    assert [message.partition(": ")[2] for message in told["on fire"]] == ["on fire"]
    assert told["paper is white"] == []
    assert told["the box's own warning"] == ["the box's own warning"]
    assert not facts["journal on disk"]


def test_it_stops_in_order_and_in_time(facts: dict[str, Any]) -> None:
    assert "mouthpiece.service: Deactivated successfully." in facts["stopped"]
    assert not any("timed out" in line or "Failed" in line for line in facts["stopped"])
    assert facts["left of the stopped"] == []
    assert facts["marked at the end"] == "CLEAN"
    assert not any("stays behind" in message for message in facts["last words"])
