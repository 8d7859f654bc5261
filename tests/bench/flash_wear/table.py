"""What the parts found, as rows of one table: the obvious way, what must be reached, what is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

Found = dict[str, Any]


class Row(NamedTuple):
    work: str
    obvious: str
    must: str
    reached: str
    met: bool | None
    """None where nothing is asked for."""


def rows(part: str, found: Found) -> Iterator[Row]:
    """The rows of a part; those of several caches or traces one after the other."""
    match part:
        case "cache":
            yield from _cache("cache", found, "warm")
            yield from _amplification("32 MB", found["segments_without_reinsertion"], 1.06)
            yield from _amplification("32 MB, with reinsertion", found["segments"], 1.5)
        case "large_cache":
            yield from _amplification("100 MB", found["segments_without_reinsertion"], 1.06)
        case "other_traces" | "recorded":
            for name, caches in found.items():
                yield from _cache(f"{part}, {name}", caches, "warm")
        case "logs":
            obvious, ours = (found[name]["erases_per_mb"] for name in ("line_per_fsync", "blocks"))
            yield _fraction("logs: erases per MB", obvious, ours, 100)
        case "queue":
            obvious, ours = (found[name]["erases_per_1000"] for name in ("as_it_comes", "box"))
            yield Row("queue: erases per 1000 commits", f"{obvious:g}", "55", f"{ours:g}", ours <= 55)
        case "box":
            obvious, ours = (found[name]["erases_an_hour"] for name in ("obvious", "box"))
            yield _fraction("whole box: erases an hour", obvious, ours, 12)
        case "reopen":
            for name, one in found.items():
                what = f"reopen {one['megabytes']:.0f} MB, {one['items']} items of {name}"
                yield Row(what, "", "1 s", f"{one['seconds']:g} s", one["seconds"] < 1)
                size = one["index_bytes_per_item"]
                yield Row(f"index of {one['items']} items", "", "100 bytes an item", f"{size:g}", size < 100)
        case "budget":
            days = found["days"]["over_target"]
            reached = ", ".join(f"{day - 1:+.1%}" for day in days)
            yield Row("budget: NAND bytes a day", "", "5 %", reached, all(0.95 <= day <= 1.05 for day in days))


def _cache(name: str, found: Found, stage: str) -> Iterator[Row]:
    obvious = found["files"][stage]
    for way in found:
        if way == "files":
            continue
        ours = found[way][stage]
        row = _fraction(
            f"{name}, {way}: erases per requested GB",
            obvious["erases_per_requested_gb"],
            ours["erases_per_requested_gb"],
            6 if way == "segments" else 0,
        )
        hits = f"hits {ours['hit_ratio']:.3f}, not {obvious['hit_ratio']:.3f}"
        met = None if row.met is None else row.met and ours["hit_ratio"] >= obvious["hit_ratio"]
        yield row._replace(reached=f"{row.reached}; {hits}", met=met)


def _amplification(name: str, found: Found, most: float) -> Iterator[Row]:
    ours = found["whole"]["programmed_per_admitted"]
    yield Row(f"NAND bytes per admitted byte, {name}", "", f"{most:g}", f"{ours:.3f}", ours <= most)


def _fraction(work: str, obvious: float, ours: float, least: int) -> Row:
    reached = f"{ours:g} (1/{obvious / ours:.1f})" if ours else "0"
    must = f"1/{least}" if least else ""
    return Row(work, f"{obvious:g}", must, reached, ours * least <= obvious if least else None)
