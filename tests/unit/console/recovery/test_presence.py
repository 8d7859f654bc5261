"""Who stands before the box: the code, the button, and how each is used up."""

from __future__ import annotations

import os
import select
import struct
import threading
import time
from pathlib import Path

import pytest

from appliance.console.errors import RefusedError
from appliance.console.recovery import presence
from appliance.console.recovery.presence import WINDOW_S, Presence
from appliance.console.security.throttle import FREE, Throttle
from appliance.volumes import Volumes
from tests.clock import Clock

LAN = "192.0.2.7"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def volumes(tmp_path: Path) -> Volumes:
    return Volumes(tmp_path)


@pytest.fixture
def here(volumes: Volumes, clock: Clock) -> Presence:
    return Presence(volumes, Throttle(clock), clock)


def test_the_code_is_the_same_for_everybody_who_asks_and_private(volumes: Volumes) -> None:
    code = presence.code(volumes)
    assert presence.code(volumes) == code
    assert len(code) == 8
    assert code.isdecimal()
    assert presence.code_file(volumes).stat().st_mode & 0o777 == 0o600


def test_the_code_proves_it_as_it_is_written(here: Presence, volumes: Volumes) -> None:
    here.prove(presence.written(presence.code(volumes)), LAN)


def test_a_wrong_code_proves_nothing_and_guessing_is_slowed(here: Presence) -> None:
    for _ in range(FREE):
        with pytest.raises(RefusedError, match="the code is wrong"):
            here.prove("nonsense", LAN)
    with pytest.raises(RefusedError, match="too many wrong attempts"):
        here.prove("nonsense", LAN)


def test_nothing_proves_nothing(here: Presence) -> None:
    with pytest.raises(RefusedError, match="nobody has shown"):
        here.prove(" ", LAN)


def test_the_button_proves_it_once(here: Presence) -> None:
    here.press()
    assert here.seconds_left() == WINDOW_S
    here.prove("", LAN)
    assert here.seconds_left() == 0
    with pytest.raises(RefusedError, match="nobody has shown"):
        here.prove("", LAN)


def test_the_button_counts_for_a_time(here: Presence, clock: Clock) -> None:
    here.press()
    clock.now += WINDOW_S + 1
    assert here.seconds_left() == 0
    with pytest.raises(RefusedError, match="nobody has shown"):
        here.prove("", LAN)


def test_a_wrong_code_does_not_fall_back_on_the_button(here: Presence) -> None:
    here.press()
    with pytest.raises(RefusedError, match="the code is wrong"):
        here.prove("00000000x", LAN)
    assert here.seconds_left() == WINDOW_S


def test_a_key_that_is_pressed_is_seen_and_other_events_are_not(here: Presence, tmp_path: Path) -> None:
    """The kernel's events, out of a pipe that stands for the device."""
    folder = tmp_path / "input"
    folder.mkdir()
    os.mkfifo(folder / "event0")
    keep = os.open(folder / "event0", os.O_RDWR)
    threading.Thread(target=here.watch_buttons, args=(folder,), daemon=True).start()
    event = struct.Struct("@llHHi")
    released, moved, pressed = (1, 116, 0), (2, 0, 1), (1, 116, 1)
    os.write(keep, b"".join(event.pack(0, 0, *one) for one in (released, moved)))
    end = time.monotonic() + 10
    while select.select([keep], [], [], 0)[0]:  # not taken out of the pipe yet
        assert time.monotonic() < end
        time.sleep(0.01)
    assert here.seconds_left() == 0
    os.write(keep, event.pack(0, 0, *pressed))
    while not here.seconds_left():
        assert time.monotonic() < end
        time.sleep(0.01)
    os.close(keep)
