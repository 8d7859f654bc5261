"""Firmware as the RK3588's ROM takes it, as large as one likes, and what the ROM would take."""

from __future__ import annotations

import hashlib
import random

from tools.bundle_hook.rockchip import is_firmware


def firmware(seed: int, size: int) -> bytes:
    """An ID block, and noise in the place of SPL and U-Boot."""
    noise = random.Random(seed).randbytes(size - 2048)  # noqa: S311  it hides nothing
    block = b"RKNS" + seed.to_bytes(4, "little") + bytes(1528)
    return block + hashlib.sha256(block).digest() + bytes(480) + noise


def started(nor: bytes, disk: bytes) -> bytes:
    """The copy that the ROM takes; nothing if neither has an ID block."""
    return next((copy for copy in (nor, disk) if is_firmware(copy)), b"")
