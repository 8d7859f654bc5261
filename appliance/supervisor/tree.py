"""The children together: started at once, stopped in order, each in its control group."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from appliance.errors import ApplianceError
from appliance.supervisor import cgroups
from appliance.supervisor.backoff import Policy
from appliance.supervisor.child import UNKILLABLE_S, Child, Surroundings
from appliance.supervisor.spec import ChildSpec
from appliance.volumes import Volumes

_LIMITS: Final = "processes run without some limits"


class Tree:
    def __init__(self, volumes: Volumes, specs: Sequence[ChildSpec], around: Surroundings, policy: Policy) -> None:
        self.groups: cgroups.Groups | None = None
        self.complaints: list[str] = []
        """Why some limits of control groups are not in force."""
        self._around = around
        self._data = volumes.data
        try:
            self.groups = cgroups.Groups(cgroups.delegated())
        except ApplianceError as error:
            self._complain([error.message])
        else:
            self._complain(self.groups.complaints)
        env = {"MOUTHPIECE_RUN": str(volumes.run)}
        self.children = {spec.name: Child(spec, around, self._group, policy, env) for spec in specs}
        self._limit(specs)

    def replan(self, specs: Sequence[ChildSpec]) -> None:
        """Limits apply at once, the rest at a child's next start."""
        for spec in specs:
            self.children[spec.name].spec = spec
        self._limit(specs)

    def start(self) -> None:
        for child in self.children.values():
            if not child.spec.on_demand:
                child.start()

    async def stop(self) -> None:
        """All but the last get SIGTERM; when they are gone, the last ones."""
        for last in (False, True):
            group = [child for child in self.children.values() if child.spec.stops_last == last]
            for child in group:
                child.stop("the box stops")
            longest = max((child.spec.stop_s for child in group), default=0.0) + UNKILLABLE_S
            if not await all_gone(group, longest):
                self._around.log("ERROR", "supervisor", "a process hangs in the kernel and stays behind")
        if self.groups:
            self.groups.remove()

    def save(self) -> list[Child]:
        """Power fails: SIGPWR to all; returns those that have something to save."""
        running = [child for child in self.children.values() if child.running]
        for child in self.children.values():
            child.stop("power fails", signal.SIGPWR)
        return running

    def kill(self) -> None:
        for child in self.children.values():
            child.kill()

    def revive(self) -> str:
        """Start degraded children again, now; says which."""
        down = [child for child in self.children.values() if child.state == "degraded"]
        for child in down:
            child.restart("the operator asked")
        return f"started again: {', '.join(child.spec.name for child in down)}" if down else "every process runs"

    def stuck(self, now: float) -> bool:
        return any(child.stuck(now) for child in self.children.values())

    def describe(self) -> list[dict[str, Any]]:
        """ "children" of the supervisor's status."""
        return [child.describe() for child in self.children.values()]

    def describe_groups(self) -> dict[str, Any]:
        """ "cgroup" of the supervisor's status."""
        groups = self.groups
        return {
            "base": str(groups.base) if groups else None,
            "controllers": groups.controllers if groups else [],
            "complaints": self.complaints,
            "groups": {name: groups.usage(name) for name in self.children} if groups else {},
        }

    def summary(self) -> str:
        """One line for people."""
        return ", ".join(f"{name} {child.state}" for name, child in self.children.items())

    def _group(self, name: str) -> Path | None:
        with contextlib.suppress(OSError):
            return self.groups.leaf(name) if self.groups else None
        return None

    def _limit(self, specs: Sequence[ChildSpec]) -> None:
        if self.groups:
            refused = [self.groups.limit(spec.name, spec.limits, self._data) for spec in specs]
            self._complain([why for one in refused for why in one])

    def _complain(self, why: Sequence[str]) -> None:
        """Say it, once."""
        new = [one for one in why if one not in self.complaints]
        if new:
            self.complaints += new
            self._around.log("WARNING", "supervisor", f"{_LIMITS}: {'; '.join(new)}")


async def all_gone(children: Sequence[Child], deadline_s: float) -> bool:
    """Wait for their ends; False when one is still there after the deadline."""
    try:
        await asyncio.wait_for(asyncio.gather(*(child.gone() for child in children)), deadline_s)
    except TimeoutError:
        return False
    return True
