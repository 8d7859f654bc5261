"""The worker process's main thread: it is alone, it beats, it keeps its leases, and it stops when told to.

`run/worker.lock` is held (flock) for as long as the process lives, so whatever a worker of another name holds in the
queue is left from a dead one and is reclaimed at the start. Twice a second the main thread looks whether the queue has
changed, which costs no page of the database, so a cancellation is noticed within a second.

    SIGTERM, SIGINT   stop in order: what is being made goes back to the queue, what is rendered of it stays
    SIGPWR            power fails: put back what is held and leave at once; everything else is durable already
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from appliance.errors import UnhealthyError
from appliance.jobs.attempt import Attempt, Publish
from appliance.jobs.lane import LEASE_S, Lane
from appliance.jobs.store import JobStore
from appliance.link import Link
from appliance.volumes import Volumes

log = logging.getLogger(__name__)

TICK_S: Final = 0.5
STOP_S: Final = 6.0
"""How long the lanes may take to stop; the supervisor kills after 8 s."""
_RENEW_S: Final = 15.0
_LOCK_S: Final = 5.0
"""A killed worker may take a moment to be gone."""
_SIGNALS: Final = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGPWR})


@contextlib.contextmanager
def alone(volumes: Volumes) -> Iterator[None]:
    """Hold the worker's lock; `UnhealthyError` if another worker does."""
    volumes.run.mkdir(parents=True, exist_ok=True)
    with (volumes.run / "worker.lock").open("a") as file:
        deadline = time.monotonic() + _LOCK_S
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise UnhealthyError(
                        f"another worker runs on {volumes.root}", hint="stop the other `mouthpiece run` first"
                    ) from None
                time.sleep(0.02)
        yield


def serve(
    store: JobStore,
    worker: str,
    lanes: Sequence[Lane],
    link: Link,
    tick: Callable[[], None],
    last: Callable[[], None] = lambda: None,
) -> None:
    """Run the lanes until a signal ends them. Call in the main thread, before any other was started.

    `tick` is called twice a second, `last` at the end of an ordered stop, when a thread may still be there. Signals are
    fetched, not handled: no handler can come at a bad moment.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        try:
            reclaim(store, worker, link.state)
        except UnhealthyError as error:  # later: what dead workers held has leases that run out
            log.error("%s", error.message)
        for lane in lanes:
            lane.start()
        link.ready()
        received = _watch(store, worker, lanes, link, tick)
        if received == signal.SIGPWR:
            _leave_at_once(store, lanes)
        _stop(store, lanes, link, last)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)


def reclaim(store: JobStore, worker: str, publish: Publish, *, expired_only: bool = False) -> None:
    """Put back into the queue what dead workers held, and say so, also to those who watch."""
    for job in store.reclaim(worker, expired_only=expired_only):
        text = f": {job.error}" if job.error else ""
        log.warning("%s was left unfinished and is %s now%s", job.id, job.state, text)
        publish(f"job:{job.id}", Attempt(job, publish).value(job.state))


def _watch(store: JobStore, worker: str, lanes: Sequence[Lane], link: Link, tick: Callable[[], None]) -> signal.Signals:
    seen: tuple[int, int] | None = None
    renewed = time.monotonic()
    while True:
        link.beat()
        tick()
        # What is wrong with the database, the lanes meet as well, and say.
        with contextlib.suppress(UnhealthyError):
            if (version := store.version()) != seen:
                seen = version
                for lane in lanes:
                    lane.look()
            if time.monotonic() - renewed > _RENEW_S:
                renewed = time.monotonic()
                if held := [job for lane in lanes for job in lane.held()]:
                    store.renew(held, LEASE_S)
                reclaim(store, worker, link.state, expired_only=True)
        if (received := signal.sigtimedwait(_SIGNALS, TICK_S)) is not None:
            return signal.Signals(received.si_signo)


def _stop(store: JobStore, lanes: Sequence[Lane], link: Link, last: Callable[[], None]) -> None:
    deadline = time.monotonic() + STOP_S
    for lane in lanes:
        lane.stop()
    for lane in lanes:
        while not _may_be_left(lane, min(TICK_S, deadline - time.monotonic())) and time.monotonic() < deadline:
            link.beat()
    if not all(_may_be_left(lane) for lane in lanes):
        log.warning("what is being made does not stop; leaving all the same")
    last()
    if not all(lane.join(0) for lane in lanes):
        _leave_at_once(store, lanes)


def _may_be_left(lane: Lane, timeout_s: float = 0) -> bool:
    """Whether a stopped lane has ended, or only prepares for jobs that it will not claim."""
    return lane.beginning or lane.join(timeout_s)


def _leave_at_once(store: JobStore, lanes: Sequence[Lane]) -> None:
    """Release what the lanes hold, and end the process without waiting for its threads."""
    for lane in lanes:
        for job in lane.held():
            with contextlib.suppress(UnhealthyError):
                store.release(job)
    os._exit(0)
