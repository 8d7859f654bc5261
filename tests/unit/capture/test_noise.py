"""The noise floor under speech, pauses and a fan."""

from __future__ import annotations

from appliance.capture.noise import MEASURED_S, NoiseFloor

HZ = 50


def test_it_says_nothing_before_it_has_measured() -> None:
    floor = NoiseFloor()
    floor.push([-60.0] * (round(MEASURED_S * HZ) - 1))
    assert floor.db is None
    floor.push([-60.0])
    assert floor.db == -60.0


def test_speech_with_pauses_does_not_raise_it() -> None:
    floor = NoiseFloor()
    for _ in range(6):
        floor.push([-20.0] * HZ + [-58.0] * (HZ // 5))
    assert floor.db == -58.0


def test_someone_who_speaks_at_once_does_not_become_the_noise() -> None:
    floor = NoiseFloor()
    floor.push([-20.0] * 13 + [-55.0] * 7)
    assert floor.db == -55.0


def test_it_follows_a_fan_that_is_switched_on_and_off() -> None:
    floor = NoiseFloor()
    floor.push([-60.0] * HZ)
    floor.push([-40.0] * HZ)
    assert floor.db == -60.0
    floor.push([-40.0] * 3 * HZ)
    assert floor.db == -40.0
    floor.push([-60.0] * 5)
    assert floor.db == -60.0
