from __future__ import annotations

import json

import pytest

from appliance.storage.logs.record import MAX_LINE, Query, Record, from_line, severity

SOME = Record(5, 100.0, "WARNING", "jobs.worker", "words")


@pytest.mark.parametrize("fields", [None, {"job": "01j", "n": [1, 2.5, None, True], "名": "值"}])
def test_a_record_comes_back_from_its_line(fields: dict[str, object] | None) -> None:
    record = Record(2**60, 1.5, "INFO", "render", 'two\nlines, "quoted" 口型\u2028', fields)
    assert b"\n" not in record.line()
    assert from_line(record.line()) == record


def test_what_json_does_not_know_is_written_as_text() -> None:
    line = Record(1, 0.0, "INFO", "p", "bad name \udcff", {"path": SOME, (1, 2): "gone"}).line()  # type: ignore[dict-item]
    assert json.loads(line.decode("utf-8"))[4] == "bad name \udcff"
    assert from_line(line).fields == {"path": str(SOME)}


@pytest.mark.parametrize("message", ["x" * MAX_LINE, "口" * MAX_LINE, "\0" * MAX_LINE])
def test_a_line_is_never_longer_than_promised(message: str) -> None:
    record = Record(1, 0.0, "INFO", "p" * 9000, message, {"a": "b" * MAX_LINE})
    fitted = record.fitted()
    assert len(fitted.line()) <= MAX_LINE
    assert fitted.message.endswith("(cut)")
    assert fitted.message.startswith(message[:1000])
    assert SOME.fitted() is SOME


def test_levels_rank_and_an_unknown_one_counts_as_info() -> None:
    ranks = [severity(level) for level in ("debug", "INFO", "warning", "ERROR", "CRITICAL")]
    assert ranks == sorted(set(ranks))
    assert severity("chatty") == severity("INFO")


@pytest.mark.parametrize(
    "query",
    [
        Query(),
        Query(since=100.0),
        Query(until=100.001),
        Query(after=4),
        Query(level="info"),
        Query(level="WARNING"),
        Query(part="jobs"),
        Query(part="jobs.worker"),
        Query(since=99, until=101, after=1, level="INFO", part="jobs"),
    ],
)
def test_what_is_asked_for_matches(query: Query) -> None:
    assert query.matches(SOME)


@pytest.mark.parametrize(
    "query",
    [
        Query(since=100.001),
        Query(until=100.0),
        Query(after=5),
        Query(level="ERROR"),
        Query(part="job"),
        Query(part="jobs.work"),
        Query(part="jobs.worker.lane"),
        Query(since=99, until=101, after=1, level="INFO", part="console"),
    ],
)
def test_what_is_not_asked_for_does_not_match(query: Query) -> None:
    assert not query.matches(SOME)
