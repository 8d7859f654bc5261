"""What the supervisor knows now: one question for each request, and nothing where no supervisor answers."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import Any

from flask import g

from appliance.console.box import the_box
from appliance.errors import ApplianceError


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`states` holds the latest value of what children publish, by name."""

    running: bool = False
    children: list[dict[str, Any]] = field(default_factory=list)
    findings: list[dict[str, Any]] = field(default_factory=list)
    states: dict[str, Any] = field(default_factory=dict)

    def state(self, name: str) -> dict[str, Any]:
        """The value of that name; empty where nobody published one."""
        found = self.states.get(name)
        return found if isinstance(found, dict) else {}

    @property
    def complaints(self) -> list[dict[str, Any]]:
        return [finding for finding in self.findings if finding.get("status") != "ok"]

    @property
    def microphone(self) -> str:
        """Name of the microphone that would be used; empty without one."""
        devices = self.state("microphones").get("devices") or []
        return next((str(device["name"]) for device in devices if device.get("chosen") and device.get("present")), "")


def snapshot() -> Snapshot:
    if "snapshot" not in g:
        g.snapshot = Snapshot()
        with contextlib.suppress(ApplianceError, OSError):
            said = the_box().control.ask("status")
            g.snapshot = Snapshot(
                True, said.get("children") or [], said.get("findings") or [], said.get("states") or {}
            )
    found: Snapshot = g.snapshot
    return found
