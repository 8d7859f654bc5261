from __future__ import annotations

from typing import Any

import pytest

from appliance.console import generation
from appliance.errors import InputError
from appliance.pipeline.options import DEFAULTS, Options


def test_the_defaults_are_accepted_and_null_leaves_the_choice_to_the_worker() -> None:
    checked = generation.checked(DEFAULTS)
    assert checked == {name: value for name, value in DEFAULTS.items() if value is not None}
    assert Options.of(checked) == Options()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fps", 4.9), ("fps", 61), ("fps", "25"), ("fps", True), ("fps", float("nan")), ("fps", float("inf")),
        ("min_resolution", 512.5), ("seed", -1), ("seed", 2**32), ("smooth_motion", 1), ("smooth_motion", "yes"),
        ("nonsense", 1), ("dynamic_scale", [1]), ("motion_scale", {}), ("offset_ms", 10**400),
    ],
)  # fmt: skip
def test_what_the_pipeline_would_refuse_is_refused_with_the_range(name: str, value: Any) -> None:
    with pytest.raises(InputError, match=name) as refused:
        generation.checked({name: value})
    assert refused.value.hint
    with pytest.raises(InputError):
        Options.of({name: value})
