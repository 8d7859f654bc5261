"""What recovery says of an installation where the box's history of updates lies."""

from __future__ import annotations

from pathlib import Path

from appliance.console.recovery import bundles
from appliance.volumes import Volumes


def test_nothing_is_written_down_where_the_volume_is_not_mounted(tmp_path: Path) -> None:
    """It would lie in memory, in the way of the volume."""
    volumes = Volumes(tmp_path)
    volumes.state.mkdir(parents=True)
    assert not bundles.is_noted(volumes, "1.1.0", "rootfs.0")
    assert list(volumes.state.iterdir()) == []
