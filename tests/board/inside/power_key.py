"""In the guest: a super-capacitor board's key, made with uinput and marked by udev with our rule, under a supervisor.

The device is there when the supervisor starts, then it is unplugged and comes back; each time its key is pressed.
"""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from appliance.storage.logs import read
from tests.board.inside.facts import Facts, until
from tests.integration.supervised import Box, supervised

# <linux/uinput.h>
UI_SET_EVBIT, UI_SET_KEYBIT, UI_DEV_CREATE, UI_DEV_DESTROY = 0x40045564, 0x40045565, 0x5501, 0x5502
USER_DEVICE: Final = struct.Struct("80sHHHHI256i")
INPUT_EVENT: Final = struct.Struct("llHHi")
EV_SYN, EV_KEY, KEY_POWER, BUS_HOST = 0, 1, 116, 0x19


@contextmanager
def device() -> Iterator[int]:
    """An input device that is plugged in, and known to udev."""
    descriptor = os.open("/dev/uinput", os.O_WRONLY | os.O_NONBLOCK)
    fcntl.ioctl(descriptor, UI_SET_EVBIT, EV_KEY)
    fcntl.ioctl(descriptor, UI_SET_KEYBIT, KEY_POWER)
    os.write(descriptor, USER_DEVICE.pack(b"power-fail", BUS_HOST, 1, 1, 1, 0, *([0] * 256)))
    fcntl.ioctl(descriptor, UI_DEV_CREATE)
    subprocess.run(["udevadm", "settle"], check=True)
    try:
        yield descriptor
    finally:
        fcntl.ioctl(descriptor, UI_DEV_DESTROY)
        os.close(descriptor)


def press(descriptor: int) -> None:
    for value in (1, 0):
        os.write(descriptor, INPUT_EVENT.pack(0, 0, EV_KEY, KEY_POWER, value))
        os.write(descriptor, INPUT_EVENT.pack(0, 0, EV_SYN, 0, 0))


def failures(box: Box) -> list[dict[str, Any]]:
    said = [record for record in read(box.volumes.logs) if record.message.startswith("power fails")]
    return [{"message": record.message, **(record.fields or {})} for record in said]


def ready(box: Box) -> bool:
    return bool(box.child("worker")["state"] == "ready")


def main() -> None:
    facts = Facts()
    root = Path("/tmp/box")  # noqa: S108  the guest is ours alone
    root.mkdir()
    with supervised(root) as box:
        with device() as descriptor:
            box.start({"name": "worker", "kind": "good"})
            until(lambda: ready(box), "the worker is ready")
            press(descriptor)
            facts["there before"] = until(lambda: failures(box), "the first press is told")[-1]
        until(lambda: ready(box), "everything is started again")
        with device() as descriptor:

            def heard() -> bool:
                """Pressed until it is heard: when the supervisor's own udev monitor knew of the device is not told."""
                press(descriptor)
                return len(failures(box)) > 1

            until(heard, "a press on the new device is told")
            facts["plugged in"] = failures(box)[-1]
        facts["order"] = (root / "order").read_text().split("\n")[:2]


if __name__ == "__main__":
    main()
