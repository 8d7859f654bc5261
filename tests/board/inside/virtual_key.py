"""In the guest: an input device that a super-capacitor board could have, made by the kernel's uinput.

Request numbers and structures are those of <linux/uinput.h> and <linux/input.h> on 64-bit machines.
"""

from __future__ import annotations

import fcntl
import os
import struct
from typing import Final

_SET_EVENT_KINDS: Final = 0x40045564
_SET_KEYS: Final = 0x40045565
_SET_UP: Final = 0x405C5503
_CREATE: Final = 0x5501
_KEY_EVENT: Final = 1
_SYNCHRONISE: Final = 0
KEY_PROG1: Final = 148


class VirtualKey:
    """A device with one key, there until `close`."""

    def __init__(self, name: str) -> None:
        self._file = os.open("/dev/uinput", os.O_WRONLY)
        fcntl.ioctl(self._file, _SET_EVENT_KINDS, _KEY_EVENT)
        fcntl.ioctl(self._file, _SET_KEYS, KEY_PROG1)
        fcntl.ioctl(self._file, _SET_UP, struct.pack("4H80sI", 0x19, 1, 1, 1, name.encode(), 0))
        fcntl.ioctl(self._file, _CREATE)

    def press(self) -> None:
        for value in (1, 0):
            self._send(_KEY_EVENT, KEY_PROG1, value)
            self._send(_SYNCHRONISE, 0, 0)

    def close(self) -> None:
        os.close(self._file)

    def _send(self, kind: int, code: int, value: int) -> None:
        os.write(self._file, struct.pack("llHHi", 0, 0, kind, code, value))
