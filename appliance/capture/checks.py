"""Health: is there a microphone, and is it the one that was asked for?"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from appliance.capture import devices
from appliance.capture.choose import choose
from appliance.findings import Check, Finding, Status

_NAME = "microphone"


def checks(preferred: Callable[[], str]) -> list[Check]:
    """The checks of this room. `preferred` tells the configured microphone's id, "" for the best present."""
    return [Check(_NAME, lambda: _microphone(preferred()))]


def _microphone(preferred: str) -> Iterator[Finding]:
    present = devices.present()
    chosen = choose(present, preferred)
    if chosen is None:
        yield Finding(_NAME, Status.WARNING, "there is no microphone", "plug one in, or only use uploads")
    elif preferred and chosen.id != preferred:
        message = f"the configured microphone ({preferred}) is not plugged in; {chosen.name} is used"
        yield Finding(_NAME, Status.WARNING, message, "plug it in, or choose another in the settings")
    else:
        yield Finding(_NAME, Status.OK, f"{chosen.name} ({chosen.id})")
