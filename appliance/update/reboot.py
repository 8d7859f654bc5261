"""How the box, which is no administrator, asks for a reboot: the file `run/reboot`.

On the box `mouthpiece-reboot.path` waits for it and has systemd reboot in order. Nothing else waits for it elsewhere.
"""

from __future__ import annotations

from appliance.storage import atomic
from appliance.volumes import Volumes


def request(volumes: Volumes) -> None:
    atomic.write_bytes(volumes.run / "reboot", b"")
