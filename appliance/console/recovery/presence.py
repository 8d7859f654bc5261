"""Who stands before the box: proof that somebody on the network cannot give.

A code is made at every start, kept in `run/recovery-code`, which the box alone can read, and shown on the serial
console only. And whoever presses a button of the box (or a key of a keyboard at it) has shown that for `WINDOW_S`; the
first one who uses that uses it up.
"""

from __future__ import annotations

import os
import secrets
import select
import struct
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Final

from appliance.console.errors import RefusedError
from appliance.console.security.throttle import Throttle
from appliance.storage import atomic
from appliance.volumes import Volumes

WINDOW_S: Final = 120.0
_DIGITS: Final = 8
_LOOK_S: Final = 2.0
# struct input_event of <linux/input.h> on 64-bit machines: time, type, code, value.
_EVENT: Final = struct.Struct("@llHHi")
_KEY, _PRESSED = 1, 1


def code_file(volumes: Volumes) -> Path:
    return volumes.run / "recovery-code"


def code(volumes: Volumes) -> str:
    """The code of this start, made by whoever asks first."""
    file = code_file(volumes)
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        atomic.write_bytes(file, f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}d}\n".encode())
        file.chmod(0o600)
    return file.read_text().strip()


def written(code: str) -> str:
    """As people read it out."""
    return f"{code[:4]} {code[4:]}"


class Presence:
    """Thread-safe."""

    def __init__(self, volumes: Volumes, throttle: Throttle, clock: Callable[[], float] = time.monotonic) -> None:
        self._volumes, self._throttle, self._clock = volumes, throttle, clock
        self._lock = threading.Lock()
        self._pressed_at: float | None = None

    def press(self) -> None:
        with self._lock:
            self._pressed_at = self._clock()

    def seconds_left(self) -> int:
        """How long the button still counts; 0 if it was not pressed."""
        with self._lock:
            return max(0, round(WINDOW_S - (self._clock() - self._pressed_at))) if self._pressed_at is not None else 0

    def is_code(self, given: str) -> bool:
        plain = given.replace(" ", "").replace("-", "")
        return secrets.compare_digest(plain.encode(), code(self._volumes).encode())

    def prove(self, given: str, address: str) -> None:
        """Pass with the right code or, without any, in the button's time, which that ends; else `RefusedError`."""
        if given.strip():
            self._throttle.admit(address)
            if self.is_code(given):
                self._throttle.succeeded(address)
                return
            raise RefusedError(
                HTTPStatus.FORBIDDEN, "the code is wrong", hint="read it from the box, on its serial console"
            )
        with self._lock:
            pressed, self._pressed_at = self._pressed_at, None
        if pressed is None or self._clock() - pressed > WINDOW_S:
            raise RefusedError(
                HTTPStatus.FORBIDDEN,
                "nobody has shown to stand before the box",
                hint="press a button of the box and send this within two minutes, or give the code that its serial "
                "console shows",
            )

    def watch_buttons(self, folder: Path = Path("/dev/input")) -> None:
        """Look at every button and keyboard, also those that come later. Does not return."""
        opened: dict[Path, int] = {}
        while True:
            for path in folder.glob("event*"):
                if path not in opened:
                    try:
                        opened[path] = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
                    except OSError:
                        continue
            if not opened:
                time.sleep(_LOOK_S)
                continue
            readable, _, _ = select.select(list(opened.values()), [], [], _LOOK_S)
            for path, handle in list(opened.items()):
                if handle in readable and not self._read(handle):
                    os.close(opened.pop(path))

    def _read(self, handle: int) -> bool:
        """Take what a device has to say; whether it is still there."""
        try:
            data = os.read(handle, 64 * _EVENT.size)
        except BlockingIOError:
            return True
        except OSError:
            return False
        for _, _, kind, _, value in _EVENT.iter_unpack(data[: len(data) // _EVENT.size * _EVENT.size]):
            if (kind, value) == (_KEY, _PRESSED):
                self.press()
        return bool(data)
