"""What of bitbake's output counts against the layer."""

from __future__ import annotations

import re

from tools.yocto import check

OTHERS = "WARNING: /layers/meta-rockchip/recipes-core/abd.bb: Recipe inherits features_check but doesn't use it\n"
ABOUT_OURS = "WARNING: /src/yocto-layer/meta-mouthpiece/recipes-core/x.bb: no LICENSE\n"
NAMED_OURS = "WARNING: mouthpiece-runtime-0.1.0-r0 do_fetch: Failed to fetch\n"
ERROR = "ERROR: Nothing PROVIDES 'python3-nowhere'\n"


def test_warnings_about_other_layers_are_theirs() -> None:
    assert check.complaints(f"NOTE: fine\n{OTHERS}", check.ours()) == []


def test_warnings_about_ours_and_every_error_count() -> None:
    said = OTHERS + ABOUT_OURS + NAMED_OURS + ERROR
    assert check.complaints(said, check.ours()) == [line.strip() for line in (ABOUT_OURS, NAMED_OURS, ERROR)]


def test_recipes_of_ours_are_known_by_name() -> None:
    assert {"mouthpiece-runtime", "mouthpiece-image", "python3-av"} <= set(check.ours())


CHECKED = """INFO: setUpClass (bsp.BSPCheckLayer)
INFO:  ... skipped "BSPCheckLayer: Layer meta-mouthpiece isn't BSP one."
INFO: test_parse (common.CommonCheckLayer.test_parse)
INFO:  ... ok
INFO: test_world (common.CommonCheckLayer.test_world)
INFO:  ... ERROR
INFO: Traceback (most recent call last):
"""


def test_the_outcome_of_every_test_of_the_checker_is_read() -> None:
    assert check.outcomes(CHECKED) == {
        "BSPCheckLayer": "skipped",
        "CommonCheckLayer.test_parse": "ok",
        "CommonCheckLayer.test_world": "ERROR",
    }


TASKS = r"""digraph depends {
"bison-native.do_compile" [label="bison-native do_compile\n:3.8-r0\nvirtual:native:/layers/meta/recipes-devtools/bison/bison_3.8.bb"]
"mouthpiece-image.do_build" [label="mouthpiece-image do_build\n:1.0-r0\n/src/recipes-mouthpiece/images/mouthpiece-image.bb"]
"bison-native.do_compile" -> "bison-native.do_configure"
}
"""  # noqa: E501


def test_the_checkers_world_is_what_the_graph_takes() -> None:
    mask, *excluded = check.world(TASKS).splitlines()
    masked = re.compile(mask.split('"')[1]).search
    taken = ("recipes-devtools/bison/bison_3.8.bb", "images/mouthpiece-image.bb", "images/mouthpiece-image.bbappend")
    assert not any(masked(f"/layers/{path}") for path in taken)
    assert masked("/layers/recipes-devtools/bison-more/bison-more_1.0.bb")
    assert 'EXCLUDE_FROM_WORLD:pn-bison = "1"' in excluded
    assert not [line for line in excluded if "mouthpiece-image" in line]
