"""The microphones that are plugged in, and a watcher that tells when that changes.

A microphone is a PCM device of the kernel's sound system that captures; udev names them `pcmC<card>D<device>c`. Its id
stays the same when it is plugged in again and when others come and go:

    usb:VENDOR:PRODUCT:SERIAL:DEVICE   a USB microphone; without a serial number, or where two have the same,
    usb:VENDOR:PRODUCT:@PORT:DEVICE    the port that it sits in
    card:ID:DEVICE                     anything else, by the card's id

Raises `UnhealthyError` where libudev is missing. Works with and without a running udevd.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import selectors
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from appliance.errors import UnhealthyError

if TYPE_CHECKING:
    import pyudev

_log = logging.getLogger(__name__)

_PCM: Final = re.compile(r"pcmC(\d+)D(\d+)c")
_CARD: Final = re.compile(r"^\s*(\d+) \[(\S+)\s*\]: .*? - (.*)$", re.MULTILINE)
_ARRAY: Final = re.compile(r"array|respeaker|speakerphone|far.?field|beam", re.IGNORECASE)
_NOT_A_MICROPHONE: Final = re.compile(r"loopback|hdmi|displayport|s/?pdif|dummy", re.IGNORECASE)
_ARRAY_CHANNELS: Final = 4
_SETTLED_S: Final = 0.3
"""A card announces itself in several events; after this long without one it is complete."""
_LOOK_AGAIN_S: Final = 30.0
"""The kernel may drop events when many come at once."""
_PROC: Final = Path("/proc/asound")
_UDEVD: Final = Path("/run/udev/control")


class Kind(IntEnum):
    """From the least to the most fit for a kiosk."""

    OTHER = 0
    BUILT_IN = 1
    USB = 2
    USB_ARRAY = 3


@dataclass(frozen=True, slots=True)
class Microphone:
    """`alsa` is the name that ALSA opens it by, `node` its device file, `card` the card's id, "Device" for instance."""

    id: str
    name: str
    kind: Kind
    alsa: str
    node: str
    card: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What the kernel says of one capture device. `usb` is (vendor, product, serial or "", port)."""

    card_number: int
    device: int
    card: str
    name: str
    channels: int = 0
    usb: tuple[str, str, str, str] | None = None


def present() -> list[Microphone]:
    """Every microphone that is plugged in now, in the order of their ids."""
    context = _pyudev().Context()
    facts = []
    for device in context.list_devices(subsystem="sound"):
        if match := _PCM.fullmatch(device.sys_name):
            # A device that goes while it is looked at was not there.
            with contextlib.suppress(OSError, LookupError):
                facts.append(_facts(device, int(match[1]), int(match[2])))
    return identified(facts)


def identified(facts: Iterable[Facts]) -> list[Microphone]:
    """Microphones with their ids. All of a kind may have the same serial number: then the port tells them apart."""
    facts = list(facts)
    devices = Counter(_id(each, by_port=False) for each in facts)
    found = [_microphone(each, by_port=devices[_id(each, by_port=False)] > 1) for each in facts]
    return sorted(found, key=lambda microphone: microphone.id)


def _id(facts: Facts, *, by_port: bool) -> str:
    if facts.usb is None:
        return f"card:{facts.card}:{facts.device}"
    vendor, product, serial, port = facts.usb
    which = f"@{port}" if by_port or not serial else re.sub(r"[^A-Za-z0-9._-]", "_", serial)
    return f"usb:{vendor}:{product}:{which}:{facts.device}"


def _microphone(facts: Facts, *, by_port: bool) -> Microphone:
    return Microphone(
        id=_id(facts, by_port=by_port),
        name=facts.name,
        kind=_kind(facts),
        alsa=f"mouthpiece:CARD={facts.card},DEV={facts.device}",
        node=f"/dev/snd/pcmC{facts.card_number}D{facts.device}c",
        card=facts.card,
    )


def _kind(facts: Facts) -> Kind:
    if _NOT_A_MICROPHONE.search(f"{facts.card} {facts.name}"):
        return Kind.OTHER
    if facts.usb is None:
        return Kind.BUILT_IN
    array = facts.channels >= _ARRAY_CHANNELS or _ARRAY.search(facts.name)
    return Kind.USB_ARRAY if array else Kind.USB


def _facts(device: pyudev.Device, card_number: int, number: int) -> Facts:
    cards = {int(match[1]): (match[2], match[3].strip()) for match in _CARD.finditer(_read(_PROC / "cards"))}
    card, name = cards[card_number]
    folder = _PROC / f"card{card_number}"
    usb = device.find_parent("usb", "usb_device")
    if usb is not None:
        name = _attribute(usb, "product") or name
    if len(list(folder.glob("pcm*c"))) > 1:
        match = re.search(r"^name: (.+)$", _read(folder / f"pcm{number}c" / "info"), re.MULTILINE)
        name = f"{name}: {match[1] if match else number}"
    identity = tuple(_attribute(usb, key) for key in ("idVendor", "idProduct", "serial")) if usb is not None else ()
    return Facts(
        card_number,
        number,
        card,
        name,
        capture_channels(_read(folder / f"stream{number}")),
        (*identity, usb.sys_name) if usb is not None else None,
    )


def capture_channels(stream: str) -> int:
    """The most channels that a USB card captures, from its `/proc/asound/cardN/streamM`; 0 if it does not say."""
    _, _, capture = stream.partition("\nCapture:")
    return max(map(int, re.findall(r"^\s*Channels: (\d+)$", capture, re.MULTILINE)), default=0)


def _attribute(device: pyudev.Device, key: str) -> str:
    value = device.attributes.get(key)
    return value.decode(errors="replace").strip() if value else ""


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def _pyudev() -> Any:
    try:
        import pyudev
    except ImportError as error:
        raise UnhealthyError("libudev is missing, so no microphone can be found", hint="install libudev1") from error
    return pyudev


class Watcher:
    """Calls `changed` with the microphones present: at once, and whenever they change. A thread until `close`.

    An exception of `changed` is logged and the watching goes on.
    """

    def __init__(self, changed: Callable[[list[Microphone]], None]) -> None:
        module = _pyudev()
        # Where no udevd passes events on, the kernel's own say the same.
        self._monitor = module.Monitor.from_netlink(module.Context(), "udev" if _UDEVD.exists() else "kernel")
        self._monitor.filter_by("sound")
        self._monitor.start()
        self._changed = changed
        self._told: list[Microphone] | None = None
        self._wake, self._waker = os.pipe()
        self._thread = threading.Thread(target=self._watch, name="microphones", daemon=True)
        self._thread.start()

    def close(self) -> None:
        os.close(self._waker)
        self._thread.join()
        os.close(self._wake)

    def _watch(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._monitor.fileno(), selectors.EVENT_READ)
            selector.register(self._wake, selectors.EVENT_READ)
            wait_s = 0.0
            while True:
                ready = [key.fd for key, _ in selector.select(wait_s)]
                if self._wake in ready:
                    return
                if ready:
                    while self._monitor.poll(0) is not None:
                        pass
                    wait_s = _SETTLED_S
                else:
                    self._look()
                    wait_s = _LOOK_AGAIN_S

    def _look(self) -> None:
        try:
            now = present()
            if now != self._told:
                self._told = now
                self._changed(now)
        except Exception:
            _log.exception("cannot tell which microphones there are")
