"""A system whose Mouthpiece never comes up is rebooted, under a real systemd; one that runs is left alone.

A guest that reboots tells nothing any more, so a target is started where the unit would reboot.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.board.guest import CHECKOUT, Guest, missing

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing()), reason=missing() or "-")]

UNITS = CHECKOUT / "rootfs-overlay/usr/lib/systemd/system"
NAMES = ("mouthpiece-dead-man.timer", "mouthpiece-dead-man.service", "mouthpiece-reboot.service")
SCRIPT = """
set -eu
state() { systemctl show --property=ActiveState --value $1; }
systemctl daemon-reload
systemctl start mouthpiece-dead-man.timer
state mouthpiece-dead-man.timer > /out/timer-without-slots
mkdir -p /etc/rauc && touch /etc/rauc/system.conf
systemctl start mouthpiece-dead-man.timer
state mouthpiece-dead-man.timer > /out/timer-with-slots
systemctl stop mouthpiece-dead-man.timer
systemd-run --quiet --unit=mouthpiece sleep 1000
systemctl start mouthpiece-dead-man.service
state asked.target > /out/while-it-runs
systemctl stop mouthpiece.service
systemctl start mouthpiece-dead-man.service
tries=0
while [ $(state asked.target) != active ] && [ $tries -lt 100 ]; do sleep 1; tries=$((tries + 1)); done
state asked.target > /out/while-it-does-not
"""


def test_it_reboots_what_never_comes_up_and_nothing_else(tmp_path: Path) -> None:
    overlay = {f"usr/lib/systemd/system/{name}": (UNITS / name).read_text() for name in NAMES}
    overlay["etc/systemd/system/asked.target"] = "[Unit]\nDescription=A reboot was asked for\n"
    overlay["etc/systemd/system/mouthpiece-reboot.service.d/asked.conf"] = (
        "[Service]\nExecStart=\nExecStart=/usr/bin/systemctl --no-block start asked.target\n"
    )
    result = Guest(tmp_path, systemd=True, overlay=overlay).run(SCRIPT, timeout_s=600)
    assert result.status == 0, result.explain()
    assert result.text("while-it-runs") == "inactive\n"
    assert result.text("while-it-does-not") == "active\n"
    assert result.text("timer-without-slots") == "inactive\n", "no boot loader that counts would try another"
    assert result.text("timer-with-slots") == "active\n"
