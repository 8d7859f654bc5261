"""Files about the flash chips: overlays for the device tree, `mtdparts`, nandsim's options, `ubinize.cfg`, constants.

Overlays name their targets by path, since a distribution's device trees have no `__symbols__`. They compile without
warnings and apply to the board's real device tree: a test does both.
"""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import indent

from tools.boards.board import Board, Nand, Nor

_TAB = "\t"


def nor_overlay(nor: Nor) -> str:
    parts = "\n".join(
        f"partition@{part.offset:x} {{\n"
        f'\tlabel = "{part.name}";\n'
        f"\treg = <{part.offset:#x} {part.size:#x}>;\n" + ("\tread-only;\n" if part.read_only else "") + "};"
        for part in nor.partitions
    )
    return _overlay(f"&{{{nor.node}}}", _fixed_partitions(parts))


def nand_overlay(nand: Nand, node: str) -> str:
    """`node` is the path of its SPI controller."""
    whole = f'partition@0 {{\n\tlabel = "ubi";\n\treg = <0x0 {nand.size:#x}>;\n}};'
    chip = "\n".join(
        [
            "flash@0 {",
            '\tcompatible = "spi-nand";',
            "\treg = <0>;",
            f"\tspi-max-frequency = <{nand.max_hz}>;",
            "",
            indent(_fixed_partitions(whole), _TAB),
            "};",
        ]
    )
    bus = ['status = "okay";', "#address-cells = <1>;", "#size-cells = <0>;"]
    pins = ""
    if nand.rockchip_pins:
        bus += ['pinctrl-names = "default";', "pinctrl-0 = <&nand_pins>;"]
        pins = _rockchip_pins(nand.rockchip_pins)
    return _overlay(f"&{{{node}}}", "\n".join([*bus, "", chip]), before=pins)


def _fixed_partitions(parts: str) -> str:
    head = 'compatible = "fixed-partitions";\n#address-cells = <1>;\n#size-cells = <1>;\n'
    return "partitions {\n" + indent(f"{head}\n{parts}", _TAB) + "\n};"


def _rockchip_pins(pins: Sequence[tuple[int, ...]]) -> str:
    routed = ",\n".join(f"\t\t\t\t<{bank} {pin} {function} &nand_pull_up>" for bank, pin, function in pins)
    return (
        "&{/pinctrl} {\n"
        "\tnand_pull_up: mouthpiece-pull-up {\n\t\tbias-pull-up;\n\t\tdrive-strength = <1>;\n\t};\n\n"
        "\tmouthpiece-nand {\n\t\tnand_pins: pins {\n"
        f"\t\t\trockchip,pins =\n{routed};\n"
        "\t\t};\n\t};\n};\n\n"
    )


def _overlay(target: str, content: str, before: str = "") -> str:
    return f"/dts-v1/;\n/plugin/;\n\n{before}{target} {{\n{indent(content, _TAB)}\n}};\n"


def mtdparts(board: Board) -> str:
    """One line, for the kernel's command line. What may not be written is marked so."""
    chips = []
    if board.nor:
        parts = ",".join(
            f"{part.size:#x}@{part.offset:#x}({part.name}){'ro' if part.read_only else ''}"
            for part in board.nor.partitions
        )
        chips.append(f"{board.nor.mtd}:{parts}")
    if board.nand and board.nand.mtd:
        chips.append(f"{board.nand.mtd}:-(ubi)")
    return "mtdparts=" + ";".join(chips) + "\n"


def nandsim_options(nand: Nand) -> str:
    return "options nandsim id_bytes=" + ",".join(f"{byte:#04x}" for byte in nand.nandsim_id) + "\n"


def ubinize(nand: Nand) -> str:
    """Volumes without content: UBIFS makes its file system in an empty one when it is first mounted."""
    options = f"-m {nand.page} -p {nand.block}" + (f" -s {nand.subpage}" if nand.subpage else "")
    sections = [f"# ubinize {options} -o ubi.img ubinize.cfg\n"]
    for number, volume in enumerate(nand.volumes):
        size = f"vol_size={volume.size}\n" if volume.size else f"vol_size={nand.leb}\nvol_flags=autoresize\n"
        sections.append(f"[{volume.name}]\nmode=ubi\nvol_id={number}\nvol_type=dynamic\nvol_name={volume.name}\n{size}")
    return "\n".join(sections)


def constants(boards: Sequence[Board]) -> str:
    rows = "".join(f'    "{board.compatible}": {board.nand.cycles:_},\n' for board in boards if board.nand)
    return (
        '"""What boards say of their flash, by the first `compatible` of their device tree."""\n\n'
        "from __future__ import annotations\n\n"
        "from collections.abc import Mapping\nfrom typing import Final\n\n"
        f"RATED_CYCLES: Final[Mapping[str, int]] = {{\n{rows}}}\n"
        '"""Erases that a block of the NAND bears at least."""\n'
    )
