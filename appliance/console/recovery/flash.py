"""The volumes on flash: the configuration and U-Boot's environment in NOR, and NAND with its two UBIFS volumes.

Volumes are mounted read-only, and writable only while something of ours writes. An empty UBI volume becomes a UBIFS
when it is first mounted writable; so making one anew is emptying it. Formatting the whole NAND keeps the erase counters
of its blocks (ubiformat), for they are its age.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

from appliance.console.pages.words import N
from appliance.console.recovery import devices
from appliance.console.recovery.layout import Layout, UbiVolume
from appliance.console.recovery.volume import Look, kernel_says, mount, unmount
from appliance.console.recovery.work import run
from appliance.errors import ApplianceError, UnhealthyError
from appliance.storage import nor, ubi
from appliance.storage.config import FILE, ConfigStore
from appliance.volumes import Volumes

_UBI: Final = "ubi0"
ENVIRONMENT: Final = {"BOOT_ORDER": "A B", "BOOT_A_LEFT": "3", "BOOT_B_LEFT": "3"}
"""What a new box has: boot/uboot/mouthpiece.env."""


class Configuration:
    """`Volumes.config / config.nor`, which is a link to its flash partition."""

    name = "config"
    title = N("Configuration")
    holds = N("Password, name, settings, certificate")
    loses = N("The password, name, settings, API tokens and certificate. The box is set up as a new one.")

    def __init__(self, volumes: Volumes) -> None:
        self._volumes = volumes
        self._link = volumes.config / FILE
        self.store = ConfigStore(volumes)

    def attach(self) -> None:
        """Point the link at the flash partition; without one, at what is in memory and lost."""
        self._volumes.config.mkdir(parents=True, exist_ok=True)
        device = devices.mtd("config")
        if device is not None and not self._link.exists():
            self._link.unlink(missing_ok=True)
            self._link.symlink_to(device)

    def detach(self) -> None:
        """Nothing is held."""

    def look(self) -> Look:
        if not self._link.is_symlink() or not self._link.exists():
            return Look("off", "the flash for the configuration is not there")
        return self._content()

    def _content(self) -> Look:
        try:
            snapshot = self.store.load()
        except ApplianceError as error:
            return Look("problem", error.message, can_format=True)
        if snapshot.lost:
            return Look("problem", "no copy of the configuration is readable", can_format=True)
        if not snapshot.sound:
            return Look("warning", "one of the two copies is damaged; the other is used", True, True)
        if not snapshot.values:
            return Look("ok", "it is empty: this box is not set up", can_format=True)
        return Look("ok", "both copies are whole", True, True)

    def repair(self) -> None:
        self.store.update(lambda _: None)

    def format(self) -> None:
        try:
            with nor.open_medium(self._link, size=0, erase_size=1, writable=True) as medium:
                medium.erase(0, medium.size)
        except OSError as error:
            raise UnhealthyError(f"the flash cannot be erased: {error.strerror or error}") from error


class Environment:
    """U-Boot's environment: which slot is tried first, and how often still."""

    name = "env"
    title = N("Boot order")
    holds = N("Which system is tried first, and how many attempts it has left")
    loses = N("Nothing of yours. Both systems get three attempts again, A first.")

    def look(self) -> Look:
        if devices.mtd("env") is None:
            return Look("off", "the flash for the boot order is not there")
        try:
            found = self.variables()
        except UnhealthyError as error:
            return Look("problem", error.message, can_format=True)
        left = ", ".join(f"{slot}: {found.get(f'BOOT_{slot}_LEFT', '?')}" for slot in ("A", "B"))
        order = found.get("BOOT_ORDER", "?")
        spent = all(found.get(f"BOOT_{slot}_LEFT") == "0" for slot in ("A", "B"))
        return Look("warning" if spent else "ok", f"order {order}; attempts left {left}", can_format=True)

    def variables(self) -> dict[str, str]:
        """The variables that count; `UnhealthyError` where no copy is whole."""
        shown = run("fw_printenv")  # it says so on stderr, and shows the defaults, where both are damaged
        found = dict(line.partition("=")[::2] for line in shown.splitlines())
        return {name: found[name] for name in ENVIRONMENT if name in found}

    def repair(self) -> None:
        raise UnhealthyError("the boot order has nothing to repair", hint="make it anew")

    def format(self) -> None:
        run("fw_setenv", "-s", "-", given="".join(f"{name}={value}\n" for name, value in ENVIRONMENT.items()))


class Nand:
    """The chip as a whole: UBI on it, and the volumes that the board should have."""

    name = "nand"
    title = N("NAND flash")
    holds = N("The volumes for jobs, log and cache")
    loses = N("The list of jobs, the log, the history of updates, and the cache. Avatars and videos stay.")

    def __init__(self, layout: Layout, parts: list[UbifsVolume]) -> None:
        self._layout, self._parts = layout, parts

    def attach(self) -> None:
        """Attach UBI if there is a chip; silent where that fails, `look` says it."""
        number = devices.nand()
        if number is not None and not ubi.devices():
            with contextlib.suppress(UnhealthyError):
                run("ubiattach", "-m", str(number))

    def look(self) -> Look:
        if devices.nand() is None:
            return Look("off", "there is no NAND flash, or it does not answer")
        found = ubi.devices()
        if not found:
            return Look("problem", kernel_says("ubi0 error") or "UBI finds nothing on it", True, True)
        chip, have = found[0], {volume.name for volume in found[0].volumes}
        if chip.read_only:
            return Look("problem", "it is worn out or faulty: the kernel made it read-only", can_format=True)
        missing = [part.name for part in self._layout.nand if part.name not in have]
        if missing:
            return Look("problem", f"the volume {missing[0]} is missing", True, True)
        reserve = "" if chip.reserve is None else f", {chip.reserve} in reserve"
        count = chip.blocks + chip.bad_blocks
        words = f"{chip.bad_blocks} of {count} blocks are bad{reserve}; the most worn one has {chip.max_erases} erases"
        return Look("warning" if chip.reserve == 0 < chip.bad_blocks else "ok", words, False, True)

    def repair(self) -> None:
        """Attach it, and make the volumes that are missing."""
        if not ubi.devices():
            run("ubiattach", "-m", str(self._number()))
        have = {volume.name for volume in ubi.devices()[0].volumes}
        for part in self._layout.nand:
            if part.name not in have:
                size = ("-s", str(part.size)) if part.size else ("-m",)
                run("ubimkvol", f"/dev/{_UBI}", "-N", part.name, *size)
        for volume in self._parts:
            volume.attach()

    def format(self) -> None:
        number = self._number()
        for volume in self._parts:
            volume.detach()
        if ubi.devices():
            run("ubidetach", "-m", str(number))
        run("ubiformat", f"/dev/mtd{number}", "-y", "-q")
        self.repair()
        for volume in self._parts:
            volume.fill()

    def _number(self) -> int:
        number = devices.nand()
        if number is None:
            raise UnhealthyError("there is no NAND flash, or it does not answer")
        return number


class UbifsVolume:
    """`state` or `cache`."""

    def __init__(self, part: UbiVolume, place: Path, texts: tuple[str, str, str]) -> None:
        self.name = part.name
        self.title, self.holds, self.loses = texts
        self._part, self._place = part, place

    def attach(self) -> None:
        """Mount it read-only; silent where that fails, `look` says it."""
        if self._exists() and not self._place.is_mount():
            with contextlib.suppress(UnhealthyError):
                self._mount("ro")

    def detach(self) -> None:
        unmount(self._place)

    def look(self) -> Look:
        if not self._exists():
            return Look("off", "its NAND flash does not answer, or has no such volume")
        if not self._place.is_mount():
            reason = kernel_says("UBIFS error", f"({_UBI}:{self._device().name.rpartition('_')[2]} ")
            if "empty UBI volume" in reason:
                return Look("warning", "it is empty; the box makes its file system by itself", True, True)
            return Look("problem", reason or "it cannot be mounted", True, True)
        return Look("ok", "it can be read", True, True)

    def repair(self) -> None:
        """UBIFS puts itself right when it is mounted writable: it replays its journal and drops what was torn."""
        self.detach()
        self._mount("rw")
        self.detach()
        self._mount("ro")

    def format(self) -> None:
        self.detach()
        run("ubiupdatevol", str(self._device()), "-t")
        self.fill()

    def fill(self) -> None:
        """Make the file system in an empty volume, and mount it as the others are."""
        self.detach()
        self._mount("rw", f"compr={self._part.compression}")
        self.detach()
        self._mount("ro")

    def _mount(self, *options: str) -> None:
        mount("ubifs", f"{_UBI}:{self.name}", self._place, *options)

    def _exists(self) -> bool:
        return any(volume.name == self.name for chip in ubi.devices()[:1] for volume in chip.volumes)

    def _device(self) -> Path:
        for entry in Path("/sys/class/ubi").glob(f"{_UBI}_*"):
            if (entry / "name").read_text().strip() == self.name:
                return Path("/dev") / entry.name
        raise UnhealthyError(f"the volume {self.name} is missing", hint="repair the NAND flash first")
