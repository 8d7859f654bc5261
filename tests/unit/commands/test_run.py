"""The table of processes follows the settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from appliance.commands.run import plan, settings
from appliance.storage.config import FILE, ConfigStore
from appliance.supervisor.spec import ChildSpec, Limits
from appliance.volumes import Volumes


@pytest.fixture
def volumes(tmp_path: Path) -> Volumes:
    return Volumes(tmp_path)


def child(volumes: Volumes, name: str, **given: Any) -> ChildSpec:
    return next(spec for spec in plan(volumes, given).children if spec.name == name)


def change(volumes: Volumes, **changes: Any) -> None:
    ConfigStore(volumes).update(lambda config: config.update(settings=changes))


def test_a_new_box_has_the_defaults(volumes: Volumes) -> None:
    assert [spec.name for spec in plan(volumes, {}).children] == ["console", "worker", "recorder"]
    assert child(volumes, "worker").limits == Limits(cpu_weight=100)
    assert child(volumes, "console").limits == Limits(memory_high=200_000_000, cpu_weight=200)
    assert child(volumes, "recorder").on_demand
    assert child(volumes, "console").argv[1:] == ("-m", "appliance", "--data", str(volumes.root), "console")


def test_the_settings_are_followed(volumes: Volumes) -> None:
    change(volumes, log_level="DEBUG", worker_memory_high_mb=900, worker_cpu_weight=10, worker_write_mbps=2.5)
    assert child(volumes, "worker").limits == Limits(900_000_000, 10, 0, 2_500_000)
    assert plan(volumes, {}).log_level == "DEBUG"


@pytest.mark.parametrize("name", ["console", "worker", "recorder"])
def test_every_child_has_limits_of_its_own(volumes: Volumes, name: str) -> None:
    wanted = {"memory_high_mb": 300, "cpu_weight": 77, "read_mbps": 3.5, "write_mbps": 1.25}
    change(volumes, **{f"{name}_{what}": value for what, value in wanted.items()})
    assert child(volumes, name).limits == Limits(300_000_000, 77, 3_500_000, 1_250_000)
    others = {spec.name: spec.limits for spec in plan(volumes, {}).children if spec.name != name}
    assert all(limits.read_bps == limits.write_bps == 0 for limits in others.values())


def test_options_of_the_command_go_before_the_settings(volumes: Volumes) -> None:
    change(volumes, port=9000, host="10.0.0.1")
    given = {"port": 9001}
    assert child(volumes, "console", **given).argv[-1] == "--port=9001"
    now = settings(volumes, {**given})
    assert (now.host, now.port) == ("10.0.0.1", 9001)


def test_a_machine_that_is_slow_to_start_is_given_longer(volumes: Volumes, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = {spec.name: spec.ready_s for spec in plan(volumes, {}).children}
    monkeypatch.setenv("MOUTHPIECE_PATIENCE", "4")
    assert {spec.name: spec.ready_s for spec in plan(volumes, {}).children} == {
        name: 4 * seconds for name, seconds in usual.items()
    }


def test_everything_ends_within_the_time_that_systemd_gives(volumes: Volumes) -> None:
    unit = (Path(__file__).parents[3] / "rootfs-overlay/usr/lib/systemd/system/mouthpiece.service").read_text()
    given_s = float(next(line for line in unit.splitlines() if line.startswith("TimeoutStopSec")).split("=")[1])
    children = plan(volumes, {}).children
    unkillable_s = last_flush_s = marker_s = 3.0
    longest = sum(
        max(spec.stop_s for spec in children if spec.stops_last == last) + unkillable_s for last in (False, True)
    )
    assert longest + last_flush_s + marker_s < given_s


def test_a_configuration_that_cannot_be_read_starts_the_box_with_the_defaults(volumes: Volumes) -> None:
    volumes.config.mkdir(parents=True)
    (volumes.config / FILE).mkdir()
    assert settings(volumes, {}).port == 8080
