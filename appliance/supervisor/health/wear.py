"""How worn is the flash?

Raw NAND through UBI's sysfs (`max_ec`, `bad_peb_count`, `reserved_for_bad`, `ro_mode`); eMMC through the life time that
its own controller estimates (JESD84-B51: EXT_CSD 267 to 269, steps of 10 %).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from appliance.findings import Finding, Status

_CHECK = "wear"
RATED_CYCLES = 60_000
"""Erases that a block of SLC NAND bears at least; a board's own figure may be more."""
_WARN_SHARE = 0.8
_FEW_RESERVED = 4
_REPLACE = "plan to replace the board or its flash; back up first"
_PRE_END = {2: "80 % of its reserve is used", 3: "90 % of its reserve is used"}


def check(root: Path = Path("/"), rated_cycles: int = RATED_CYCLES) -> Iterator[Finding]:
    devices = sorted((root / "sys/class/ubi").glob("ubi[0-9]*"))
    for device in devices:
        if (device / "max_ec").exists():  # volumes lie beside their devices
            yield _ubi(device, rated_cycles)
    cards = sorted((root / "sys/bus/mmc/devices").glob("*/life_time"))
    for card in cards:
        yield _emmc(card.parent)
    if not devices and not cards:
        yield Finding(_CHECK, Status.OK, "no flash here that tells its wear")


def _ubi(device: Path, rated_cycles: int) -> Finding:
    worst, bad, reserve = (_number(device / name) for name in ("max_ec", "bad_peb_count", "reserved_for_bad"))
    message = f"{device.name}: most worn block erased {worst:,} times, {bad} bad blocks, {reserve} in reserve"
    if _number(device / "ro_mode"):
        fix = "the flash refused a write: look at `dmesg`; a reboot may bring it back, then back up"
        return Finding(_CHECK, Status.PROBLEM, f"{message}; it has become read-only", fix)
    if worst >= rated_cycles:
        return Finding(_CHECK, Status.PROBLEM, f"{message}; rated for {rated_cycles:,}", _REPLACE)
    if worst >= rated_cycles * _WARN_SHARE or reserve < _FEW_RESERVED:
        return Finding(_CHECK, Status.WARNING, f"{message}; rated for {rated_cycles:,}", _REPLACE)
    return Finding(_CHECK, Status.OK, message)


def _emmc(card: Path) -> Finding:
    steps = max(int(word, 0) for word in (card / "life_time").read_text().split())
    used = f"{max(0, steps - 1) * 10}..{steps * 10} % of its life used" if 0 < steps <= 10 else "its life is used up"
    message = f"eMMC {card.name}: {used if steps else 'it tells no wear'}"
    end = _number(card / "pre_eol_info")
    if end in _PRE_END:
        message += f"; {_PRE_END[end]}"
    if steps > 10:
        return Finding(_CHECK, Status.PROBLEM, message, _REPLACE)
    if steps >= 9 or end in _PRE_END:
        return Finding(_CHECK, Status.WARNING, message, _REPLACE)
    return Finding(_CHECK, Status.OK, message)


def _number(path: Path) -> int:
    try:
        return int(path.read_text().strip(), 0)
    except (OSError, ValueError):
        return 0
