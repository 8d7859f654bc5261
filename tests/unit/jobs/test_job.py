"""What a valid request is."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.errors import InputError
from appliance.jobs.job import ID, LANES, check_request, new_id

U = "a" * 20
GOOD: list[tuple[str, dict[str, Any]]] = [
    ("render", {"avatar": "demo", "audio": {"upload": U}}),
    ("render", {"avatar": {"upload": U}, "audio": {"upload": U}, "face": 2, "options": {"seed": 1}}),
    ("render", {"avatar": "demo", "audio": {"upload": U}, "face": None}),
    ("enroll", {"name": "anna", "upload": U, "face": None, "replace": True}),
    ("adjust", {"avatar": "anna", "points": {"chin": [1, 2.5]}}),
    ("inspect", {"upload": U}),
    ("sheet", {"avatar": "demo"}),
]
BAD: list[tuple[str, dict[str, Any], str]] = [
    ("bake", {}, "bake"),
    ("render", {"avatar": "demo"}, "audio"),
    ("render", {"avatar": "demo", "audio": U}, "audio"),
    ("render", {"avatar": "demo", "audio": {"upload": "../../etc/passwd"}}, "audio"),
    ("render", {"avatar": {"upload": U, "x": 1}, "audio": {"upload": U}}, "avatar"),
    ("render", {"avatar": "", "audio": {"upload": U}}, "avatar"),
    ("render", {"avatar": "demo", "audio": {"upload": U}, "face": 0}, "face"),
    ("render", {"avatar": "demo", "audio": {"upload": U}, "face": True}, "face"),
    ("render", {"avatar": "demo", "audio": {"upload": U}, "options": []}, "options"),
    ("render", {"avatar": "demo", "audio": {"upload": U}, "out": "/etc/passwd"}, "out"),
    ("enroll", {"name": "anna", "upload": U, "replace": "yes"}, "replace"),
    ("adjust", {"avatar": "anna", "points": {"chin": [1]}}, "points"),
    ("adjust", {"avatar": "anna", "points": {"chin": [1, float("inf")]}}, "points"),
    ("adjust", {"avatar": "anna", "points": [[1, 2]]}, "points"),
    ("inspect", {"upload": U.upper()}, "upload"),
]


@pytest.mark.parametrize(("kind", "spec"), GOOD)
def test_a_request_of_the_right_shape_passes(kind: str, spec: dict[str, Any]) -> None:
    check_request(kind, spec, "a title")
    assert kind in LANES


@pytest.mark.parametrize(("kind", "spec", "word"), BAD)
def test_any_other_is_refused_by_name(kind: str, spec: dict[str, Any], word: str) -> None:
    with pytest.raises(InputError, match=word):
        check_request(kind, spec, "")


def test_a_title_without_end_is_refused() -> None:
    with pytest.raises(InputError, match="title"):
        check_request("inspect", {"upload": U}, "x" * 1000)


def test_ids_may_name_files_and_do_not_repeat() -> None:
    ids = {new_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(ID.fullmatch(one) for one in ids)
