"""Is there a microphone, and the one that was chosen?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from appliance.findings import Finding, Status

_CHECK = "microphone"


def check(published: dict[str, Any] | None) -> Iterator[Finding]:
    """`published` is the state "microphones": {"devices": [{"id", "name", "present", "chosen"}]}, or None."""
    if published is None:
        yield Finding(_CHECK, Status.OK, "nobody looks for microphones here")
        return
    devices = published["devices"]
    present = [device for device in devices if device["present"]]
    absent = [device for device in devices if device["chosen"] and not device["present"]]
    if not present:
        message = "there is none; visitors cannot record at the box"
        yield Finding(_CHECK, Status.WARNING, message, "plug in a USB microphone; browsers and uploads work without")
    elif absent:
        message = f"{absent[0]['name'] or absent[0]['id']} is not there; {present[0]['name']} serves instead"
        yield Finding(_CHECK, Status.WARNING, message, "plug it in again, or choose another one in the settings")
    else:
        used = next((device for device in present if device["chosen"]), present[0])
        yield Finding(_CHECK, Status.OK, used["name"])
