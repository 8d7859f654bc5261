from __future__ import annotations

import zstandard

from appliance.storage.logs import block
from appliance.storage.logs.record import Record


def a_block(sequence: int, first_id: int, count: int = 3) -> bytes:
    records = [
        Record(first_id + n, 100.0 + first_id - n, "ERROR" if n == 1 else "INFO", "part", f"message {n} 你好")
        for n in range(count)
    ]
    return block.encode(sequence, records, [one.line() for one in records], zstandard.ZstdCompressor())


def test_a_block_comes_back_with_its_records_and_its_bounds() -> None:
    (found,) = block.scan(a_block(7, 40))
    assert (found.sequence, found.first_id, found.last_id) == (7, 40, 42)
    assert (found.earliest, found.latest, found.severity) == (138.0, 140.0, 40)
    assert [record.message for record in found.records()] == ["message 0 你好", "message 1 你好", "message 2 你好"]


def test_blocks_are_found_whatever_lies_between_them() -> None:
    torn = a_block(9, 70)[:-1]
    data = b"MPL1" + a_block(1, 1) + b"\0" * 50 + torn + a_block(2, 10) + b"MPMPL1MPL1" + a_block(3, 20) + torn[:30]
    assert [found.sequence for found in block.scan(data)] == [1, 2, 3]


def test_cut_at_any_byte_only_the_torn_block_is_missing() -> None:
    whole = [a_block(n, n * 10) for n in range(1, 4)]
    data = b"".join(whole)
    ends = [sum(map(len, whole[: n + 1])) for n in range(3)]
    for cut in range(len(data) + 1):
        assert [found.sequence for found in block.scan(data[:cut])] == [n + 1 for n in range(3) if ends[n] <= cut]


def test_whatever_byte_is_garbled_no_wrong_record_is_read_and_the_others_are_found() -> None:
    whole = [a_block(n, n * 10) for n in range(1, 4)]
    data = b"".join(whole)
    expected = {n: list(block.scan(whole[n - 1]))[0].records() for n in range(1, 4)}  # noqa: RUF015  all are unpacked
    for at in range(len(data)):
        garbled = data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]
        hit = 1 + sum(at >= sum(map(len, whole[: n + 1])) for n in range(3))
        found = {one.sequence: one.records() for one in block.scan(garbled)}
        assert found == {n: records for n, records in expected.items() if n != hit}, at
