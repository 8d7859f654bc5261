"""The stores of a box on flash whose power is cut 314 times, each cut certain.

The log, the job database and the cache lie on UBIFS on a simulated NAND, and the kernel cuts: UBI at its headers and
UBIFS at its nodes. After every cut the chip is attached again, and the program in the guest looks at all three stores:
nothing acknowledged is lost, nothing wrong is served. The configuration lies on a raw NOR (`kept_flash`) that is cut to
the byte: it is the old one or the new.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.board import kept_flash
from tests.board.guest import Guest, missing

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing("ubiattach")), reason=missing("ubiattach") or "-")]

HEADER_CUTS, NODE_CUTS = 60, 10
"""Under each store."""


CONFIG_CUTS = {
    f"{during} of the {copy} copy": 2 * instants
    for copy in ("first", "second")
    for during, instants in (("erase", 4), ("write", 22))
}
"""Under the configuration: with a repair after each and without."""


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    guest = Guest(tmp_path_factory.mktemp("guest"))
    return guest.run_inside(f"power_cuts {HEADER_CUTS} {NODE_CUTS}", timeout_s=1800).facts()


@pytest.mark.parametrize("store", ["logs", "jobs", "cache"])
def test_a_store_loses_nothing_acknowledged_to_power_cuts(facts: dict[str, Any], store: str) -> None:
    cuts = {kind: count for kind, count in facts["cuts"].items() if kind.startswith(store)}
    assert cuts == {
        f"{store}: erase counter header": HEADER_CUTS // 2,
        f"{store}: volume identifier header": HEADER_CUTS // 2,
        f"{store}: UBIFS node": NODE_CUTS,
    }


def test_the_cache_does_not_begin_from_nothing_after_a_cut(facts: dict[str, Any]) -> None:
    found = facts["found"]
    assert len(found) > 3 * (HEADER_CUTS + NODE_CUTS)
    assert sum(items > 10 for items in found) > len(found) * 3 // 4


@pytest.mark.skipif(bool(kept_flash.missing()), reason=kept_flash.missing() or "-")
def test_a_cut_leaves_the_old_configuration_or_the_new(tmp_path: Path) -> None:
    guest = Guest(tmp_path / "guest")
    shutil.copy(kept_flash.module(tmp_path / "module"), guest.out)
    assert guest.run_inside("config_cuts", timeout_s=600).facts()["cuts"] == CONFIG_CUTS
    assert sum(CONFIG_CUTS.values()) + 3 * (HEADER_CUTS + NODE_CUTS) == 314
