from __future__ import annotations

from appliance.supervisor.backoff import Backoff, Policy, Verdict

POLICY = Policy(first_s=1, longest_s=6, limit=5, window_s=100, pause_s=300, longest_pause_s=1000)


def test_each_failure_waits_twice_as_long_up_to_the_longest() -> None:
    backoff = Backoff(POLICY)
    assert [backoff.failed(float(now), 0) for now in range(4)] == [Verdict(wait, False) for wait in (1, 2, 4, 6)]


def test_the_fifth_failure_within_the_window_degrades() -> None:
    backoff = Backoff(POLICY)
    verdicts = [backoff.failed(float(now), 0) for now in range(5)]
    assert [verdict.degraded for verdict in verdicts] == [False] * 4 + [True]
    assert verdicts[-1].wait_s == 300


def test_failures_far_apart_never_degrade() -> None:
    backoff = Backoff(POLICY)
    assert {backoff.failed(now * 101.0, 0) for now in range(50)} == {Verdict(1, False)}


def test_each_failed_trial_doubles_the_pause_up_to_the_longest() -> None:
    backoff = Backoff(POLICY)
    for now in range(5):
        backoff.failed(float(now), 0)
    assert [backoff.failed(now, 0).wait_s for now in (1000.0, 2000.0, 3000.0, 4000.0)] == [600, 1000, 1000, 1000]


def test_a_trial_that_served_for_the_window_clears_the_slate() -> None:
    backoff = Backoff(POLICY)
    for now in range(5):
        backoff.failed(float(now), 0)
    assert backoff.failed(1000, served_s=99).degraded
    assert backoff.failed(2000, served_s=100) == Verdict(1, False)


def test_forgiving_clears_the_slate() -> None:
    backoff = Backoff(POLICY)
    for now in range(5):
        backoff.failed(float(now), 0)
    backoff.forgive()
    assert backoff.failed(6, 0) == Verdict(1, False)


def test_the_shipped_policy_bounds_the_starts_of_a_child_that_always_fails() -> None:
    """Also in the long run: what matters for the flash and for the other processes."""
    policy, now, starts = Policy(), 0.0, 0
    backoff = Backoff(policy)
    while now < 86_400:
        starts += 1
        now += 0.1 + backoff.failed(now, 0).wait_s
    assert starts < 40
