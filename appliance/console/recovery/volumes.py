"""Every volume of the box by its name, and mounting what can be."""

from __future__ import annotations

from appliance.console.pages.words import N
from appliance.console.recovery import devices
from appliance.console.recovery.disk import CONFIG, ConfigurationOnDisk, Data, Disk
from appliance.console.recovery.flash import Configuration, Environment, Nand, UbifsVolume
from appliance.console.recovery.layout import Layout
from appliance.console.recovery.order import FirmwareOrder
from appliance.console.recovery.volume import Volume
from appliance.errors import InputError
from appliance.volumes import Volumes

_UBIFS = {
    "state": (
        N("Jobs and log"),
        N("The list of jobs, the log, the history of updates"),
        N("The list of jobs, the log and the history of updates. Avatars and videos stay."),
    ),
    "cache": (N("Cache"), N("What can be computed again"), N("Nothing that the box cannot compute again.")),
}


class BoxVolumes:
    """`attach` mounts, read-only, what can be mounted, and names devices; it may be called again."""

    def __init__(self, layout: Layout, volumes: Volumes) -> None:
        places = {"state": volumes.state, "cache": volumes.cache}
        self._layout = layout
        on_disk = any(part.name == CONFIG for part in layout.partitions)
        self.config = ConfigurationOnDisk(layout, volumes) if on_disk else Configuration(volumes)
        self.environment = Environment() if layout.environment else FirmwareOrder()
        self.data = Data(layout, volumes.data)
        self._disk = Disk(layout, self.data, self.config)
        self._parts = [UbifsVolume(part, places[part.name], _UBIFS[part.name]) for part in layout.nand]
        self._nand = Nand(layout, self._parts)
        self.all: list[Volume] = [self.config, self.environment]
        if layout.nand:
            self.all += [self._nand, *self._parts]
        self.all += [self._disk, self.data]

    def attach(self) -> None:
        devices.link(self._layout.disk)
        self.config.attach()
        self._nand.attach()
        for part in self._parts:
            part.attach()
        self.data.attach()

    def detach(self) -> None:
        """Let go of everything, before a reboot."""
        for part in self._parts:
            part.detach()
        self.data.detach()
        self.config.detach()

    def named(self, name: str) -> Volume:
        for volume in self.all:
            if volume.name == name:
                return volume
        raise InputError(f"there is no volume {name[:40]!r}", hint="choose one of " + ", ".join(self.names()))

    def names(self) -> list[str]:
        return [volume.name for volume in self.all]

    def confirmed(self, name: str, typed: str) -> Volume:
        """The volume that is to be made anew; `typed` has to be its name, so that nobody does it by a slip."""
        volume = self.named(name)
        if typed.strip() != volume.name:
            raise InputError(
                f"nothing was done: the name {volume.name} has to be typed", hint=f"type `{volume.name}` to confirm"
            )
        return volume
