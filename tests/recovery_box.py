"""A box in recovery on this machine: a file stands for the flash of its configuration, everything else is absent."""

from __future__ import annotations

from pathlib import Path

from appliance.console.recovery.box import RecoveryBox
from appliance.console.recovery.layout import Layout, Partition, UbiVolume
from appliance.console.security import first_boot
from appliance.storage.config import FILE, ConfigStore
from appliance.volumes import Volumes

PASSWORD = "correct horse battery"  # noqa: S105
LAYOUT = Layout(
    "virt-arm64",
    "QEMU virt (arm64)",
    "/dev/no-such-disk",
    (Partition("boot-a", 1 << 20, 64 << 20), Partition("root-a", 65 << 20, 1 << 30), Partition("data", 1089 << 20, 0)),
    True,
    (UbiVolume("state", 32 << 20, "zstd"), UbiVolume("cache", 0, "none")),
    True,
)


def recovery_box(folder: Path) -> RecoveryBox:
    """Its `parts` must not `attach`: that names devices and mounts volumes, which of this machine are none of ours."""
    flash = Volumes(folder / "flash")
    store = ConfigStore(flash)
    store.update(lambda config: config.update(admin=first_boot.credentials(PASSWORD), name="studio-box"))
    volumes = Volumes(folder / "box")
    volumes.config.mkdir(parents=True)
    (volumes.config / FILE).symlink_to(flash.config / FILE)
    return RecoveryBox(LAYOUT, volumes)
