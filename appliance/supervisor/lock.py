"""One supervisor at a time on the same volumes: a lock (flock) on the directory of the state volume.

A directory can be locked without writing anything, and the kernel lets go of the lock however its holder ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator

from appliance.errors import UnhealthyError
from appliance.volumes import Volumes


@contextlib.contextmanager
def locked(volumes: Volumes) -> Iterator[None]:
    """Hold the lock; makes the directories that the supervisor itself needs. `UnhealthyError` when it is held."""
    try:
        for folder in (volumes.state, volumes.logs, volumes.run, volumes.data):
            folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(volumes.state, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        message = f"{error.filename} cannot be used: {error.strerror}"
        raise UnhealthyError(message, hint="`mouthpiece doctor` tells more") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            hint = "stop it first (Ctrl-C there, or `systemctl stop mouthpiece`), or give --data another directory"
            raise UnhealthyError(f"the box already runs on {volumes.root}", hint=hint) from error
        yield
    finally:
        os.close(descriptor)
