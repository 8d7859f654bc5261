"""Telling systemd how it goes (sd_notify(3)): a datagram to the socket named by NOTIFY_SOCKET.

The variables are taken out of the environment, so that no child speaks in the supervisor's name. Without systemd
nothing is sent. A datagram that cannot be sent is dropped, for the next one is due soon.
"""

from __future__ import annotations

import contextlib
import os
import socket


class Notifier:
    """`watchdog_s` is how often the watchdog wants to be fed, or None if there is none."""

    def __init__(self) -> None:
        address = os.environ.pop("NOTIFY_SOCKET", "")
        period_us = os.environ.pop("WATCHDOG_USEC", "")
        guarded = os.environ.pop("WATCHDOG_PID", "")
        self.watchdog_s: float | None = None
        self._socket: socket.socket | None = None
        if not address:
            return
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        if period_us.isdigit() and guarded in ("", str(os.getpid())):
            # systemd advises half the time; a third leaves room for a busy machine.
            self.watchdog_s = int(period_us) / 3e6

    @property
    def heard(self) -> bool:
        """Whether systemd started this and listens."""
        return self._socket is not None

    def ready(self) -> None:
        self._send("READY=1")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def alive(self) -> None:
        self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        self._send("STATUS=" + text.replace("\n", " "))

    def _send(self, text: str) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.sendto(text.encode(), self._address)
