"""One lane of the worker: a thread that claims jobs and has them made, one after another.

How an attempt ends, by what the maker does:

    returns a result          done
    `CancelledError`          cancelled, if that was asked for; otherwise the worker stops, and the job goes back
    `UnhealthyError`          the box cannot make it now, a full disk say: back to the queue, with a growing pause
    another `ApplianceError`  failed, with the message and the hint
    anything else             failed as a bug, with the traceback in the log

An error that an `OSError` caused, or is one, counts as the box's fault where its number says that the disk is. While
the database cannot be written, the lane waits and tries again: what is made is not lost.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Final, TypeVar

from appliance.errors import ApplianceError, CancelledError, UnhealthyError
from appliance.jobs.attempt import Attempt, Publish
from appliance.jobs.job import Job, State
from appliance.jobs.store import JobStore

log = logging.getLogger(__name__)

LEASE_S: Final = 60.0
_IDLE_S: Final = 5.0
_DISK: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENODEV})

Make = Callable[[Attempt], dict[str, Any]]
_T = TypeVar("_T")


class Lane:
    """A lane by name. `discard` takes away what is left of a job that is over; `idle` runs when there is nothing to do.

    Up to `batch` jobs that go together, as `joins` says, are claimed at once. `begin` runs first, and has to be such
    that the process may end in its midst.
    """

    def __init__(
        self,
        name: str,
        store: JobStore,
        worker: str,
        make: Make,
        publish: Publish,
        *,
        begin: Callable[[], None] = lambda: None,
        idle: Callable[[], None] = lambda: None,
        discard: Callable[[Job], None] = lambda _: None,
        batch: int = 1,
        joins: Callable[[Job], bool] = lambda _: False,
        pause_s: float = 15.0,
    ) -> None:
        self.trouble: str | None = None
        """Why nothing can be made at present, or None."""
        self.beginning = True
        """Whether `begin` is not over yet. A lane that is stopped before then claims nothing."""
        self._name, self._store, self._worker, self._make, self._publish = name, store, worker, make, publish
        self._begin, self._idle, self._discard = begin, idle, discard
        self._batch_size, self._joins, self._pause_s = batch, joins, pause_s
        self._stumbled = False  # the trouble is over as soon as something works
        self._claimed: deque[Job] = deque()
        self._attempt: Attempt | None = None
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def look(self) -> None:
        """The queue has changed: there may be work, or something to cancel."""
        attempt = self._attempt
        if attempt is not None and attempt.job.id in self._store.cancelling():
            attempt.cancel()
        self._wake.set()

    def held(self) -> list[str]:
        """Ids of the jobs whose leases are to be renewed."""
        attempt = self._attempt
        return [job.id for job in ((attempt.job,) if attempt else ()) + tuple(self._claimed)]

    def stop(self) -> None:
        """Finish in order: what is being made is called off and goes back to the queue."""
        self._stopping.set()
        self._wake.set()
        if attempt := self._attempt:
            attempt.interrupt()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread to end; whether it did."""
        self._thread.join(max(0.0, timeout_s))
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._guarded(self._begin)
            self.beginning = False
            while not self._stopping.is_set():
                self._guarded(self._claim)
                if self._claimed:
                    self._work(self._claimed.popleft())
                else:
                    self._guarded(self._idle)
                    self._wake.wait(_IDLE_S)
                    self._wake.clear()
            while self._claimed:
                with contextlib.suppress(UnhealthyError):  # the next worker reclaims it
                    self._store.release(self._claimed.popleft().id)
        finally:
            self._store.close()

    def _guarded(self, work: Callable[[], None]) -> None:
        """A broken disk is no reason to end the thread, and neither is a bug."""
        try:
            work()
        except ApplianceError as error:
            self._stumbled = True
            self._complain(error.message)
        except Exception:
            log.exception("the %s lane stumbled", self._name)
        else:
            if self._stumbled:
                self._stumbled, self.trouble = False, None

    def _complain(self, message: str) -> None:
        if message != self.trouble:
            log.error("%s", message)
        self.trouble = message

    def _claim(self) -> None:
        if not self._claimed:
            self._claimed.extend(
                self._store.claim(self._worker, LEASE_S, self._batch_size, lane=self._name, joins=self._joins)
            )
            if self.trouble and not self._claimed and not self._store.counts()[State.QUEUED]:
                self.trouble = None  # whoever met it has gone
            for job in list(self._claimed)[1:]:
                self._publish(f"job:{job.id}", Attempt(job, self._publish).value("running", stage="waiting"))

    def _work(self, job: Job) -> None:
        self._attempt = attempt = Attempt(job, self._publish)
        self.trouble = None
        try:
            # Asked for before this attempt could be found and told.
            if self._stopping.is_set():
                attempt.interrupt()
            self._insist(lambda: attempt.cancel() if job.id in self._store.cancelling() else None)
            self._settle(attempt)
        finally:
            self._attempt = None

    def _settle(self, attempt: Attempt) -> None:
        """Make the job, and write down how that ended."""
        job, store = attempt.job, self._store
        end: Callable[[], Job]
        try:
            result = self._make(attempt)
            end = lambda: store.finish(job.id, result)  # noqa: E731
        except CancelledError as error:
            if attempt.cancelled:
                end = lambda: store.confirm_cancel(job.id)  # noqa: E731
            elif self._stopping.is_set():
                end = lambda: store.release(job.id)  # noqa: E731
            else:
                end = self._bug(error, job)
        except Exception as error:
            end = self._after(error, job)
        after = self._insist(end)
        if after is None:
            return
        if after.finished is not None:
            self._guarded(lambda: self._discard(after))
        attempt.job = after
        self._publish(f"job:{job.id}", attempt.value(after.state))

    def _after(self, error: Exception, job: Job) -> Callable[[], Job]:
        """What to write down about a failed attempt."""
        store = self._store
        message, hint = (error.message, error.hint) if isinstance(error, ApplianceError) else (str(error), "")
        if _is_the_boxs_fault(error):
            self.trouble = message
            log.warning("%s has to wait: %s", job.id, message)
            return lambda: store.postpone(job.id, message, hint, pause_s=self._pause_s)
        if isinstance(error, ApplianceError):
            log.info("%s failed: %s", job.id, message)
            return lambda: store.fail(job.id, message, hint)
        return self._bug(error, job)

    def _bug(self, error: Exception, job: Job) -> Callable[[], Job]:
        log.error("%s failed because of a bug", job.id, exc_info=error)
        message = f"this is a bug in mouthpiece ({type(error).__name__})"
        return lambda: self._store.fail(job.id, message, "please report it with the log")

    def _insist(self, write: Callable[[], _T]) -> _T | None:
        """Do it as soon as the database allows; None if the worker has to stop before."""
        while True:
            try:
                return write()
            except UnhealthyError as error:
                self._stumbled = True
                self._complain(error.message)
                if self._stopping.wait(_IDLE_S):
                    return None


def _is_the_boxs_fault(error: Exception) -> bool:
    if isinstance(error, UnhealthyError | MemoryError):
        return True
    cause = error.__cause__ if isinstance(error, ApplianceError) else error
    return isinstance(cause, OSError) and cause.errno in _DISK
