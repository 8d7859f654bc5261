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


def _rectangle(x: float, y: float, width: float, height: float, round_: float, tone: str = "mark") -> Markup:
    return Markup('<rect class="{}" x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}" rx="{:.2f}"/>').format(
        tone, x, y, width, height, min(round_, height / 2)
    )


def _text(x: float, y: float, words: str) -> Markup:
    return Markup('<text x="{:.2f}" y="{:.2f}" text-anchor="middle">{}</text>').format(x, y, words)


def _drawing(
    kind: str, width: float, height: float, label: str, parts: Sequence[Markup], *, stretch: bool = False
) -> Markup:
    opening = Markup('<svg class="chart {}" viewBox="0 0 {:g} {:g}" role="img" aria-label="{}"{}>').format(
        kind, width, height, label, Markup(' preserveAspectRatio="none"') if stretch else ""
    )
    return opening + Markup("").join(map(escape, parts)) + Markup("</svg>")
