"""What the wear of the storage means, and what to do about it, in plain words: findings of the health check "wear".

`findings(report)` judges the value that `wear_report.report` builds. Every device gets one finding, the worst that
there is to say of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from appliance.findings import Finding, Status

CHECK: Final = "wear"
_WARN_SHARE: Final = 0.8
_FEW_RESERVED: Final = 4
_RESERVED_PER_1024: Final = 20
"""Blocks that UBI sets aside for bad ones among 1024 (CONFIG_MTD_UBI_BEB_LIMIT)."""
_SHORT_YEARS: Final = 2.0
_OVER_BUDGET: Final = 1.5
_REPLACE: Final = "plan to replace the board or its flash; back up first"
_READ_ONLY: Final = "back up now; a reboot may bring it back, and `dmesg` says why"
_WRITE_LESS: Final = "see who writes most; a higher `log_level` and fewer new pictures and videos a day write less"
_ASK: Final = "run `mouthpiece doctor` as root; on a box, see `systemctl status mouthpiece-disk-life`"
"""It tells root alone, and on a box that unit asks."""
_UNREADABLE: Final = "if the number grows, back up and plan to replace the board or its flash"


def findings(report: Mapping[str, Any]) -> Iterator[Finding]:
    for device in report["nand"]:
        yield _nand(device)
    for disk in report["disks"]:
        yield _disk(disk)
    if not report["nand"] and not report["disks"]:
        yield Finding(CHECK, Status.OK, "no flash here that tells its wear")


def _nand(device: Mapping[str, Any]) -> Finding:
    name, worst, cycles, forecast = (device[key] for key in ("name", "max_erases", "cycles", "forecast"))
    if device["read_only"]:
        return Finding(CHECK, Status.PROBLEM, f"{name} has become read-only", _READ_ONLY)
    if worst >= cycles:
        message = f"{name} is worn out: its most worn block was erased {worst} times and is rated for {cycles}"
        return Finding(CHECK, Status.PROBLEM, message, _REPLACE)
    if worst >= cycles * _WARN_SHARE:
        message = f"{name} is nearly worn out: its most worn block was erased {worst} times and is rated for {cycles}"
        return Finding(CHECK, Status.WARNING, message, _REPLACE)
    if device["reserve"] is not None and device["reserve"] < _few(device):
        message = f"{name} has {device['bad_blocks']} bad blocks and only {device['reserve']} left in reserve"
        return Finding(CHECK, Status.WARNING, message, _REPLACE)
    if device["unreadable"]:
        message = f"{name} could not be read {device['unreadable']} times since the start"
        return Finding(CHECK, Status.WARNING, message, _UNREADABLE)
    if forecast["basis"] == "history" and forecast["years"] < _SHORT_YEARS:
        return Finding(CHECK, Status.WARNING, f"{name} wears out early: {_years(forecast)}", _WRITE_LESS)
    if (device["bytes_per_day"] or 0) > device["budget_bytes_per_day"] * _OVER_BUDGET:
        share = device["bytes_per_day"] / max(device["budget_bytes_per_day"], 1)
        message = f"{name} is written {share:.1f} times as much as its budget allows: {_years(forecast)}"
        return Finding(CHECK, Status.WARNING, message, _WRITE_LESS)
    return Finding(CHECK, Status.OK, f"{name} is well, with {device['bad_blocks']} bad blocks: {_years(forecast)}")


def _few(device: Mapping[str, Any]) -> int:
    blocks: int = device["blocks"] + device["bad_blocks"]
    return min(_FEW_RESERVED, math.ceil(_RESERVED_PER_1024 * blocks / 1024))


def _disk(disk: Mapping[str, Any]) -> Finding:
    what = f"{disk['name']} ({disk['kind']})"
    low, high, reserve = disk["used_low"], disk["used_high"], disk["reserve_used"]
    if low is None:
        message = f"{what} does not tell its wear"
        return Finding(CHECK, Status.WARNING, message, _ASK) if disk["refused"] else Finding(CHECK, Status.OK, message)
    if low >= 100:
        return Finding(CHECK, Status.PROBLEM, f"{what} has used up its life", _REPLACE)
    used = f"{what} has used {low} to {high} % of its life"
    if reserve is not None and reserve >= _WARN_SHARE * 100:
        return Finding(CHECK, Status.WARNING, f"{used}, and {reserve} % of its reserve", _REPLACE)
    if low >= _WARN_SHARE * 100:
        return Finding(CHECK, Status.WARNING, used, _REPLACE)
    return Finding(CHECK, Status.OK, used)


def _years(forecast: Mapping[str, Any]) -> str:
    years, low, high = (number(forecast[key]) for key in ("years", "low", "high"))
    return f"about {years} years are left, between {low} and {high}"


def number(years: float) -> str:
    """Years as people say them: two digits."""
    return f"{years:.0f}" if years >= 9.95 else f"{years:.1f}"
