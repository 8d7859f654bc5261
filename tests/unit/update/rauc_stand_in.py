"""RAUC is not here: what it would answer, kept in an object. The real one is in tests/board/test_updates.py."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from appliance.errors import ApplianceError, InputError
from appliance.update import rauc
from appliance.update.rauc import Bundle, Slot, System
from appliance.update.step import Step, quiet


class SimulatedRauc:
    """Two slots, A booted; `bundle` is what every bundle is, `failure` what the next installation ends with."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        slots = tuple(
            Slot(f"rootfs.{number}", name, f"/dev/vd{name.lower()}", name == "A", "good", "", "")
            for number, name in enumerate("AB")
        )
        self.now = System("board", "idle", "rootfs.0", "rootfs.0", slots)
        self.bundle = Bundle("board", "9.0.0")
        self.failure: ApplianceError | None = None
        self.marked: list[tuple[str, str]] = []
        for name in ("system", "inspect", "install", "mark"):
            monkeypatch.setattr(rauc, name, getattr(self, name))

    def system(self) -> System:
        return self.now

    def inspect(self, _bundle: Path, _name: str) -> Bundle:
        return self.bundle

    def install(self, _bundle: Path, step: Step = quiet) -> None:
        step("installing", 50, 100)
        if self.failure is not None:
            raise self.failure
        self._judge("rootfs.1", "good")
        self.now = replace(self.now, primary="rootfs.1")

    def mark(self, state: str, slot: str) -> str:
        self.marked.append((state, slot))
        name = self.now.booted if slot == "booted" else slot
        if state == "active":
            self.now = replace(self.now, primary=name)
        else:
            self._judge(name, state)
        return f"marked {slot} {state}"

    def boot(self, name: str) -> None:
        slots = tuple(replace(slot, booted=slot.name == name) for slot in self.now.slots)
        self.now = replace(self.now, booted=name, slots=slots)

    def spoil(self, name: str) -> None:
        self._judge(name, "bad")

    def _judge(self, name: str, state: str) -> None:
        slots = tuple(replace(slot, boot_status=state) if slot.name == name else slot for slot in self.now.slots)
        self.now = replace(self.now, slots=slots)

    def refuse(self, message: str) -> None:
        self.failure = InputError(message)
