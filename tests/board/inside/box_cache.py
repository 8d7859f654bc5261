"""The box's cache on a small UBIFS volume of a simulated NAND: filled to its capacity and beyond, and opened again."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from appliance.storage import ubi
from appliance.storage.cache import box
from appliance.volumes import Volumes
from tests.board.inside.facts import Facts

ITEM_BYTES = 200_000
TURNS = 2


def do(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def main() -> None:
    facts = Facts()
    for module in ("zstd", "lzo", "deflate", "ubifs"):
        do("modprobe", module)
    do("modprobe", "nandsim", "id_bytes=0x20,0xa2,0x00,0x15")  # 64 MiB in blocks of 128 KiB with pages of 2 KiB
    do("ubiattach", "-m", "0")
    do("ubimkvol", "/dev/ubi0", "-N", "cache", "-s", "32MiB")
    volumes = Volumes(Path("/tmp/box"))  # noqa: S108
    volumes.cache.mkdir(parents=True)
    do("mount", "-t", "ubifs", "-o", "compr=none,noatime", "ubi0:cache", str(volumes.cache))
    (device,) = ubi.devices()
    size = os.statvfs(volumes.cache)
    facts["volume"] = size.f_blocks * size.f_frsize
    with box.opened(volumes) as cache:
        opened = cache.stats()
        for number in range(round(1.5 * opened["capacity_bytes"]) // ITEM_BYTES):
            for _ in range(TURNS):
                cache.put(f"item {number}", number.to_bytes(8) * (ITEM_BYTES // 8), kind="landmarks")
        full = cache.stats()
    facts["leb"] = device.leb_bytes
    facts["opened"] = {name: opened[name] for name in ("capacity_bytes", "segment_bytes", "budget_bytes_per_day")}
    facts["full"] = {name: full[name] for name in ("stored_bytes", "write_errors", "problem", "segments_written")}
    stored = box.statistics(volumes)
    with box.opened(volumes) as cache:
        facts["again"] = [cache.stats()["items"], stored["items"], cache.stats()["damaged"]]


if __name__ == "__main__":
    main()
