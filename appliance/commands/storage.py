"""`mouthpiece storage`: how worn this box's flash is, or the flash that a raw dump was taken of."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from appliance.commands.shared import as_json
from appliance.volumes import Volumes

if TYPE_CHECKING:
    from appliance.storage.nand_dump import NandDump

_BAR: Final = 40
"""Characters of the longest bar."""


@click.group()
def storage() -> None:
    """Show how worn the flash is and how long it will last."""


@storage.command()
@as_json
@click.pass_obj
def status(volumes: Volumes, json_: bool) -> None:
    """Show the wear of this box's storage, who writes to it, and what to do."""
    report = _report(volumes)
    click.echo(json.dumps(report) if json_ else "\n".join(_told(report)))


@storage.command()
@click.argument("dump", type=click.Path(path_type=Path))
@as_json
@click.option("--out", type=click.Path(path_type=Path), help="Also draw the histogram and the map as PNG.")
def report(dump: Path, json_: bool, out: Path | None) -> None:
    """Show the wear in DUMP, a raw dump of a NAND that UBI lives on (`nanddump`, with or without --oob)."""
    from appliance.storage import erase_counts, nand_dump, wear_model

    found = nand_dump.read(dump)
    shown = {
        "file": str(dump),
        **{name: getattr(found, name) for name in ("block_bytes", "page_bytes", "spare_bytes", "blocks")},
        "counted": len(found.counters),
        "min_erases": min(count for _, count in found.counters),
        "mean_erases": found.mean_erases,
        "max_erases": found.max_erases,
        "cycles": wear_model.RATED_CYCLES,
        **{name: getattr(found, name) for name in ("bad", "blank", "damaged", "volumes")},
        "histogram": erase_counts.histogram(found.counters),
        "map": erase_counts.wear_map(found.counters, found.blocks),
    }
    if out:
        _draw(found, dump.name, out)
    click.echo(json.dumps(shown) if json_ else "\n".join(_told_of_dump(shown)))


def _report(volumes: Volumes) -> dict[str, Any]:
    """What the supervisor knows, who writes included; what can be seen without one where none answers."""
    from appliance.control import Control, NotRunningError
    from appliance.storage import wear_report
    from appliance.storage.cache import box

    try:
        states = Control(volumes).ask("status")["states"]
    except NotRunningError:
        states = {}
    known = states.get("storage") or wear_report.now(volumes)
    return {**known, "cache": box.statistics(volumes, states)}


def _told(report: Mapping[str, Any]) -> Iterator[str]:
    for nand in report["nand"]:
        yield f"{nand['name']} ({nand['mtd']}): {_years(nand['forecast'])}"
        mean = "unknown" if nand["mean_erases"] is None else f"{nand['mean_erases']:,.1f}"
        yield (
            f"  erased {mean} times on average, {nand['max_erases']:,} at most; rated for {nand['cycles']:,}, "
            f"{nand['used_percent']:.2g} % of its life used"
        )
        reserve = "" if nand["reserve"] is None else f", {nand['reserve']} in reserve"
        yield (
            f"  {nand['blocks']:,} blocks of {nand['block_bytes'] // 1024} KiB, {nand['bad_blocks']} bad{reserve}; "
            f"bit errors since the start: {_known(nand['corrected_bits'])} mended, {_known(nand['unreadable'])} not"
        )
        written = "unknown" if nand["bytes_per_day"] is None else f"{_size(nand['bytes_per_day'])} a day"
        yield f"  written {written}; its budget is {_size(nand['budget_bytes_per_day'])} a day"
    for disk in report["disks"]:
        unknown = "tells its wear to root alone" if disk["refused"] else "tells no wear"
        used = unknown if disk["used_low"] is None else f"{disk['used_low']} to {disk['used_high']} % used"
        yield f"{disk['name']} ({disk['kind']}): {used}; {_years(disk['forecast'])}"
    for place in report["places"]:
        where = f"{place['filesystem'] or 'unknown'} on {place['device'] or 'no disk'}"
        written = (
            "" if place["bytes_per_day"] is None else f", {_size(place['bytes_per_day'])} a day written to the disk"
        )
        yield f"volume {place['volume']}: {where}, {_size(place['free'])} of {_size(place['size'])} free{written}"
    for writer in report["writers"]:
        rate = "" if writer["bytes_per_day"] is None else f", {_size(writer['bytes_per_day'])} a day"
        yield f"written by {writer['name']}: {_size(writer['bytes'])}{rate}"
    yield from _told_of_cache(report["cache"])
    for finding in report["advice"]:
        yield f"{finding['status']}: {finding['message']}" + (f"; {finding['fix']}" if finding["fix"] else "")


def _told_of_cache(cache: Mapping[str, Any]) -> Iterator[str]:
    if not cache:
        return
    yield (
        f"cache: {cache['items']:,} items, {_size(cache['bytes'])} of {_size(cache['capacity_bytes'])}; "
        f"{cache['hits']:,} hits, {cache['misses']:,} misses, {_size(cache['file_bytes'])} written"
        + (f"; {cache['problem']}" if cache["problem"] else "")
    )
    for name, kind in cache["kinds"].items():
        if kind["hits"] or kind["misses"]:
            yield (
                f"  {name}: {kind['items']:,} items, {_size(kind['bytes'])}; {kind['hits']:,} hits of "
                f"{kind['hits'] + kind['misses']:,}, {_size(kind['admitted_bytes'])} taken in"
            )


def _years(forecast: Mapping[str, Any]) -> str:
    from appliance.storage.wear_advice import number

    basis = {
        "nominal": "by the nominal load, for there is no day of history yet",
        "history": f"by {forecast['days']:.0f} days of history",
        "power-on": f"by {forecast['days']:.0f} days under power",
        "unknown": "",
    }[forecast["basis"]]
    if forecast["years"] is not None:
        years, low, high = (number(forecast[key]) for key in ("years", "low", "high"))
        return f"about {years} years left, between {low} and {high}, {basis}"
    if forecast["low"] is not None:
        return f"at least {number(forecast['low'])} years left, {basis}"
    return "how long it will last is not known yet"


def _told_of_dump(shown: Mapping[str, Any]) -> Iterator[str]:
    spare = f" and {shown['spare_bytes']} spare" if shown["spare_bytes"] else ""
    pages = f"pages of {shown['page_bytes']}{spare} bytes"
    yield f"{shown['file']}: {shown['blocks']:,} blocks of {shown['block_bytes'] // 1024} KiB, {pages}"
    yield (
        f"erased {shown['mean_erases']:,.1f} times on average, {shown['min_erases']:,} at least, "
        f"{shown['max_erases']:,} at most; rated for {shown['cycles']:,}"
    )
    kinds = ", ".join(f"{len(shown[kind])} {kind}" for kind in ("bad", "blank", "damaged"))
    yield f"{shown['counted']:,} blocks with a counter, {kinds}"
    yield "blocks in use: " + (", ".join(f"{name} {number}" for name, number in shown["volumes"].items()) or "none")
    longest = max(blocks for _, _, blocks in shown["histogram"])
    for low, high, blocks in shown["histogram"]:
        bar = "#" * -(-blocks * _BAR // longest)
        yield f"{low:>9,} to {high:>9,}  {blocks:>7,}  {bar}".rstrip()


def _draw(found: NandDump, title: str, out: Path) -> None:
    from appliance.commands.wear_picture import draw
    from appliance.errors import InputError

    if out.suffix.lower() != ".png":
        raise InputError(f"{out} is not a PNG file's name", hint="give --out a name that ends in .png")
    try:
        draw(found, title, out)
    except OSError as error:
        raise InputError(f"{out} cannot be written: {error.strerror}", hint="choose another place") from error


def _known(value: int | None) -> str:
    return "unknown" if value is None else f"{value:,}"


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
