"""Which microphone is used: the configured one if it is there, else the best.

Arrays are better than other USB microphones, those better than what is built in, and that better than inputs that are
no microphones (loopback, HDMI). Of equals the first device of the first id.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from appliance.capture.devices import Microphone
from appliance.errors import InputError


def choose(present: Sequence[Microphone], preferred: str) -> Microphone | None:
    """The microphone whose id is `preferred`, else the best; None where there is none."""
    for microphone in present:
        if microphone.id == preferred:
            return microphone
    return min(present, key=lambda each: (-each.kind, each.id), default=None)


def named(present: Sequence[Microphone], name: str) -> Microphone | None:
    """The one that a person means by its id, its card or a part of its name; None if it is none of these."""
    for microphone in present:
        if name in (microphone.id, microphone.card):
            return microphone
    alike = [microphone for microphone in present if name.casefold() in microphone.name.casefold()]
    if len(alike) > 1:
        ids = ", ".join(microphone.id for microphone in alike)
        raise InputError(f"there are {len(alike)} microphones called {name}", hint=f"give the id of one: {ids}")
    return alike[0] if alike else None


def state(present: Sequence[Microphone], preferred: str) -> dict[str, Any]:
    """What people see: every microphone present, and the configured one also when it is not."""
    chosen = choose(present, preferred)
    devices = [
        {"id": each.id, "name": each.name, "kind": each.kind.name.lower(), "present": True, "chosen": each == chosen}
        for each in present
    ]
    if preferred and all(each.id != preferred for each in present):
        devices.append({"id": preferred, "name": preferred, "kind": "", "present": False, "chosen": False})
    return {"devices": devices}
