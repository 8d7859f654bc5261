"""A simulated NAND with bad blocks is written and its wear told: by our telemetry, by a dump, and by the kernel itself.

The kernel's side is asked with mtd-utils, which do not read the files that our telemetry reads; nanddump takes the
dumps.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

from appliance.storage import disk_life, nand_dump, ubi, wear_report, written
from appliance.storage.wear_history import Sample
from appliance.volumes import Volumes
from tests.board.inside.facts import Facts, until

BAD = (3, 60, 200)
OUT = Path("/tmp/dump")  # noqa: S108  the guest has it for itself


def do(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main() -> None:
    facts = Facts()
    if not Path("/sys/kernel/debug").is_mount():
        do("mount", "-t", "debugfs", "debugfs", "/sys/kernel/debug")
    for module in ("zstd", "lzo", "deflate", "ubifs"):
        do("modprobe", module)
    # 64 MiB in blocks of 128 KiB with pages of 2 KiB.
    do("modprobe", "nandsim", "id_bytes=0x20,0xa2,0x00,0x15", "badblocks=" + ",".join(map(str, BAD)))
    do("ubiattach", "-m", "0")
    do("ubimkvol", "/dev/ubi0", "-N", "state", "-s", "8MiB")
    do("ubimkvol", "/dev/ubi0", "-N", "cache", "-s", "32MiB")
    volumes = Volumes(Path("/tmp/box"))  # noqa: S108
    for name, place in (("state", volumes.state), ("cache", volumes.cache)):
        place.mkdir(parents=True)
        do("mount", "-t", "ubifs", "-o", "compr=none,noatime", f"ubi0:{name}", str(place))

    before = wear_report.look(volumes)
    wrote_before = written.process_bytes(os.getpid()) or 0
    for turn in range(6):
        (volumes.cache / f"file{turn % 2}").write_bytes(os.urandom(8 << 20))
        do("sync")
    wrote = (written.process_bytes(os.getpid()) or 0) - wrote_before
    (settled,) = settle(ubi.devices)
    seen = wear_report.look(volumes)

    facts["device"] = {
        "ours": [settled.blocks, settled.block_bytes, settled.page_bytes, settled.bad_blocks, settled.reserve],
        "kernels": kernel_numbers(),
    }
    facts["max"] = [settled.max_erases, int(do("cat", "/sys/class/ubi/ubi0/max_ec"))]
    facts["volumes"] = {volume.name: volume.blocks for volume in settled.volumes}
    facts["places"] = {place.volume: [place.filesystem, place.device] for place in seen.places}
    facts["erased"] = (settled.erases or 0) - (before.nand[0].erases or 0)
    facts["wrote"] = wrote
    report = wear_report.report(seen, [Sample(seen.time, wear_report.counters(seen))])
    facts["bad"] = report["nand"][0]["map"]["bad"]
    facts["advice"] = report["advice"][0]["message"]

    for place in (volumes.state, volumes.cache):
        do("umount", str(place))
    (settled,) = settle(ubi.devices)
    do("ubidetach", "-m", "0")
    for name, options in (
        ("oob", ["--oob", "--bb=dumpbad"]),
        ("padded", ["--bb=padbad"]),
        ("skipped", ["--bb=skipbad"]),
    ):
        do("nanddump", "--quiet", *options, "-f", str(OUT), "/dev/mtd0")
        found = nand_dump.read(OUT)
        counters = [count for _, count in found.counters]
        facts[name] = {
            "same": found.counters == settled.counters,
            "same in order": counters == [count for _, count in settled.counters],
            "bad": found.bad,
            "blank": found.blank,
            "damaged": found.damaged,
            "geometry": [found.block_bytes, found.page_bytes, found.spare_bytes],
            "volumes": sorted(found.volumes),
        }
    # Attached anew, UBI itself reads the counters out of the same headers.
    do("ubiattach", "-m", "0")
    (again,) = ubi.devices()
    facts["attached again"] = [again.max_erases, max(count for _, count in found.counters)]

    facts["nvme"] = [[disk.kind, disk.used_low, disk.reserve_used] for disk in disk_life.disks()]


def kernel_numbers() -> list[int]:
    """The same numbers by mtd-utils, which ask UBI and MTD by ioctl."""
    told = do("ubinfo", "/dev/ubi0") + do("mtdinfo", "/dev/mtd0")
    patterns = (
        r"Total amount of logical eraseblocks:\s+(\d+)",
        r"Eraseblock size:\s+(\d+)",
        r"Minimum input/output unit size:\s+(\d+)",
        r"Count of bad physical eraseblocks:\s+(\d+)",
        r"Count of reserved physical eraseblocks:\s+(\d+)",
    )
    return [int(found[1]) if (found := re.search(pattern, told)) else -1 for pattern in patterns]


def settle(devices: Any) -> Any:
    """The devices once UBI has erased what it meant to."""
    seen: list[Any] = []

    def still() -> bool:
        seen.append(devices())
        return len(seen) > 5 and seen[-1] == seen[-6]

    until(still, "UBI goes on erasing")
    return seen[-1]


if __name__ == "__main__":
    main()
