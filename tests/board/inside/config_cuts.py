"""Cut the power of the NOR flash under the configuration, in the midst of each erase and each write of a change.

    python -m tests.board.inside.config_cuts

A change erases and programs one copy and then the other. The power goes before the first byte, after it, in the midst
and before the last one of each of these four, and before every byte of a copy's header. Twice: with the copies repaired
after each cut, and with the next change following upon what the cut left.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Final

from appliance.storage.config import ConfigStore
from tests.board.inside import kept
from tests.board.inside.box_flash import BOX
from tests.board.inside.facts import Facts
from tests.board.inside.stores import Config, version
from tests.board.kept_flash import NOR_BYTES

_HEADER_BYTES: Final = 20
_BLOCK_BYTES: Final = 64 * 1024


def main() -> None:
    kept.plug_in(nor=NOR_BYTES)
    BOX.config.mkdir(parents=True)
    (BOX.config / "config.nor").symlink_to("/dev/mtd0")
    cuts: Counter[str] = Counter()
    acknowledged = 0
    assert Config(BOX).step(acknowledged)
    for repairing in (True, False):
        for turn in range(len(list(_instants(0)))):
            config = Config(BOX)
            after, copy, during = list(_instants(_length(acknowledged + 1)))[turn]
            kept.cut_after(after)
            assert config.step(acknowledged + 1) == (copy == "second"), "a change is durable once one copy is written"
            assert kept.is_cut(), f"there was no byte {after} of the change"
            kept.power_on()
            acknowledged += copy == "second"
            assert ConfigStore(BOX).read() == version(acknowledged), f"cut under the {during} of the {copy} copy"
            config.check(acknowledged)
            if repairing:
                ConfigStore(BOX).update(lambda _: None)
                assert ConfigStore(BOX).load().sound
            cuts[f"{during} of the {copy} copy"] += 1
    Facts()["cuts"] = cuts


def _instants(length: int) -> Iterator[tuple[int, str, str]]:
    """After how many bytes of a change to copies of this length to cut, and under what that is."""
    for copy, start in (("first", 0), ("second", _BLOCK_BYTES + length)):
        for after in (0, 1, _BLOCK_BYTES // 2, _BLOCK_BYTES - 1):
            yield start + after, copy, "erase"
        for after in (*range(_HEADER_BYTES), length // 2, length - 1):
            yield start + _BLOCK_BYTES + after, copy, "write"


def _length(number: int) -> int:
    """Bytes of a copy with that version of `Config`."""
    content = json.dumps(version(number), ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return _HEADER_BYTES + len(content.encode())


if __name__ == "__main__":
    main()
