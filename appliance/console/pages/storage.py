"""/storage: how worn the flash is, how long it will last, who writes to it, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, render_template
from markupsafe import Markup

from appliance.console import charts
from appliance.console.api.storage import storage_report
from appliance.console.box import the_box
from appliance.console.i18n import _, _n, joined
from appliance.console.pages.frame import size
from appliance.console.pages.live import snapshot
from appliance.console.pages.words import word
from appliance.storage.budget import LEVELLING
from appliance.storage.cache import box as cache
from appliance.storage.wear_advice import number

pages = Blueprint("storage", __name__)

_YEAR_S = 365 * 86_400


@pages.get("/storage")
def show() -> str:
    report = snapshot().states.get("storage") or storage_report(the_box())
    return render_template(
        "storage.html",
        advice=report["advice"],
        nand=[_nand(device, report["time"]) for device in report["nand"]],
        disks=[_disk(disk) for disk in report["disks"]],
        volumes=[_place(place) for place in report["places"]],
        writers=_writers(report["writers"]),
        cache=_cache(cache.statistics(the_box().volumes, snapshot().states)),
        time=report["time"],
    )


def _nand(device: Mapping[str, Any], now: float) -> dict[str, Any]:
    forecast = device["forecast"]
    years, low, high = (number(forecast[key]) for key in ("years", "low", "high"))
    mean = device["max_erases"] if device["mean_erases"] is None else device["mean_erases"]
    curve = [((moment - now) / _YEAR_S, erases) for moment, erases in device["curve"]] or [(0.0, mean)]
    between = _("Between {low} and {high} years.", low=low, high=high)
    span = (forecast["low"], forecast["years"], forecast["high"])
    limit = device["cycles"] * LEVELLING
    label = joined(_("Worn out in about {years} years.", years=years), between)
    return {
        **device,
        "years": years,
        "between": between,
        "basis": _basis(forecast),
        "chart": charts.forecast(curve, limit, span, label, names=(_("worn out"), _("now"))) if mean < limit else "",
        "map": _map(device),
        "histogram": _histogram(device["histogram"]),
        "facts": _facts(device),
    }


def _basis(forecast: Mapping[str, Any]) -> str:
    match forecast["basis"]:
        case "history":
            return _n("Judged by one day.", "Judged by {n} days.", int(forecast["days"]))
        case "power-on":
            return _n("Judged by one day under power.", "Judged by {n} days under power.", int(forecast["days"]))
        case "nominal":
            return _("There is no day of history yet: judged by the load that the box is made for.")
    return _("Not known yet: it takes some time to see how fast it wears.")


def _map(device: Mapping[str, Any]) -> Markup | None:
    shown = device["map"]
    if not shown:
        return None
    label = _(
        "{blocks} blocks; the most worn one was erased {most} times; {bad} are bad",
        blocks=device["blocks"] + device["bad_blocks"],
        most=device["max_erases"],
        bad=device["bad_blocks"],
    )
    return charts.wear_map(shown["cells"], shown["bad"], label)


def _histogram(bins: list[tuple[int, int, int]]) -> Markup | None:
    if not bins:
        return None
    values = [(f"{low:,}", float(blocks)) for low, _high, blocks in bins]
    return charts.columns(values, _("Blocks by how often they were erased"), width=360, height=180)


def _facts(device: Mapping[str, Any]) -> list[tuple[str, str]]:
    mean, written = device["mean_erases"], device["bytes_per_day"]
    facts = [
        (_("Erased on average"), _("unknown") if mean is None else f"{mean:,.0f} ×"),
        (_("Most worn block"), f"{device['max_erases']:,} ×"),
        (_("Rated for"), f"{device['cycles']:,} ×"),
        (_("Bad blocks"), f"{device['bad_blocks']:,}"),
        (_("In reserve for bad ones"), _count(device["reserve"])),
        (_("Bit errors mended since the start"), _count(device["corrected_bits"])),
        (_("Reads that failed since the start"), _count(device["unreadable"])),
        (_("Written a day"), _("unknown") if written is None else size(written)),
        (_("Budget a day"), size(device["budget_bytes_per_day"])),
    ]
    if device["read_only"]:
        facts.insert(0, (_("State"), _("read-only")))
    return facts


def _count(value: int | None) -> str:
    return _("unknown") if value is None else f"{value:,}"


def _disk(disk: Mapping[str, Any]) -> dict[str, Any]:
    forecast = disk["forecast"]
    if disk["used_low"] is None:
        text, share = _("It does not tell its wear."), 0.0
    else:
        text = _("{low} to {high} % of its life used", low=disk["used_low"], high=min(disk["used_high"], 100))
        share = min(disk["used_high"], 100) / 100
    if forecast["years"] is not None:
        left = _("About {years} years are left.", years=number(forecast["years"]))
        low, high = number(forecast["low"]), number(forecast["high"])
        left = joined(left, _("Between {low} and {high} years.", low=low, high=high))
    elif forecast["low"] is not None:
        left = _("At least {years} years are left.", years=number(forecast["low"]))
    else:
        left = ""
    name = f"{disk['name']} ({disk['kind']})"
    meter = charts.level(share, f"{name}: {text}", warning=0.8, problem=1.0)
    return {"name": name, "text": text, "left": left, "basis": _basis(forecast), "chart": meter}


def _place(place: Mapping[str, Any]) -> dict[str, Any]:
    used = place["size"] - place["free"]
    text = _("{used} of {total}", used=size(used), total=size(place["size"]))
    name = word(f"volume:{place['volume']}")
    where = " · ".join(part for part in (place["device"], place["filesystem"]) if part)
    return {
        **place,
        "name": name,
        "where": where,
        "text": text,
        "chart": charts.level(used / max(1, place["size"]), f"{name}: {text}"),
    }


def _cache(statistics: Mapping[str, Any]) -> dict[str, Any] | None:
    """The cache by kind of item; None where nothing was ever asked of it."""
    if not statistics:
        return None
    text = _(
        "{used} of {total} are in use, {written} were written so far. What is found there is not made again.",
        used=size(statistics["bytes"]),
        total=size(statistics["capacity_bytes"]),
        written=size(statistics["file_bytes"]),
    )
    kinds = []
    for name, kind in statistics["kinds"].items():
        asked = kind["hits"] + kind["misses"]
        if asked:
            found = _("{hits} of {asked} found", hits=f"{kind['hits']:,}", asked=f"{asked:,}")
            label = word(f"item:{name}")
            # Finding little is no fault: no warning colours.
            chart = charts.level(kind["hits"] / asked, f"{label}: {found}", warning=2, problem=2)
            kinds.append({"name": label, "text": found, "chart": chart})
    return {"text": text, "kinds": kinds}


def _writers(writers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    most = max((writer["bytes"] for writer in writers), default=0) or 1
    shown = []
    for writer in writers:
        name = word(f"child:{writer['name']}")
        text = size(writer["bytes"])
        # Writing much is no fault: no warning colours.
        chart = charts.level(writer["bytes"] / most, f"{name}: {text}", warning=2, problem=2)
        a_day = "" if writer["bytes_per_day"] is None else size(writer["bytes_per_day"])
        shown.append({"name": name, "text": text, "a_day": a_day, "chart": chart})
    return shown
