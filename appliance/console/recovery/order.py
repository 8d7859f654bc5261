"""The boot order where the firmware keeps it in variables of its own: RAUC's handler asks and tells it."""

from __future__ import annotations

from appliance.console.recovery.flash import Environment
from appliance.console.recovery.volume import Look
from appliance.errors import ApplianceError
from appliance.update import rauc


class FirmwareOrder(Environment):
    """In the place of U-Boot's environment, and makes anew the same of it."""

    def look(self) -> Look:
        try:
            system = rauc.system(outside=True)
        except ApplianceError as error:
            return Look("problem", error.message)
        first = next((slot.bootname for slot in system.slots if slot.name == system.primary), "?")
        states = ", ".join(f"{slot.bootname}: {slot.boot_status}" for slot in _sorted(system.slots))
        spent = all(slot.boot_status == "bad" for slot in system.slots)
        return Look("warning" if spent else "ok", f"first {first}; {states}", can_format=True)

    def variables(self) -> dict[str, str]:
        return {}

    def format(self) -> None:
        slots = _sorted(rauc.system(outside=True).slots)
        for slot in slots:
            rauc.mark("good", slot.name)
        rauc.mark("active", slots[0].name)


def _sorted(slots: tuple[rauc.Slot, ...]) -> list[rauc.Slot]:
    return sorted(slots, key=lambda slot: slot.bootname)
