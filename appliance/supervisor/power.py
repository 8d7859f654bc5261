"""The power-fail key: a board with a super-capacitor says through an input device that the supply is gone.

The board's udev rules mark that device with MOUTHPIECE_POWERFAIL=1 (rootfs-overlay holds one for a gpio-keys device);
any key pressed there counts. Devices may come and go. Where there is no udev, or no such device, nothing happens.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import struct
from collections.abc import Callable
from typing import Any, Final

PROPERTY: Final = "MOUTHPIECE_POWERFAIL"
EVENT: Final = struct.Struct("llHHi")
"""struct input_event of <linux/input.h>: seconds, microseconds, type, code, value."""
EV_KEY: Final = 1
PRESSED: Final = 1


class PowerKeys:
    """Calls `failing` on the event loop when a key of a marked device is pressed."""

    def __init__(self, failing: Callable[[str], None]) -> None:
        self._failing = failing
        self._loop = asyncio.get_running_loop()
        self._open: dict[str, int] = {}
        self._monitor: Any = None

    def watch(self) -> None:
        """Look for devices now and from now on."""
        try:
            import pyudev

            context = pyudev.Context()
            self._monitor = pyudev.Monitor.from_netlink(context)
            self._monitor.filter_by("input")
            self._monitor.start()
            found = list(context.list_devices(subsystem="input"))
        except (ImportError, OSError):  # no libudev, or no netlink in a container
            return
        self._loop.add_reader(self._monitor.fileno(), self._changed)
        for device in found:
            self._consider(device)

    def add(self, node: str) -> None:
        """Listen to this device."""
        with contextlib.suppress(OSError):
            self._open[node] = os.open(node, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            self._loop.add_reader(self._open[node], self._pressed, node)

    def listens_to(self, node: str) -> bool:
        return node in self._open

    def close(self) -> None:
        for node in list(self._open):
            self._remove(node)
        if self._monitor is not None:
            self._loop.remove_reader(self._monitor.fileno())

    def _changed(self) -> None:
        while (device := self._monitor.poll(timeout=0)) is not None:
            if device.action == "remove":
                self._remove(device.device_node or "")
            else:
                self._consider(device)

    def _consider(self, device: Any) -> None:
        node = device.device_node
        if node and node not in self._open and device.properties.get(PROPERTY) == "1":
            self.add(node)

    def _pressed(self, node: str) -> None:
        try:
            data = os.read(self._open[node], EVENT.size * 64)
        except BlockingIOError:
            return
        except OSError:  # ENODEV: unplugged
            data = b""
        if not data:
            self._remove(node)
        for *_, kind, _code, value in EVENT.iter_unpack(data[: len(data) // EVENT.size * EVENT.size]):
            if (kind, value) == (EV_KEY, PRESSED):
                self._failing(f"a key of {node}")
                return

    def _remove(self, node: str) -> None:
        descriptor = self._open.pop(node, None)
        if descriptor is not None:
            self._loop.remove_reader(descriptor)
            os.close(descriptor)
