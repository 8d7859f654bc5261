from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from appliance.supervisor.states import KEPT, States


def names(events: list[tuple[int, dict[str, Any]]]) -> list[str]:
    return [event["name"] for _, event in events]


def test_somebody_new_gets_the_latest_of_everything_and_nothing_that_is_over() -> None:
    states = States()
    states.publish("a", {"n": 1})
    states.publish("b", {"n": 2})
    states.publish("a", {"n": 3})
    states.publish("b", None)
    assert [event["value"] for _, event in states.since(0)] == [{"n": 3}]
    assert states.all() == {"a": {"n": 3}}


def test_an_event_id_leads_on_from_where_the_reader_was() -> None:
    states = States()
    states.publish("a", {"n": 1})
    (_, first), *_ = states.since(0)
    states.publish("b", {"n": 2})
    states.publish("a", None)
    seen = states.seen(first["id"])
    assert names(states.since(seen)) == ["b", "a"]
    assert states.since(seen)[1][1]["value"] is None


def test_ids_of_other_times_and_nonsense_start_from_the_whole() -> None:
    states = States()
    states.publish("a", {})
    (_, event), *_ = states.since(0)
    epoch = event["id"].split("-")[0]
    for other in (None, "", "x", "-", "00000000-1", f"{epoch}-", f"{epoch}-x", f"{epoch}--1", f"{epoch}-²"):
        assert states.seen(other) == 0
    assert states.seen(f"{epoch}-99") == 1


def test_two_supervisors_have_different_epochs() -> None:
    ids = set()
    for _ in range(2):
        states = States()
        states.publish("a", {})
        ids.add(states.since(0)[0][1]["id"])
    assert len(ids) == 2


def test_old_jobs_are_forgotten_and_nothing_else() -> None:
    states = States()
    states.publish("worker", {})
    for number in range(2 * KEPT):
        states.publish(f"job:{number}", {})
    kept = names(states.since(0))
    assert len(kept) == KEPT
    assert kept[0] == "worker"
    assert kept[-1] == f"job:{2 * KEPT - 1}"


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.none() | st.integers(0, 9)), max_size=40),
    st.lists(st.integers(0, 40), max_size=6),
)
def test_a_reader_who_looks_at_any_times_ends_with_the_true_values(
    published: list[tuple[str, int | None]], looks: list[int]
) -> None:
    states, truth, seen = States(), dict[str, Any](), 0
    known: dict[str, Any] = {}

    def look() -> None:
        nonlocal seen
        for number, event in states.since(seen):
            assert number > seen
            seen = number
            if event["value"] is None:
                known.pop(event["name"], None)
            else:
                known[event["name"]] = event["value"]

    for step, (name, n) in enumerate(published):
        states.publish(name, None if n is None else {"n": n})
        if n is None:
            truth.pop(name, None)
        else:
            truth[name] = {"n": n}
        if step in looks:
            look()
            assert known == truth
    look()
    assert known == truth
