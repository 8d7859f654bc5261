"""What the kiosk may have: jobs that it asked for itself, with the avatar that the settings give it.

Its jobs are known by their idempotency keys. A recording is made into one video however often the kiosk asks.
"""

from __future__ import annotations

from typing import Final

from appliance.console.box import Box
from appliance.console.errors import not_found
from appliance.errors import InputError
from appliance.jobs import uploads
from appliance.jobs.job import Job

_KEY: Final = "kiosk-"


def submit(box: Box, upload: str) -> Job:
    """The job that lets the kiosk's avatar say a recording."""
    name = uploads.get(box.volumes, upload).name
    spec = {"avatar": box.settings().kiosk_avatar, "audio": {"upload": upload}, "options": {}}
    return box.jobs.submit("render", spec, title=name, key=_KEY + upload)


def job(box: Box, identifier: str) -> Job:
    """One of the kiosk's jobs; 404 for any other."""
    try:
        found = box.jobs.get(identifier)
    except InputError:
        raise not_found(f"job {identifier[:40]!r}") from None
    if not is_own(found):
        raise not_found(f"job {identifier[:40]!r}")
    return found


def is_own(job: Job) -> bool:
    return (job.key or "").startswith(_KEY)
