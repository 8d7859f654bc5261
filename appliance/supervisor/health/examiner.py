"""Runs checks and fix-ups beside the supervisor's loop, with a deadline: a hanging disk becomes a finding."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from appliance.errors import ApplianceError, InputError, UnhealthyError
from appliance.findings import Check, Finding, Status
from appliance.supervisor.health import examine
from appliance.supervisor.health.fixup import Fixup
from appliance.supervisor.threads import in_thread

DEADLINE_S: Final = 5.0
FIX_DEADLINE_S: Final = 60.0


class Examiner:
    """On one event loop. A check that hung is not started again until it has come back."""

    def __init__(self, checks: Sequence[Check], fixups: Sequence[Fixup], deadline_s: float = DEADLINE_S) -> None:
        self._checks = checks
        self._fixups = {fixup.check: fixup for fixup in fixups}
        self._deadline_s = deadline_s
        self._running: dict[str, asyncio.Future[list[Finding]]] = {}

    async def examine(self) -> list[dict[str, Any]]:
        """All findings in the order of the checks, as dictionaries; "fixup" says what the box can do about it."""
        parts = await asyncio.gather(*(self._one(check) for check in self._checks))
        return [self._as_dict(finding) for part in parts for finding in part]

    async def fix(self, check: str) -> str:
        """Run the fix-up of a check and return what it did."""
        if check not in self._fixups:
            known = ", ".join(self._fixups) or "nothing"
            raise InputError(f"the box cannot fix {check!r} itself", hint=f"it can fix: {known}")
        work = in_thread(self._fixups[check].run)
        try:
            return await asyncio.wait_for(work, FIX_DEADLINE_S)
        except ApplianceError:
            raise
        except TimeoutError as error:
            raise UnhealthyError(f"the fix-up of {check} did not end in {FIX_DEADLINE_S:g} s") from error
        except Exception as error:
            raise UnhealthyError(f"the fix-up of {check} failed: {error}") from error

    async def _one(self, check: Check) -> list[Finding]:
        work = self._running.get(check.name)
        if work is None or work.done():
            work = self._running[check.name] = in_thread(lambda: examine([check]))
        done, _ = await asyncio.wait([work], timeout=self._deadline_s)
        if done:
            return work.result()
        message = f"the check did not answer in {self._deadline_s:g} s"
        fix = "a disk or a device hangs: look at `dmesg`, and reboot if it stays so"
        return [Finding(check.name, Status.PROBLEM, message, fix)]

    def _as_dict(self, finding: Finding) -> dict[str, Any]:
        fixup = self._fixups.get(finding.check) if finding.status != Status.OK else None
        return asdict(finding) | {"fixup": fixup.does if fixup else None}
