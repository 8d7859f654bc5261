"""The decision of a boot, with a simulated RAUC and a clock that is told the time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from appliance.errors import CancelledError, InputError, UnhealthyError
from appliance.update import history, slots, trial
from appliance.update.history import BEGUN, History
from appliance.update.rauc import NoRaucError
from appliance.update.trial import DEADLINE_S, HEALTHY_S, Trial
from appliance.volumes import Volumes
from tests.unit.update.rauc_stand_in import SimulatedRauc


class Boot:
    """A box some time after an update to version 9.0.0 in slot B."""

    def __init__(self, volumes: Volumes, rauc: SimulatedRauc, monkeypatch: pytest.MonkeyPatch) -> None:
        self.volumes, self.rauc, self.now = volumes, rauc, 0.0
        self.problems: list[str] = []
        self.reboots = 0
        self.told: list[str] = []
        self.checked = True
        self._monkeypatch = monkeypatch

    def into(self, slot: str) -> Trial:
        """Reboot into a slot."""
        self._monkeypatch.setattr(trial, "boot_id", lambda: "another boot")
        self._monkeypatch.setattr(history, "boot_id", lambda: "another boot")
        self.rauc.boot(slot)
        started = Trial(self.volumes, self._findings, self._reboot, self._tell, clock=lambda: self.now)
        started.begin()
        return started

    def events(self) -> list[tuple[str, str]]:
        return [(event["event"], event.get("reason", event.get("by", ""))) for event in History(self.volumes).read()]

    def _findings(self) -> list[dict[str, Any]]:
        if not self.checked:
            return []
        return [
            {"check": "wear", "status": "warning", "message": "worn"},
            *({"check": name, "status": "problem", "message": "broken"} for name in self.problems),
        ]

    def _tell(self, level: str, message: str) -> None:
        self.told.append(f"{level} {message}")

    def _reboot(self) -> None:
        self.reboots += 1


@pytest.fixture
def rauc(monkeypatch: pytest.MonkeyPatch) -> SimulatedRauc:
    return SimulatedRauc(monkeypatch)


@pytest.fixture
def box(tmp_path: Path, rauc: SimulatedRauc, monkeypatch: pytest.MonkeyPatch) -> Boot:
    (tmp_path / "bundle").write_bytes(b"")
    return Boot(Volumes(tmp_path), rauc, monkeypatch)


def installed(box: Boot, *problems: str) -> None:
    slots.install(box.volumes, box.volumes.root / "bundle", problems)


def lived(box: Boot, here: Trial, until: float, every: float = 10.0) -> bool:
    """Look every few seconds up to a time; whether it was decided."""
    while box.now < until:
        if here.look():
            return True
        box.now += every
    return False


def test_a_new_system_is_good_after_unbroken_health(box: Boot) -> None:
    installed(box)
    here = box.into("rootfs.1")
    assert not lived(box, here, HEALTHY_S - 10)
    box.problems = ["worker"]
    assert not lived(box, here, HEALTHY_S)
    box.problems = []
    recovered = box.now
    assert lived(box, here, DEADLINE_S)
    assert box.now - recovered == HEALTHY_S
    assert box.rauc.marked == [("good", "booted")]
    assert box.events()[-1] == ("confirmed", "the health checks")
    assert box.reboots == 0


def test_a_new_system_with_a_new_problem_is_left(box: Boot) -> None:
    installed(box, "disk")
    box.problems = ["disk", "worker"]
    assert lived(box, box.into("rootfs.1"), DEADLINE_S + 20)
    assert box.now == DEADLINE_S
    assert box.rauc.marked == [("active", "rootfs.0"), ("bad", "booted")]
    assert box.events()[-1] == ("rolled back", "worker: broken")
    assert box.told[-1] == "ERROR version 9.0.0 is rolled back: worker: broken"
    assert box.reboots == 1


def test_what_complained_before_the_update_is_not_held_against_it(box: Boot) -> None:
    installed(box, "disk")
    box.problems = ["disk"]
    assert lived(box, box.into("rootfs.1"), DEADLINE_S)
    assert box.rauc.marked == [("good", "booted")]


def test_a_system_whose_health_nobody_can_tell_is_left(box: Boot) -> None:
    installed(box)
    box.checked = False
    assert lived(box, box.into("rootfs.1"), DEADLINE_S + 20)
    assert box.events()[-1] == ("rolled back", "nothing was checked yet")


def test_an_ill_one_stays_where_the_other_slot_does_not_boot(box: Boot) -> None:
    installed(box)
    here = box.into("rootfs.1")
    box.rauc.spoil("rootfs.0")
    box.problems = ["worker"]
    assert lived(box, here, DEADLINE_S + 20)
    assert (box.rauc.marked, box.reboots) == ([("good", "booted")], 0)
    assert box.events()[-1] == ("confirmed", "lack of another")


def test_a_confirmed_system_is_good_when_its_processes_work(box: Boot) -> None:
    box.problems = ["disk", "wear"]
    assert lived(box, box.into("rootfs.0"), DEADLINE_S)
    assert box.rauc.marked == [("good", "booted")]
    assert box.events() == []


def test_a_confirmed_system_whose_processes_fail_is_not_good_and_stays(box: Boot) -> None:
    box.problems = ["processes"]
    assert not lived(box, box.into("rootfs.0"), 3 * DEADLINE_S)
    assert (box.rauc.marked, box.reboots) == ([], 0)


def test_before_the_reboot_the_old_system_is_not_on_trial(box: Boot) -> None:
    installed(box)
    here = Trial(box.volumes, list, box._reboot, box._tell, clock=lambda: box.now)
    here.begin()
    assert not lived(box, here, 2 * DEADLINE_S)
    assert [event for event, _ in box.events()] == ["begun", "installed"]


def test_a_system_that_did_not_start_is_noted(box: Boot) -> None:
    installed(box)
    here = box.into("rootfs.0")
    assert box.events()[-1] == ("rolled back", "it did not start")
    assert lived(box, here, DEADLINE_S)
    assert box.rauc.marked == [("good", "booted")]


def test_an_installation_that_a_power_cut_ended_is_noted(box: Boot) -> None:
    History(box.volumes).add(BEGUN, "9.0.0", "rootfs.1")
    box.into("rootfs.0")
    assert box.events()[-1] == ("failed", "it was interrupted")


def test_one_that_became_whole_although_nobody_noted_it_is_on_trial(box: Boot) -> None:
    History(box.volumes).add(BEGUN, "9.0.0", "rootfs.1")
    assert lived(box, box.into("rootfs.1"), DEADLINE_S)
    assert box.events()[-1] == ("confirmed", "the health checks")


def test_a_history_that_cannot_be_used_stops_no_decision(box: Boot) -> None:
    (box.volumes.state / "updates.jsonl").mkdir(parents=True)
    assert lived(box, box.into("rootfs.1"), DEADLINE_S)
    assert box.rauc.marked == [("good", "booted")]


def test_one_that_can_be_read_but_not_written_makes_nothing_happen_twice(
    box: Boot, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(box)

    def full(*_: Any, **__: Any) -> None:
        raise UnhealthyError("no space left")

    monkeypatch.setattr(History, "add", full)
    assert lived(box, box.into("rootfs.1"), DEADLINE_S)
    assert box.rauc.marked == [("good", "booted")]
    box.now, box.problems = 0.0, ["worker"]
    assert lived(box, box.into("rootfs.1"), DEADLINE_S + 20)
    assert box.rauc.marked[1:] == [("active", "rootfs.0"), ("bad", "booted")]
    assert box.reboots == 1
    assert lived(box, box.into("rootfs.0"), 3 * DEADLINE_S), "the old one decides as ever"


def test_without_rauc_there_is_nothing_to_watch_and_where_it_is_late_it_is_waited_for(
    box: Boot, monkeypatch: pytest.MonkeyPatch
) -> None:
    published: list[Any] = []
    answers: list[Any] = [NoRaucError(), NoRaucError(), None]
    real = box.rauc.system

    def system() -> Any:
        answer = answers.pop(0) if answers else None
        if answer is not None:
            raise answer
        return real()

    monkeypatch.setattr("appliance.update.rauc.system", system)
    monkeypatch.setattr(trial, "LOOK_S", 0.0)
    watcher = Trial(box.volumes, box._findings, box._reboot, box._tell, healthy_s=0.0, clock=lambda: box.now)
    monkeypatch.setattr("appliance.update.rauc.is_expected", lambda: False)
    watcher.watch(lambda _name, value: published.append(value))
    assert (published, len(answers), box.told) == ([], 2, [])
    monkeypatch.setattr("appliance.update.rauc.is_expected", lambda: True)
    watcher.watch(lambda _name, value: published.append(value))
    assert published == [{"decided": True, "trial": None}]
    assert box.told == ["WARNING this machine has no slots to update", "INFO marked booted good"]


def test_asked_for_it_goes_back_with_the_next_boot(box: Boot) -> None:
    assert slots.rollback(box.volumes, "asked for") == "marked rootfs.1 active"
    box.rauc.spoil("rootfs.1")
    with pytest.raises(InputError, match="holds no system that boots"):
        slots.rollback(box.volumes, "asked for")


def test_an_update_that_was_not_tried_yet_is_called_off_and_starts_no_more(box: Boot) -> None:
    installed(box)
    assert slots.rollback(box.volumes, "asked for") == "marked rootfs.0 active"
    assert box.rauc.now.primary == "rootfs.0"
    last = History(box.volumes).read()[-1]
    assert (last["event"], last["version"], last["slot"]) == ("rolled back", "9.0.0", "rootfs.1")
    with pytest.raises(InputError, match="holds no system that boots"):
        slots.rollback(box.volumes, "asked for again")
    assert box.rauc.now.primary == "rootfs.0"
    here = box.into("rootfs.0")
    assert lived(box, here, DEADLINE_S), "the old one decides as ever"


def test_one_that_is_on_trial_is_left_for_the_other_slot_when_asked(box: Boot) -> None:
    installed(box)
    box.into("rootfs.1")
    assert slots.rollback(box.volumes, "asked for") == "marked rootfs.0 active"
    assert box.rauc.now.primary == "rootfs.0"
    assert History(box.volumes).read()[-1]["slot"] == "rootfs.1"


def test_a_failed_installation_is_in_the_history(box: Boot) -> None:
    box.rauc.refuse("the update was not installed: no space")
    with pytest.raises(InputError):
        installed(box)
    assert box.events()[-1] == ("failed", "the update was not installed: no space")
    assert History(box.volumes).undecided() is None


def test_one_that_is_being_written_is_not_called_off_and_stays_undecided(box: Boot) -> None:
    def stop(_stage: str, _done: float, _total: float) -> None:
        raise CancelledError()

    with pytest.raises(InputError, match="RAUC goes on by itself"):
        slots.install(box.volumes, box.volumes.root / "bundle", [], stop)
    assert [event for event, _ in box.events()] == ["begun"]
    assert lived(box, box.into("rootfs.1"), DEADLINE_S)
    assert box.events()[-1] == ("confirmed", "the health checks")


@pytest.mark.parametrize(("version", "reason"), [("0.0.1", "this box runs the newer"), ("main", "runs the newer")])
def test_an_older_version_is_refused(box: Boot, version: str, reason: str) -> None:
    box.rauc.bundle = type(box.rauc.bundle)("board", version)
    with pytest.raises(InputError, match=reason):
        installed(box)
    assert box.events() == []


def test_another_board_is_refused(box: Boot) -> None:
    box.rauc.bundle = type(box.rauc.bundle)("other", "9.0.0")
    with pytest.raises(InputError, match="bundle is for other; this box is a board"):
        installed(box)
    assert box.events() == []
