"""Generation options: defaults hold, every range is kept, every refusal names the option and what it may be."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.errors import InputError
from appliance.pipeline.options import DEFAULTS, RANGES, SWITCHES, Options

NAMES = sorted(RANGES)
WHOLE = {"min_resolution", "inference_steps", "seed"}


def test_the_table_names_every_option_with_its_meaning() -> None:
    assert set(RANGES) | set(SWITCHES) == {field.name for field in fields(Options)} == set(DEFAULTS)
    assert all(allowed.meaning for allowed in RANGES.values())
    assert all(SWITCHES.values())


def test_defaults_are_accepted() -> None:
    assert Options() == Options.of({}) == Options.of(DEFAULTS)


@pytest.mark.parametrize("name", NAMES)
def test_both_ends_of_a_range_are_accepted(name: str) -> None:
    low, high = RANGES[name].low, RANGES[name].high
    for value in (low, high):
        given_value = int(value) if name in WHOLE else value
        assert getattr(Options.of({name: given_value}), name) == given_value


def refusal(name: str, value: Any) -> InputError:
    with pytest.raises(InputError) as error:
        Options.of({name: value})
    assert name in error.value.message
    assert f"{RANGES[name].low:g}" in error.value.hint
    assert RANGES[name].meaning in error.value.hint
    return error.value


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=20, deadline=None)
@given(st.data())
def test_what_is_out_of_range_is_refused(name: str, data: st.DataObject) -> None:
    allowed = RANGES[name]
    if name in WHOLE:
        value: float = data.draw(
            st.integers(max_value=int(allowed.low) - 1, min_value=-(10**15))
            | st.integers(int(allowed.high) + 1, 10**15)
        )
    else:
        value = data.draw(
            st.floats(max_value=allowed.low, exclude_max=True) | st.floats(min_value=allowed.high, exclude_min=True)
        )
    refusal(name, value)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [math.nan, "1", [1], True, 1 + 2j], ids=repr)
def test_what_is_no_number_is_refused(name: str, value: Any) -> None:
    assert "number" in refusal(name, value).message


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_what_must_be_whole_is_not_rounded(name: str) -> None:
    assert "whole" in refusal(name, RANGES[name].low + 0.5).message


@pytest.mark.parametrize("name", sorted(WHOLE | {"expand_ratio", "fps"}))
def test_a_huge_whole_number_is_refused_like_any_other(name: str) -> None:
    refusal(name, 10**400)


@pytest.mark.parametrize("name", sorted(SWITCHES))
@pytest.mark.parametrize("value", ["yes", 1, None])
def test_a_switch_is_on_or_off(name: str, value: Any) -> None:
    with pytest.raises(InputError) as error:
        Options.of({name: value})
    assert name in error.value.message


@pytest.mark.parametrize("name", sorted(name for name in NAMES if DEFAULTS[name] is not None))
def test_an_option_with_a_default_cannot_be_none(name: str) -> None:
    refusal(name, None)


def test_an_unknown_name_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(InputError) as error:
        Options.of({"dynamic_scale": 1.0, "dynamics_scale": 1.0})
    assert "dynamics_scale" in error.value.message
    assert all(name in error.value.hint for name in DEFAULTS)
