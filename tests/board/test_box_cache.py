"""The box's cache knows the NAND that it lies on, and fills its volume without ever finding it full."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.storage import wear_model
from appliance.storage.budget import Chip
from tests.board.guest import Guest, missing

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing()), reason=missing() or "-")]

BLOCKS = 512


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return Guest(tmp_path_factory.mktemp("cache")).run_inside("box_cache", timeout_s=600).facts()


def test_its_segments_and_its_budget_are_those_of_the_chip(facts: dict[str, Any]) -> None:
    assert facts["leb"] == 131072 - 2048, "it can write a quarter of a page"
    assert 7 * facts["leb"] < facts["opened"]["segment_bytes"] <= 8 * facts["leb"]
    new = wear_model.daily_budget(Chip(BLOCKS, 131072, wear_model.RATED_CYCLES))
    assert 0.99 * new < facts["opened"]["budget_bytes_per_day"] <= new


def test_it_fills_its_volume_and_never_finds_it_full(facts: dict[str, Any]) -> None:
    capacity = facts["opened"]["capacity_bytes"]
    assert capacity == round(0.9 * facts["volume"])
    assert facts["full"]["stored_bytes"] > 0.9 * capacity
    assert (facts["full"]["write_errors"], facts["full"]["problem"]) == (0, "")


def test_all_of_it_is_there_when_it_is_opened_again(facts: dict[str, Any]) -> None:
    again, stored, damaged = facts["again"]
    assert again == stored > 100
    assert damaged == 0
