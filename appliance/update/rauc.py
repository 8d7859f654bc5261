"""RAUC's D-Bus service, as far as the box needs it: de.pengutronix.rauc.Installer of RAUC 1.8 and later.

RAUC verifies, writes and switches slots, as root; who may ask it is the bus's policy. A connection for each question,
for RAUC may be started and stopped between two. jeepney speaks the protocol: it is pure Python, so every board and the
recovery system have it alike.

    NoRaucError       there is no RAUC here, or no slots that it knows: a laptop
    InputError        RAUC refuses a bundle
    UnhealthyError    RAUC does not answer, or failed at something
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from appliance.errors import InputError, UnhealthyError
from appliance.update.step import Step, quiet

BUS_NAME: Final = "de.pengutronix.rauc"
_INTERFACE: Final = "de.pengutronix.rauc.Installer"
_ANSWER_S: Final = 30.0
_LOOK_S: Final = 0.5
_IDLE_LOOKS: Final = 20
"""RAUC idle for so many looks without a word that it completed: it was killed and started again."""
_ABSENT: Final = (
    "org.freedesktop.DBus.Error.ServiceUnknown",
    "org.freedesktop.DBus.Error.NameHasNoOwner",
    "org.freedesktop.DBus.Error.Spawn.ServiceNotFound",
)
_AGAIN: Final = "get it again from where it was made; `journalctl -u rauc` tells more"

_SLOTS: Final = "etc/rauc/system.conf"
_HOOK_FAILED: Final = Path("/run/mouthpiece-hook-failed")
"""Where a bundle's hook says why it failed, for RAUC says only that it did."""

Mark = Literal["good", "bad", "active"]


class NoRaucError(InputError):
    """This is no box with slots."""

    def __init__(self) -> None:
        super().__init__(
            "this machine has no slots to update", hint="updates are for boxes that run the image, with RAUC in it"
        )


@dataclass(frozen=True, slots=True)
class Slot:
    """`boot_status` is "good" or "bad" as the boot loader will have it; `version` that of the bundle it came from."""

    name: str
    bootname: str
    device: str
    booted: bool
    boot_status: str
    version: str
    installed: str


@dataclass(frozen=True, slots=True)
class System:
    """`booted` and `primary` name slots, or nothing where RAUC cannot tell."""

    compatible: str
    operation: str
    booted: str
    primary: str
    slots: tuple[Slot, ...]

    @property
    def other(self) -> Slot | None:
        """The slot that an update goes to."""
        return next((slot for slot in self.slots if not slot.booted), None)


@dataclass(frozen=True, slots=True)
class Bundle:
    compatible: str
    version: str


_last: System | None = None


def is_expected(root: Path = Path("/")) -> bool:
    """Whether the image brings RAUC the slots of its board: then it has to answer, whatever boot loader there is."""
    return (root / _SLOTS).exists()


def system(*, outside: bool = False) -> System:
    """What RAUC knows of the slots that boot. `outside`: asked from recovery, where none of them runs.

    While it installs, RAUC does not answer that: then this is what it answered last, with the operation of now.
    """
    global _last
    with _Bus() as bus:
        try:
            (found,) = bus.call("GetSlotStatus")
        except _RefusedError:
            operation = bus.get("Operation")
            if _last is None or operation == "idle":
                raise
            return replace(_last, operation=operation)
        slots = tuple(_slot(name, values) for name, values in found if _text(values, "bootname"))
        booted = next((slot.name for slot in slots if slot.booted), "")
        if not slots or not (booted or outside):
            raise NoRaucError()
        primary = ""
        with contextlib.suppress(UnhealthyError):  # the boot loader's environment cannot be read
            (primary,) = bus.call("GetPrimary")
        _last = System(bus.get("Compatible"), bus.get("Operation"), booted, primary, slots)
        return _last


def inspect(bundle: Path, name: str) -> Bundle:
    """What a bundle says it is; its signature is verified. `InputError` if RAUC refuses it.

    Why it does, RAUC says only in its own log. `name` is what people call the file.
    """
    with _Bus() as bus:
        try:
            compatible, version = bus.call("Info", "s", str(bundle))
        except _RefusedError:
            raise InputError(f"{name} is refused: it is damaged, or not signed for this box", hint=_AGAIN) from None
        return Bundle(compatible, version)


def install(bundle: Path, step: Step = quiet) -> None:
    """Write a bundle to the other slot and make that the next to boot; returns when it is done.

    If `step` raises, or this process dies, RAUC goes on by itself.
    """
    with _Bus() as bus, bus.signals("Completed") as completed:
        try:
            bus.call("InstallBundle", "sa{sv}", str(bundle), {})
        except _RefusedError as error:
            raise UnhealthyError(f"the update cannot begin: {error.message}", hint="see `journalctl -u rauc`") from None
        idle = 0
        while (result := completed(_LOOK_S)) is None:
            percent, _, _ = bus.get("Progress")
            step("installing", percent, 100)
            idle = idle + 1 if bus.get("Operation") == "idle" else 0
            if idle > _IDLE_LOOKS:
                raise UnhealthyError("RAUC ended before the update was installed", hint="see `journalctl -u rauc`")
        if result != 0:
            reason = bus.get("LastError")
            with contextlib.suppress(OSError):
                if "slot hook" in reason:
                    reason = _HOOK_FAILED.read_text(encoding="utf-8")
            raise InputError(f"the update was not installed: {reason}", hint=_AGAIN)
        step("installing", 100, 100)


def mark(state: Mark, slot: str) -> str:
    """Mark a slot ("booted", "other" or a name) good, bad, or as the next to boot; says what was done."""
    with _Bus() as bus:
        try:
            _, message = bus.call("Mark", "ss", state, slot)
        except _RefusedError as error:
            raise UnhealthyError(
                f"{slot} cannot be marked {state}: {error.message}", hint="see `journalctl -u rauc`"
            ) from None
        return str(message)


def _slot(name: str, values: dict[str, Any]) -> Slot:
    return Slot(
        name,
        _text(values, "bootname"),
        _text(values, "device"),
        _text(values, "state") == "booted",
        _text(values, "boot-status"),
        _text(values, "bundle.version"),
        _text(values, "installed.timestamp"),
    )


def _text(values: dict[str, Any], name: str) -> str:
    _, value = values.get(name, ("s", ""))
    return str(value)


class _RefusedError(UnhealthyError):
    """RAUC answered with an error."""


class _Bus:
    """A connection to the system bus, with RAUC at the other end."""

    def __enter__(self) -> _Bus:
        from jeepney import DBusAddress  # type: ignore[import-untyped]
        from jeepney.io.blocking import open_dbus_connection  # type: ignore[import-untyped]

        self._address = DBusAddress("/", BUS_NAME, _INTERFACE)
        try:
            self._connection = open_dbus_connection("SYSTEM")
        except (OSError, RuntimeError) as error:
            raise NoRaucError() from error
        return self

    def __exit__(self, *exception: object) -> None:
        self._connection.close()

    def call(self, method: str, signature: str = "", *arguments: Any) -> tuple[Any, ...]:
        from jeepney import new_method_call

        return self._answer(new_method_call(self._address, method, signature or None, arguments))

    def get(self, name: str) -> Any:
        """A property's value."""
        from jeepney import Properties

        ((_, value),) = self._answer(Properties(self._address).get(name))
        return value

    @contextlib.contextmanager
    def signals(self, name: str) -> Iterator[Any]:
        """A function that waits so many seconds for the signal: its first value, or None."""
        from jeepney import MatchRule, message_bus

        rule = MatchRule(type="signal", interface=_INTERFACE, member=name, path="/")
        self._answer(message_bus.AddMatch(rule))
        with self._connection.filter(rule) as queue:

            def wait(timeout_s: float) -> Any:
                try:
                    return self._connection.recv_until_filtered(queue, timeout=timeout_s).body[0]
                except TimeoutError:
                    return None

            yield wait

    def _answer(self, message: Any) -> tuple[Any, ...]:
        from jeepney import DBusErrorResponse
        from jeepney.wrappers import unwrap_msg  # type: ignore[import-untyped]

        try:
            body: tuple[Any, ...] = unwrap_msg(self._connection.send_and_get_reply(message, timeout=_ANSWER_S))
        except DBusErrorResponse as error:
            if error.name in _ABSENT:
                raise NoRaucError() from error
            reason = str(error.data[0]) if error.data else error.name
            raise _RefusedError(f"RAUC: {reason}") from error
        except (OSError, TimeoutError) as error:
            raise UnhealthyError(f"RAUC does not answer: {error}", hint="see `systemctl status rauc`") from error
        return body
