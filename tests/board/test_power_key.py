"""The power-fail key with a real kernel, a real udev with our rule, and a real supervisor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.board.guest import CHECKOUT, Guest, missing

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing()), reason=missing() or "-")]

RULE = "usr/lib/udev/rules.d/70-mouthpiece-power-fail.rules"
PREPARE = """
modprobe uinput
modprobe evdev
systemctl start systemd-udevd
"""


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    overlay = {f"/etc/udev/rules.d/{Path(RULE).name}": (CHECKOUT / "rootfs-overlay" / RULE).read_text()}
    guest = Guest(tmp_path_factory.mktemp("power"), systemd=True, overlay=overlay)
    return guest.run_inside("power_key", before=PREPARE, timeout_s=400).facts()


@pytest.mark.parametrize("when", ["there before", "plugged in"])
def test_a_press_is_a_power_failure(facts: dict[str, Any], when: str) -> None:
    assert facts[when]["message"].startswith("power fails (a key of /dev/input/event")
    assert facts[when]["ms"] > 0


def test_the_children_are_told(facts: dict[str, Any]) -> None:
    assert facts["order"] == ["good SIGPWR", "good SIGPWR"]
