"""Charts that the server draws: SVG text with classes that the style sheet colours, and a text for who cannot see them.

All lengths are in the units of the view box; nothing here is escaped twice and nothing needs a script.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup, escape

BAR_GAP: Final = 6
TEXT: Final = 20
"""Height of a line of labels."""
CELL: Final = 12
"""From one block of the wear map to the next."""
WEAR_TONES: Final = 8


def waveform(peaks: Sequence[float], label: str, *, height: int = 64) -> Markup:
    """A sound's peaks, each 0 to 1, as bars round a middle line."""
    bars = [
        _rectangle(index * 4, (height - size) / 2, 2.5, size, 1.25)
        for index, peak in enumerate(peaks)
        for size in (max(2.0, min(1.0, peak) * height),)
    ]
    return _drawing("wave", max(1, len(peaks) * 4), height, label, [*bars], stretch=True)


def columns(values: Sequence[tuple[str, float]], label: str, *, width: int = 400, height: int = 150) -> Markup:
    """A column for each (name, value), as many names as there is room for, and a line for the highest value."""
    top = max([value for _name, value in values], default=0) or 1
    step = width / max(1, len(values))
    floor = height - TEXT
    every = max(1, round(64 / step))
    parts = [Markup('<line x1="0" x2="{}" y1="{}" y2="{}"/>').format(width, floor + 0.5, floor + 0.5)]
    for index, (name, value) in enumerate(values):
        size = (floor - TEXT) * value / top
        left = index * step + BAR_GAP / 2
        if value:
            parts.append(_rectangle(left, floor - size, step - BAR_GAP, size, 3))
            parts.append(_text(left + (step - BAR_GAP) / 2, floor - size - 6, f"{value:g}"))
        if (len(values) - 1 - index) % every == 0:
            parts.append(_text(left + (step - BAR_GAP) / 2, height - 4, name))
    return _drawing("columns", width, height, label, parts)


def level(share: float, label: str, *, warning: float = 0.8, problem: float = 0.95) -> Markup:
    """How full something is, 0 to 1."""
    full = min(1.0, max(0.0, share))
    tone = "problem" if full >= problem else "warning" if full >= warning else ""
    parts = [_rectangle(0, 0, 100, 6, 0, "rest"), _rectangle(0, 0, full * 100, 6, 0, f"mark {tone}".strip())]
    return _drawing("level", 100, 6, label, parts, stretch=True)


def wear_map(cells: Sequence[int | None], bad: Sequence[int], label: str, *, columns: int = 32) -> Markup:
    """Blocks in rows, the more worn the darker (classes `wear-0` to `wear-7`); a bad one is a cross."""
    known = [count for count in cells if count is not None]
    low, high = min(known, default=0), max(known, default=0)
    places: dict[str, list[str]] = {}
    for cell, count in enumerate(cells):
        x, y = cell % columns * CELL, cell // columns * CELL
        if cell in bad:
            places.setdefault("bad", []).append(f"M{x + 2} {y + 2}l8 8m0-8l-8 8")
        elif count is not None:
            tone = min(WEAR_TONES - 1, WEAR_TONES * (count - low) // max(1, high - low + 1))
            places.setdefault(f"wear-{tone}", []).append(f"M{x} {y}h10v10h-10z")
    parts = [Markup('<path class="{}" d="{}"/>').format(tone, "".join(paths)) for tone, paths in sorted(places.items())]
    return _drawing("wear", columns * CELL - 2, max(1, -(-len(cells) // columns)) * CELL - 2, label, parts)


def forecast(
    past: Sequence[tuple[float, float]],
    limit: float,
    span: tuple[float, float, float],
    label: str,
    *,
    names: tuple[str, str],
    width: int = 360,
    height: int = 200,
) -> Markup:
    """How something grew and will grow until it reaches a limit.

    `past` are (years from now, value), the last one now; `span` the years in which the limit is reached at the
    earliest, most likely and at the latest; `names` what the limit and the present are called.
    """
    low, years, high = span
    start = min(0.0, past[0][0])
    end = max(min(high, 2 * years), low, 0.5)
    now, top, floor = past[-1][1], TEXT, height - TEXT

    def x(when: float) -> float:
        return width * (when - start) / (end - start)

    def y(value: float) -> float:
        return floor - (floor - top) * min(1.0, value / limit)

    def points(places: Sequence[tuple[float, float]]) -> str:
        return " ".join(f"{x(when):.1f},{y(value):.1f}" for when, value in places)

    slow = now + (limit - now) * min(1.0, end / high) if high else limit
    cone = [(0.0, now), (low, limit), (end, limit), (end, slow)]
    parts = [
        Markup('<polygon class="cone" points="{}"/>').format(points(cone)),
        Markup('<line x1="0" x2="{}" y1="{}" y2="{}"/>').format(width, floor, floor),
        Markup('<line class="limit" x1="0" x2="{}" y1="{}" y2="{}"/>').format(width, top, top),
        Markup('<polyline class="future" points="{}"/>').format(points([(0.0, now), (years, limit)])),
        Markup('<polyline class="past" points="{}"/>').format(points(past)),
        Markup('<circle class="mark" cx="{:.1f}" cy="{:.1f}" r="3.5"/>').format(x(0), y(now)),
        _text(0, top - 6, names[0], "start"),
        _text(x(0), height - 4, names[1], "start" if x(0) < 20 else "middle"),
    ]
    step = max(1, round(end / 5))
    years_shown = [year for year in range(step, int(end) + 1, step) if 40 < x(year) < width - 8]
    parts += [_text(x(year), height - 4, f"{year}") for year in years_shown]
    return _drawing("forecast", width, height, label, parts)


def _rectangle(x: float, y: float, width: float, height: float, round_: float, tone: str = "mark") -> Markup:
    return Markup('<rect class="{}" x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}" rx="{:.2f}"/>').format(
        tone, x, y, width, height, min(round_, height / 2)
    )


def _text(x: float, y: float, words: str, anchor: str = "middle") -> Markup:
    return Markup('<text x="{:.2f}" y="{:.2f}" text-anchor="{}">{}</text>').format(x, y, anchor, words)


def _drawing(
    kind: str, width: float, height: float, label: str, parts: Sequence[Markup], *, stretch: bool = False
) -> Markup:
    opening = Markup('<svg class="chart {}" viewBox="0 0 {:g} {:g}" role="img" aria-label="{}"{}>').format(
        kind, width, height, label, Markup(' preserveAspectRatio="none"') if stretch else ""
    )
    return opening + Markup("").join(map(escape, parts)) + Markup("</svg>")
