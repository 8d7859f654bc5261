"""The late decision whether the system that was booted is good: the box's health makes it, not the boot.

The boot loader counts every boot of a slot down and gives a slot up that never was marked good; so every boot ends in a
decision here, `HEALTHY_S` of unbroken health or, for a new system, `DEADLINE_S` without that.

    a new system           is healthy while nothing complains that did not complain before the update. Healthy: marked
                           good. Not so in time: marked bad, the other slot made the next, reboot.
    one that was confirmed is good as soon as the box's processes work. Going back would not mend a worn flash or a
                           missing disk, and giving it up would leave a box that still serves its console for recovery.

Before that, at its start, it closes what the last boot left open: an update whose slot was not booted was given up by
the boot loader, or never became whole. A history that cannot be read or written stops none of this: without it, the
boot is an ordinary one.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from appliance.errors import ApplianceError, UnhealthyError
from appliance.update import rauc, slots
from appliance.update.history import FAILED, ROLLED_BACK, Attempt, History, boot_id
from appliance.volumes import Volumes

HEALTHY_S: Final = 300.0
DEADLINE_S: Final = 1800.0
LOOK_S: Final = 10.0
STATE: Final = "update"
ESSENTIAL: Final = "processes"
"""The check whose complaint alone keeps a system that was confirmed from being good."""

Findings = Callable[[], Sequence[dict[str, Any]]]
"""What the health checks found last: {"check", "status", ...} each; nothing while they have not run."""
Tell = Callable[[str, str], None]
"""Keeps a record: its level and message."""
Publish = Callable[[str, dict[str, Any] | None], None]


class Trial:
    """Of this boot. Give `watch` to the supervisor; `reboot` is called at most once."""

    def __init__(
        self,
        volumes: Volumes,
        findings: Findings,
        reboot: Callable[[], None],
        tell: Tell,
        *,
        healthy_s: float = HEALTHY_S,
        deadline_s: float = DEADLINE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._volumes, self._findings, self._clock = volumes, findings, clock
        self._reboot, self._tell = reboot, tell
        self._healthy_s, self._deadline_s = healthy_s, deadline_s
        self._history = History(volumes)
        self._attempt: Attempt | None = None
        self._began = clock()
        self._healthy_since: float | None = None

    def watch(self, publish: Publish) -> None:
        """Until the decision is made; at once where there are no slots. Publishes the state "update"."""
        while True:
            try:
                self.begin()
                break
            except ApplianceError as error:
                if isinstance(error, rauc.NoRaucError) and not rauc.is_expected():
                    return
                self._tell("WARNING", error.message)  # it may be slower to start
            time.sleep(LOOK_S)
        while True:
            try:
                decided = self.look()
            except ApplianceError as error:
                self._tell("WARNING", error.message)
                decided = False
                self._healthy_since = None  # each try writes to the boot loader's flash
            publish(STATE, {"decided": decided, "trial": self._attempt.version if self._attempt else None})
            if decided:
                return
            time.sleep(min(LOOK_S, self._healthy_s / 3))

    def begin(self) -> None:
        """Find out what this boot is."""
        system, attempt = rauc.system(), slots.undecided(self._history)
        if attempt is None or attempt.boot == boot_id():  # no reboot since
            return
        if attempt.slot == system.booted:
            self._attempt = attempt
            self._tell("WARNING", f"version {attempt.version} runs for the first time; it has to prove itself")
        elif attempt.installed:
            reason = "it did not start"
            self._history.note(ROLLED_BACK, attempt.version, attempt.slot, reason=reason)
            self._tell("ERROR", f"version {attempt.version} was rolled back: {reason}")
        else:
            self._history.note(FAILED, attempt.version, attempt.slot, reason="it was interrupted")
            self._tell("WARNING", f"the update to version {attempt.version} was interrupted")

    def look(self) -> bool:
        """Look at the health now, and act on it; whether the decision is made."""
        now, complaints = self._clock(), self._complaints()
        if complaints:
            self._healthy_since = None
        elif self._healthy_since is None:
            self._healthy_since = now
        if self._healthy_since is not None and now - self._healthy_since >= self._healthy_s:
            self._tell("INFO", slots.mark_good(self._volumes, "the health checks"))
            return True
        if self._attempt is not None and now - self._began >= self._deadline_s:
            return self._give_up(self._attempt, complaints)
        return False

    def _complaints(self) -> list[str]:
        found = self._findings()
        if not found:
            return ["nothing was checked yet"]
        problems = [finding for finding in found if finding["status"] == "problem"]
        if self._attempt is not None:
            new = [one for one in problems if one["check"] not in self._attempt.problems]
        else:
            new = [one for one in problems if one["check"] == ESSENTIAL]
        return [f"{one['check']}: {one['message']}" for one in new]

    def _give_up(self, attempt: Attempt, complaints: Sequence[str]) -> bool:
        reason = "; ".join(complaints) or "it was never healthy for long enough"
        try:
            slots.rollback(self._volumes, reason)
        except UnhealthyError:
            raise
        except ApplianceError as error:  # nothing to go back to: better this one than none
            self._tell("ERROR", f"version {attempt.version} is not healthy ({reason}), and {error.message}")
            slots.mark_good(self._volumes, "lack of another")
            return True
        self._tell("ERROR", f"version {attempt.version} is rolled back: {reason}")
        with contextlib.suppress(ApplianceError):  # the other one is the next in any case
            rauc.mark("bad", "booted")
        self._reboot()
        return True
