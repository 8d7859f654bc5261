"""What the pages are drawn with: colours that can be read, nothing from elsewhere, and how values are written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from apiflask import APIFlask

from appliance.console.pages import frame

CONSOLE = Path(frame.__file__).parent.parent
STATIC = CONSOLE / "static"
LIGHT, NIGHT = 0, 1

# Text needs 4.5 to 1 against what it stands on, the outline of a control 3 to 1 (WCAG 2.2, AA).
GROUNDS = ("bg", "surface", "sunken")
TEXT = [(ink, ground) for ink in ("ink", "muted", "accent", "ok", "warning", "problem") for ground in GROUNDS]
ON_COLOUR = [
    ("on-accent", "accent"),
    ("on-accent", "accent-deep"),
    *((tone, f"{tone}-soft") for tone in ("accent", "ok", "warning", "problem")),
    *((ink, f"{tone}-soft") for ink in ("ink", "muted") for tone in ("accent", "ok", "warning", "problem")),
    ("ink", "raised"),
]


def palette() -> dict[str, tuple[str, str]]:
    source = (STATIC / "css" / "tokens.css").read_text()
    return {name: (day, night) for name, day, night in re.findall(r"--([\w-]+): light-dark\((#\w+), (#\w+)\)", source)}


def luminance(colour: str) -> float:
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("look", [LIGHT, NIGHT])
def test_text_can_be_read_on_every_ground(look: int) -> None:
    colours = palette()
    found = {pair: contrast(colours[pair[0]][look], colours[pair[1]][look]) for pair in TEXT + ON_COLOUR}
    assert {pair: round(value, 2) for pair, value in found.items() if value < 4.5} == {}


@pytest.mark.parametrize("look", [LIGHT, NIGHT])
def test_controls_can_be_seen(look: int) -> None:
    colours = palette()
    assert [ground for ground in GROUNDS if contrast(colours["edge"][look], colours[ground][look]) < 2.99] == []


def sources() -> Iterator[tuple[Path, str]]:
    for pattern in ("templates/*.html", "static/**/*.css", "static/**/*.js", "static/*.svg"):
        for path in CONSOLE.glob(pattern):
            yield path, path.read_text()


def test_nothing_comes_from_elsewhere() -> None:
    known = ("http://www.w3.org/", "https://NAME.local/")
    foreign = {
        path.name: found
        for path, source in sources()
        if (found := [url for url in re.findall(r"https?://[\w.]+/?", source) if not url.startswith(known)])
    }
    assert foreign == {}


def test_every_icon_that_is_used_is_drawn() -> None:
    drawn = set(re.findall(r'<symbol id="(\w+)"', (STATIC / "icons.svg").read_text()))
    used = {name for path, source in sources() for name in re.findall(r'icon\("(\w+)"', source)}
    used |= {
        "jobs",
        "avatars",
        "ok",
        "warning",
        "problem",
        "info",
        *re.findall(r'"/\w*", "(\w+)"', Path(frame.__file__).read_text()),
    }
    assert used <= drawn
    assert drawn - used == set()


def test_scripts_are_modules_that_find_each_other() -> None:
    scripts = STATIC / "js"
    for path in scripts.glob("*.js"):
        for other in re.findall(r'(?:from|import) "\./([\w.]+)"', path.read_text()):
            assert (scripts / other).is_file(), f"{path.name} imports {other}"
    named = {name for _, source in sources() for name in re.findall(r"js/([\w.]+\.js)", source)}
    named |= {name for _, source in sources() for name in re.findall(r'"\./([\w.]+)"', source)}
    assert {path.name for path in scripts.glob("*.js")} == named


@pytest.mark.parametrize(
    ("seconds", "written"), [(0, "0:00"), (59.9, "0:59"), (62, "1:02"), (3725, "1:02:05"), (None, "0:00")]
)
def test_lengths_are_written_as_players_do(seconds: float | None, written: str) -> None:
    assert frame.clock(seconds) == written


@pytest.mark.parametrize(
    ("count", "written"), [(0, "0 B"), (999, "999 B"), (1500, "2 kB"), (2_048_000_000, "2.0 GB"), (5e12, "5.0 TB")]
)
def test_sizes_are_written_in_powers_of_ten(count: float, written: str) -> None:
    assert frame.size(count) == written


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("there is no microphone", "There is no microphone."),
        ("give `--face 2`, or <crop> it", "Give <code>--face 2</code>, or &lt;crop&gt; it."),
        ("notes.wav is empty", "notes.wav is empty."),
        ("没有麦克风", "没有麦克风。"),
        ("an odd ` quote", "An odd ` quote."),
        ("", ""),
    ],
)
def test_messages_become_sentences(given: str, written: str) -> None:
    assert str(frame.sentence(given)) == written


def test_moments_are_the_more_exact_the_nearer(app: APIFlask) -> None:
    import time

    now = time.time()
    with app.test_request_context():
        assert ">just now<" in frame.when(now)
        assert ">a minute ago<" in frame.when(now - 70)
        assert ">12 minutes ago<" in frame.when(now - 730)
        assert re.search(r">\d+ \w{3}( \d{4})? \d\d:\d\d<", frame.when(now - 3 * 86400))
        assert frame.when(None) == "–"
