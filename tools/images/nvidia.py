"""`python -m tools.images.nvidia --board NAME LAYOUT`: a Jetson's disk, as NVIDIA's flash tools are told of it.

LAYOUT is NVIDIA's XML of the external disk, with its placeholders (flash_l4t_t234_nvme_rootfs_ab.xml), and is changed
in place. Partitions of the board that it names already stay where they are; the recipes of the Yocto layer give their
sizes. The others follow behind all of NVIDIA's, numbered above them: a number is one more than the one before where
`id` does not say otherwise. The one without a size fills the disk (bit 0x800 of `allocation_attribute`).
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from appliance.errors import ApplianceError, InputError
from tools.boards.board import Board
from tools.images.__main__ import board

_PLACEHOLDERS: Final = {"RECNAME": "recovery"}
"""What meta-tegra's flash package writes for a name."""
_TABLES: Final = ("protective_master_boot_record", "primary_gpt", "secondary_gpt")
_LAST: Final = re.compile(r'^[ \t]*<partition\s+name="secondary_gpt"', re.MULTILINE)
_LEAST: Final = 64 << 20
"""What the partition that fills the disk has at least."""
_ADDED: Final = """\
        <partition name="{name}" id="{number}" type="data">
            <allocation_policy> sequential </allocation_policy>
            <filesystem_type> basic </filesystem_type>
            <size> {size} </size>
            <file_system_attribute> 0 </file_system_attribute>
            <allocation_attribute> {attribute} </allocation_attribute>
            <percent_reserved> 0 </percent_reserved>
            <align_boundary> 16384 </align_boundary>
            <partition_type_guid> 0FC63DAF-8483-4772-8E79-3D69D8477DE4 </partition_type_guid>
        </partition>
"""


def layout(for_board: Board, given: str) -> str:
    """`InputError` for XML that is not the layout of one external disk."""
    end = _LAST.search(given)
    try:
        devices = ET.fromstring(given).findall("device")  # noqa: S314  it comes with NVIDIA's programs
    except ET.ParseError as error:
        raise InputError(f"NVIDIA's layout cannot be read: {error}") from error
    if [device.get("type") for device in devices] != ["external"] or end is None:
        raise InputError("NVIDIA's layout is not that of an external disk")
    numbers = _numbers(devices[0])
    number = max(numbers.values())
    added = ""
    for partition in for_board.disk.partitions:
        if partition.name not in numbers:
            number += 1
            size, attribute = (partition.size, "0x8") if partition.size else (_LEAST, "0x808")
            added += _ADDED.format(name=partition.name, number=number, size=size, attribute=attribute)
    return given[: end.start()] + added + given[end.start() :]


def _numbers(device: ET.Element) -> dict[str, int]:
    found: dict[str, int] = {}
    number = 0
    for partition in device.findall("partition"):
        if partition.get("type") not in _TABLES:
            number = int(partition.get("id", number + 1))
            name = partition.get("name", "")
            found[_PLACEHOLDERS.get(name, name)] = number
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.images.nvidia", description="Add a board's partitions.")
    parser.add_argument("--board", required=True, help="a file in boot/boards, without .toml")
    parser.add_argument("layout", type=Path, help="NVIDIA's XML of the external disk")
    options = parser.parse_args(arguments)
    try:
        options.layout.write_text(layout(board(options.board), options.layout.read_text()))
    except ApplianceError as error:
        print(f"images: {error.message}" + (f"; {error.hint}" if error.hint else ""), file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
