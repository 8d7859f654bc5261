"""Files about U-Boot's environment: where U-Boot keeps it, where Linux finds it, and what the boot script must know.

Both copies fill their partitions, so that writing one never means reading and writing back what else is in a block.
"""

from __future__ import annotations

from tools.boards.board import ENVIRONMENT, Board, Nor, NorPartition, UBoot

_RENAMED = (2025, 10)
"""From this release on the redundant environment has another option."""


def _copies(nor: Nor) -> list[NorPartition]:
    return [part for name in ENVIRONMENT for part in nor.partitions if part.name == name]


def fw_env_config(nor: Nor) -> str:
    """By name, through links that a udev rule makes.

    Numbers depend on which chip the kernel finds first, and on the order of nodes, which applying an overlay reverses.
    """
    head = "# device, offset, size of the environment, size of an erase block"
    rows = [f"/dev/mtd/by-name/{copy.name} 0x0 {copy.size:#x} {nor.erase:#x}" for copy in _copies(nor)]
    return "\n".join([head, *rows]) + "\n"


def fragment(nor: Nor, u_boot: UBoot) -> str:
    """Options for U-Boot's configuration, beside what the boot script wants on every board."""
    first, second = _copies(nor)
    release = tuple(int(part) for part in u_boot.release.split("."))
    redundant = "ENV_REDUNDANT" if release >= _RENAMED else "SYS_REDUNDAND_ENVIRONMENT"
    # The CFI chips of a board with such flash are mapped from address 0 on: offsets are addresses.
    kind, place = {"cfi": ("FLASH", "ADDR"), "spi": ("SPI_FLASH", "OFFSET")}[u_boot.environment]
    lines = [
        "# CONFIG_ENV_IS_NOWHERE is not set",
        f"CONFIG_ENV_IS_IN_{kind}=y",
        f"CONFIG_{redundant}=y",
        f"CONFIG_ENV_{place}={first.offset:#x}",
        f"CONFIG_ENV_{place}_REDUND={second.offset:#x}",
        f"CONFIG_ENV_SIZE={first.size:#x}",
        f"CONFIG_ENV_SECT_SIZE={nor.erase:#x}",
        *u_boot.options,
    ]
    return "\n".join(lines) + "\n"


def variables(board: Board, nor: Nor, u_boot: UBoot) -> str:
    """Text of a default environment, to be included where the boot script stands."""
    interface, number = u_boot.disk.split()
    lines = [
        f"console={board.console.device},{board.console.baud}",
        f"disk_interface={interface}",
        f"disk_number={number}",
    ]
    if recovery := nor.named("recovery"):
        lines += [f"nor_recovery={recovery.offset:#x}", f"nor_recovery_size={recovery.size:#x}"]
    return "\n".join(lines) + "\n"
