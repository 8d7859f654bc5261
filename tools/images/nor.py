"""The content of a board's SPI NOR: what is given by partition, U-Boot's environment, the small motion network.

The rest is erased. The environment is written so that `fw_setenv`, and with it RAUC, works before U-Boot has saved
anything. Its layout is U-Boot's (env/common.c): CRC-32 of the variables, a counter that tells the newer copy, the
variables with a NUL after each and after the last. The network is what `appliance.storage.nor_model` reads.

A recovery system that is larger than its partition is left out where the disk has one of that name as well: U-Boot
finds none here then, and reads that.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from appliance.errors import InputError
from appliance.storage import nor_model
from tools.boards.board import ENVIRONMENT, Board, Nor

MODEL: Final = Path(__file__).resolve().parents[2] / "appliance/pipeline/models/base.int8.onnx"
_RECOVERY: Final = "recovery"
_ERASED: Final = b"\xff"


def image(board: Board, contents: Mapping[str, bytes]) -> bytes:
    """`InputError` for a partition that the board does not have, and for what does not fit into its own."""
    nor = _nor(board)
    parts = {name: environment(board, copy) for copy, name in enumerate(reversed(ENVIRONMENT))} | dict(contents)
    if nor.named("model"):
        parts.setdefault("model", nor_model.image(MODEL.read_bytes()))
    whole = bytearray(_ERASED * nor.size)
    for name, content in parts.items():
        partition = nor.named(name)
        if partition is None:
            raise InputError(
                f"{board.title} has no NOR partition {name!r}",
                hint=f"it has {', '.join(one.name for one in nor.partitions)}",
            )
        if len(content) > partition.size:
            if name == _RECOVERY and any(one.name == name for one in board.disk.partitions):
                continue
            raise InputError(f"{len(content)} bytes do not fit the NOR partition {name} of {partition.size} bytes")
        whole[partition.offset : partition.offset + len(content)] = content
    return bytes(whole)


def environment(board: Board, counter: int) -> bytes:
    """A copy of the first environment: both slots with all their attempts. The copy with the higher counter counts."""
    size = next(one.size for one in _nor(board).partitions if one.name in ENVIRONMENT)
    attempts = board.update.attempts
    variables = {"BOOT_ORDER": "A B", "BOOT_A_LEFT": f"{attempts}", "BOOT_B_LEFT": f"{attempts}"}
    text = b"".join(f"{name}={value}\0".encode() for name, value in variables.items()) + b"\0"
    text += _ERASED * (size - struct.calcsize("<IB") - len(text))
    return struct.pack("<IB", zlib.crc32(text), counter) + text


def _nor(board: Board) -> Nor:
    if board.nor is None:
        raise InputError(f"the NOR of {board.title} is not ours to write", hint="its maker's tools do that")
    return board.nor
