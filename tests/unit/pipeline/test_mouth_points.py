"""The points of a mouth go where a person puts them, their neighbours follow, the rest stays; nonsense is refused."""

from __future__ import annotations

import numpy as np
import pytest

from appliance.errors import InputError
from appliance.pipeline import mouth_points
from appliance.pipeline.face_frame import FaceFrame
from appliance.pipeline.landmarks import GROUPS, Points
from appliance.pipeline.mouth_points import INDEX, Named, displacement, in_frame, merged, named
from tests import faces

SIZE = (4096, 4096)
LIPS = [GROUPS[f"lips_{lip}_{edge}"] for lip in ("upper", "lower") for edge in ("outer", "inner")]


@pytest.fixture(params=["drawn", "smiling"])
def points(request: pytest.FixtureRequest) -> Points:
    return faces.BOTH[request.param]().points


def shifted(points: Points, name: str, along: float, down: float) -> Named:
    """One point moved by shares of the mouth's width."""
    frame = FaceFrame.of(points)
    step = frame.turned(np.array([along, down]) * frame.mouth)
    return {name: (points[INDEX[name]] + step).tolist()}


def test_seventeen_points_go_round_the_lips(points: Points) -> None:
    assert len(INDEX) == len(set(INDEX.values())) == 17
    shown = named(points)
    assert list(shown) == list(INDEX)
    frame = FaceFrame.of(points)
    for edge in ("outer", "inner"):
        ring = frame.local(np.array([place for name, place in shown.items() if name.startswith(edge)], np.float32))
        area = 0.5 * sum(a[0] * b[1] - a[1] * b[0] for a, b in zip(ring, np.roll(ring, -1, 0), strict=True))
        assert area > -1e-3, "clockwise on a screen; closed lips have no area within"
    assert shown["outer_corner_right"][0] < shown["inner_corner_right"][0] < shown["inner_upper"][0]
    assert shown["outer_upper"][1] < shown["inner_upper"][1] <= shown["inner_lower"][1] < shown["outer_lower"][1]
    assert shown["chin"][1] > shown["outer_lower"][1]


@pytest.mark.parametrize("name", list(INDEX))
def test_a_moved_point_is_where_it_was_put_and_the_rest_of_the_face_stays(points: Points, name: str) -> None:
    moved = shifted(points, name, 0.03, 0.02)
    moves = displacement(points, moved)
    assert moves[INDEX[name]] == pytest.approx(np.subtract(moved[name], points[INDEX[name]]), abs=1e-3)
    lips = set(np.concatenate(LIPS).tolist())
    others = set(np.flatnonzero(np.abs(moves).max(1)).tolist()) - lips
    jaw = set(np.concatenate([GROUPS["jaw"], GROUPS["chin_crease"]]).tolist())
    assert others <= jaw if name == "chin" else not others
    if name == "chin":
        assert not moves[list(lips)].any()


def test_neighbours_follow_and_follow_less_the_farther_they_are(points: Points) -> None:
    moves = np.linalg.norm(displacement(points, shifted(points, "outer_corner_left", 0.08, 0.0)), axis=1)
    chain = moves[GROUPS["lips_upper_outer"]]
    assert (np.diff(chain[7:]) > 0).all(), "towards the corner ever more"
    assert chain[6] < 0.1 * chain[10]
    assert chain[9] > 0.4 * chain[10]
    assert moves[INDEX["inner_corner_left"]] > 0.6 * chain[10]
    assert moves[INDEX["outer_corner_right"]] == moves[INDEX["outer_upper"]] == 0


def test_two_points_pulled_apart_both_arrive(points: Points) -> None:
    moved = shifted(points, "inner_upper", 0, -0.04) | shifted(points, "inner_lower", 0, 0.05)
    moves = displacement(points, moved)
    for name, place in moved.items():
        assert points[INDEX[name]] + moves[INDEX[name]] == pytest.approx(place, abs=1e-3)
    frame = FaceFrame.of(points)
    assert np.linalg.norm(moves, axis=1).max() < 0.08 * frame.mouth, "and nothing between them is flung away"


def test_nothing_moved_moves_nothing(points: Points) -> None:
    assert not displacement(points, {}).any()


def test_points_add_up_and_are_free_again_where_they_were_found(points: Points) -> None:
    first = merged({}, shifted(points, "chin", 0, 0.05), points, size=SIZE)
    both = merged(first, shifted(points, "inner_upper", 0.02, 0), points, size=SIZE)
    assert list(both) == ["chin", "inner_upper"]
    again = merged(both, shifted(points, "chin", 0, 0.1), points, size=SIZE)
    assert again["chin"] != both["chin"]
    assert again["inner_upper"] == both["inner_upper"]
    rounded = {name: [round(x, 1), round(y, 1)] for name, (x, y) in named(points).items()}
    assert merged(again, {"chin": rounded["chin"]}, points, size=SIZE).keys() == {"inner_upper"}
    assert merged(again, rounded, points, size=SIZE) == {}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"nose": [100, 100]}, "no point 'nose'"),
        ({"chin": [-1, 100]}, "outside the picture"),
        ({"chin": [100, 5000]}, "outside the picture"),
        ({"chin": [float("nan"), 100]}, "outside the picture"),
        ({"chin": [100]}, "outside the picture"),
        ({"chin": [1, 1]}, "pixels from where it was found"),
    ],
)
def test_refuses_what_is_no_place_for_a_point(given: Named, words: str) -> None:
    with pytest.raises(InputError, match=words) as error:
        merged({}, given, faces.drawn().points, size=SIZE)
    assert error.value.hint


@pytest.mark.parametrize(
    ("moved", "words"),
    [
        ({"outer_upper": (0, 0.25), "inner_upper": (0, -0.01)}, "upper lip cross"),
        ({"inner_upper": (0, 0.15), "inner_lower": (0, -0.2)}, "opening cross"),
        ({"inner_lower": (0, 0.35), "outer_lower": (0, 0.01)}, "lower lip cross"),
        ({"outer_corner_left": (-0.5, 0)}, "runs backwards"),
    ],
)
def test_refuses_a_mouth_turned_inside_out(points: Points, moved: dict[str, tuple[float, float]], words: str) -> None:
    given: Named = {}
    for name, way in moved.items():
        given |= shifted(points, name, *way)
    with pytest.raises(InputError, match=words) as error:
        displacement(points, given)
    assert "upper lip above the lower" in error.value.hint


def test_in_another_frame_it_turns_and_grows_with_the_face(points: Points) -> None:
    moves = displacement(points, shifted(points, "outer_corner_left", 0.05, -0.03))
    angle, scale = 0.3, 1.7
    turn = scale * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]], np.float32)
    other = (points @ turn + (40, -7)).astype(np.float32)
    there = in_frame(moves, FaceFrame.of(points), FaceFrame.of(other))
    assert there == pytest.approx(moves @ turn, abs=0.02)


def test_every_name_is_one_that_a_page_can_group_by_edge() -> None:
    assert all(name.startswith(("outer_", "inner_")) or name == "chin" for name in mouth_points.INDEX)
