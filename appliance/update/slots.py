"""What may be done to the slots, by whoever asks: install a bundle, mark good, go back; and how things stand.

RAUC by itself refuses a bundle that is damaged or not signed for this box; refused here, before a byte is written, is
also one for another kind of board, and one that is older than what runs. The operator's way back is `rollback`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from appliance.errors import ApplianceError, CancelledError, InputError, UnhealthyError
from appliance.update import rauc
from appliance.update.history import BEGUN, CONFIRMED, FAILED, INSTALLED, ROLLED_BACK, Attempt, History
from appliance.update.step import Step, quiet
from appliance.update.version import is_older, running
from appliance.volumes import Volumes


def check(bundle: Path, name: str = "") -> rauc.Bundle:
    """What a bundle is; `InputError` unless it may be installed on this box. `name` is what people call the file."""
    try:
        bundle = bundle.resolve(strict=True)
    except OSError as error:
        raise InputError(f"cannot read {bundle}: {error.strerror}", hint="check the path") from error
    name = name or bundle.name
    system, found, now = rauc.system(), rauc.inspect(bundle, name), running()
    if found.compatible != system.compatible:
        raise InputError(
            f"{name} is for {found.compatible}; this box is a {system.compatible}",
            hint="get the bundle for this kind of board",
        )
    if is_older(found.version, now):
        raise InputError(
            f"{name} has version {found.version}; this box runs the newer {now}",
            hint="to go back to the version before the last update: `mouthpiece update rollback`",
        )
    return found


def install(
    volumes: Volumes, bundle: Path, problems: Iterable[str], step: Step = quiet, *, name: str = ""
) -> rauc.Bundle:
    """Install a bundle to the other slot, which the next boot will try.

    `problems` are the checks that complain now: the new system is not blamed for them.
    """
    found = check(bundle, name)
    system, history = rauc.system(), History(volumes)
    if system.operation != "idle":
        raise InputError("an update is being installed already", hint="wait until it is done")
    if system.other is None:
        raise InputError("this box has no second slot", hint="it can only be flashed")
    slot = system.other.name
    history.add(BEGUN, found.version, slot, **{"from": running()}, problems=sorted(set(problems)))
    try:
        rauc.install(bundle.resolve(), step)
    except CancelledError:
        message = "an update that is being written is not called off: RAUC goes on by itself"
        raise InputError(message, hint="`mouthpiece update status` tells what came of it") from None
    except ApplianceError as error:
        history.note(FAILED, found.version, slot, reason=error.message)
        raise
    history.note(INSTALLED, found.version, slot)
    return found


def mark_good(volumes: Volumes, by: str) -> str:
    """The running system has proved itself; says what was done. `by` whom, for the history."""
    message, history = rauc.mark("good", "booted"), History(volumes)
    attempt = undecided(history)
    if attempt is not None and attempt.slot == rauc.system().booted:
        history.note(CONFIRMED, attempt.version, attempt.slot, by=by)
    return message


def rollback(volumes: Volumes, reason: str) -> str:
    """Let the next boot be from the other slot; says what was done. `InputError` if that one does not boot.

    Where the other slot holds an update that was not tried yet, this is its end: the next boot stays with what runs.
    """
    system, history = rauc.system(), History(volumes)
    attempt = undecided(history)
    if attempt is not None and attempt.slot != system.booted:
        message = rauc.mark("active", system.booted)
        history.note(ROLLED_BACK, attempt.version, attempt.slot, reason=reason)
        with contextlib.suppress(ApplianceError):  # or else another rollback would start it, without a trial
            rauc.mark("bad", attempt.slot)
        return message
    other = system.other
    if other is None or other.boot_status != "good":
        raise InputError("the other slot holds no system that boots", hint="install an update instead")
    message = rauc.mark("active", other.name)
    history.note(ROLLED_BACK, running(), system.booted, reason=reason)
    return message


def undecided(history: History) -> Attempt | None:
    """What is on trial or to be tried; a history that cannot be read keeps nobody from marking slots."""
    with contextlib.suppress(UnhealthyError):
        return history.undecided()
    return None


def status(volumes: Volumes) -> dict[str, Any]:
    """How things stand: {"version", "compatible", "operation", "booted", "primary", "slots", "trial", "untried",
    "history"}.

    `trial` is the version that has yet to prove itself, `untried` the one that is installed and waits for a reboot;
    null where there is none. `NoRaucError` where there are no slots.
    """
    system, history = rauc.system(), History(volumes)
    attempt, trial, untried = history.undecided(), None, None
    if attempt is not None and attempt.slot == system.booted:
        trial = attempt.version
    elif attempt is not None and attempt.installed:
        untried = attempt.version
    return {
        "version": running(),
        **{name: getattr(system, name) for name in ("compatible", "operation", "booted", "primary")},
        "slots": [asdict(slot) for slot in system.slots],
        "trial": trial,
        "untried": untried,
        "history": history.read(),
    }
