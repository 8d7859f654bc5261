"""Charts are well-formed SVG that says what it shows, with nothing that the console's policy forbids."""

from __future__ import annotations

from xml.etree.ElementTree import Element, fromstring

import pytest
from markupsafe import Markup

from appliance.console import charts


def parsed(drawing: Markup) -> Element:
    return fromstring(str(drawing))  # noqa: S314  our own drawing


def test_a_waveform_has_a_bar_for_each_peak_round_its_middle() -> None:
    drawing = parsed(charts.waveform([0.0, 0.5, 1.0, 2.0], "Waveform", height=100))
    heights = [float(bar.attrib["height"]) for bar in drawing]
    assert heights == [2, 50, 100, 100]
    assert all(float(bar.attrib["y"]) + float(bar.attrib["height"]) / 2 == 50 for bar in drawing)


def test_columns_are_as_high_as_their_values() -> None:
    drawing = parsed(charts.columns([("a", 1), ("b", 0), ("c", 4)], "Some"))
    heights = [float(bar.attrib["height"]) for bar in drawing.iter("rect")]
    assert len(heights) == 2
    assert heights[1] == pytest.approx(4 * heights[0])
    assert [text.text for text in drawing.iter("text")] == ["1", "a", "b", "4", "c"]


def test_names_are_left_out_where_there_is_no_room_but_never_the_last() -> None:
    drawing = parsed(charts.columns([(f"day {day}", 0) for day in range(40)], "Days"))
    names = [text.text for text in drawing.iter("text")]
    assert names[-1] == "day 39"
    assert len(names) < 10


@pytest.mark.parametrize(
    ("share", "width", "tone"),
    [(0.5, 50, "mark"), (0.9, 90, "mark warning"), (7, 100, "mark problem"), (-1, 0, "mark")],
)
def test_a_level_is_as_long_as_it_is_full(share: float, width: float, tone: str) -> None:
    bar = parsed(charts.level(share, "Disk"))[1]
    assert (float(bar.attrib["width"]), bar.attrib["class"]) == (width, tone)


def test_a_wear_map_has_a_square_for_each_sound_block_and_a_cross_for_each_bad_one() -> None:
    paths = {path.attrib["class"]: path.attrib["d"] for path in parsed(charts.wear_map([1, 9, None, 5, 1], [2], "Map"))}
    assert {name: d.count("M") for name, d in paths.items()} == {"wear-0": 2, "wear-3": 1, "wear-7": 1, "bad": 1}
    assert "l8 8m0-8l-8 8" in paths["bad"]


def test_blocks_that_are_all_alike_are_all_light() -> None:
    assert [path.attrib["class"] for path in parsed(charts.wear_map([7] * 40, [], "Map"))] == ["wear-0"]


def test_a_forecast_reaches_its_limit_in_its_years() -> None:
    drawing = parsed(
        charts.forecast([(-1, 0), (0, 25)], 100, (2, 5, 8), "Later", names=("worn out", "now"), width=1100, height=240)
    )
    future, past = (line.attrib["points"].split() for line in drawing.iter("polyline"))
    assert past == ["0.0,220.0", f"{future[0]}"]
    assert future == ["122.2,170.0", "733.3,20.0"]
    (cone,) = (shape.attrib["points"].split() for shape in drawing.iter("polygon"))
    assert cone[1:3] == ["366.7,20.0", "1100.0,20.0"]
    assert [text.text for text in drawing.iter("text")][:2] == ["worn out", "now"]


@pytest.mark.parametrize("span", [(0, 0, 0), (0.1, 0.2, 0.3), (100, 100, 100)])
def test_a_forecast_of_nothing_and_of_for_ever_is_drawn(span: tuple[float, float, float]) -> None:
    drawing = charts.forecast([(0, 10)], 10, span, "Later", names=("worn out", "now"))
    assert "nan" not in drawing
    assert len(list(parsed(drawing).iter("polygon"))) == 1


def test_empty_charts_are_drawn() -> None:
    assert len(parsed(charts.waveform([], "Nothing"))) == 0
    assert [part.tag for part in parsed(charts.columns([], "Nothing"))] == ["line"]


@pytest.mark.parametrize(
    "drawing",
    [
        charts.wear_map([1], [], 'a "<b>'),
        charts.forecast([(0, 1)], 2, (1, 2, 3), 'a "<b>', names=("<i>", "<i>")),
        charts.waveform([1], 'a "<b>'),
        charts.columns([("<i>", 1)], 'a "<b>'),
        charts.level(1, 'a "<b>'),
    ],
)
def test_whatever_they_are_called_they_are_whole_and_say_so(drawing: Markup) -> None:
    root = parsed(drawing)
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"] == 'a "<b>'
    assert "style" not in drawing
