"""Records for the tests of logs."""

from __future__ import annotations

import random
from collections.abc import Iterator

from appliance.storage.logs import Record


def messages(records: Iterator[Record] | list[Record]) -> list[str]:
    return [record.message for record in records]


def noise(seed: int, length: int) -> str:
    """Text that does not compress."""
    return random.Random(seed).randbytes(length).hex()  # noqa: S311
