"""The supervisor: starts the box's processes, keeps them alive, and stops them in order.

One event loop on the main thread. At most one runs on the same volumes: it holds a lock (flock) on the directory of the
state volume for as long as it lives. How it ends:

    SIGTERM, SIGINT, SIGHUP    all children but the last get SIGTERM, then the last ones, then the log is flushed; a
                               second signal kills at once what is left
    SIGPWR, power-fail key     children get SIGPWR, the log is flushed, all within `POWER_FAIL_S`; if the power comes
                               back after all, everything is started again after `POWER_RETURNS_S`
    SIGKILL                    the kernel kills the children with it (`launch`)

Under systemd it says READY when the first start of every child is decided, and feeds the watchdog unless a child hangs
that even SIGKILL does not end.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import resource
import signal
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from appliance import __version__
from appliance.errors import ApplianceError, UnhealthyError
from appliance.findings import Check
from appliance.storage.logs import Record
from appliance.supervisor import cgroups
from appliance.supervisor.backoff import Policy
from appliance.supervisor.boot import BootMarker, Ended, LastRun
from appliance.supervisor.child import Child
from appliance.supervisor.control import ControlServer
from appliance.supervisor.health import children as children_check
from appliance.supervisor.health import last_boot
from appliance.supervisor.health.examiner import Examiner
from appliance.supervisor.health.fixup import Fixup
from appliance.supervisor.journal import Journal
from appliance.supervisor.notify import Notifier
from appliance.supervisor.power import PowerKeys
from appliance.supervisor.pulse import Pulse
from appliance.supervisor.spec import ChildSpec
from appliance.supervisor.states import States
from appliance.supervisor.threads import in_thread
from appliance.supervisor.verbs import Verbs
from appliance.volumes import Volumes

POWER_FAIL_S: Final = 0.2
POWER_RETURNS_S: Final = 5.0
EXAMINE_EVERY_S: Final = 60.0
_UNKILLABLE_S: Final = 3.0
_LAST_FLUSH_S: Final = 3.0
_ANSWER_S: Final = 5.0
_FILES: Final = 4096
"""Open files wished for: connections to the control socket, and what the children need."""

Publish = Callable[[str, dict[str, Any] | None], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What follows from the settings."""

    children: tuple[ChildSpec, ...]
    log_level: str = "INFO"
    log_total_bytes: int = 16 << 20


@dataclass(frozen=True, slots=True)
class Injected:
    """What other rooms bring along.

    `watchers` publish states from threads of their own; `serving` is told when a child is ready for the
    first time; `echo` is shown every record of the log.
    """

    checks: Sequence[Check] = ()
    fixups: Sequence[Fixup] = ()
    watchers: Sequence[Callable[[Publish], None]] = ()
    serving: Callable[[str], None] = lambda _: None
    echo: Callable[[Record], None] = lambda _: None


class Supervisor:
    def __init__(
        self, volumes: Volumes, plan: Callable[[], Plan], injected: Injected | None = None, policy: Policy | None = None
    ) -> None:
        self.volumes = volumes
        self.started = time.time()
        self.children: dict[str, Child] = {}
        self.groups: cgroups.Groups | None = None
        self.group_complaints: list[str] = []
        self.last_run = LastRun(Ended.FIRST)
        self._plan = plan
        self._injected = injected or Injected()
        self._policy = policy or Policy()
        self._undecided: set[str] = set()
        self._served: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._power_failing = False
        self._something_changed = Pulse()

    def run(self) -> None:
        """Until somebody stops it. `UnhealthyError` when these volumes are in use or cannot be used."""
        lock = _lock(self.volumes)
        try:
            asyncio.run(self._run())
        finally:
            os.close(lock)

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(self._crashed)
        self._stop = asyncio.Event()
        self._notifier = Notifier()
        self.states = States()
        plan = await in_thread(self._plan)
        self.journal = Journal(self.volumes.logs, plan.log_total_bytes, self._injected.echo)
        self.journal.level = plan.log_level
        _raise_file_limit()
        self._marker = BootMarker(self.volumes.state)
        self._begin_run()
        self._take_groups()
        self._make_children(plan)
        checks = [
            *self._injected.checks,
            Check("last boot", lambda: last_boot.check(self.last_run)),
            Check("processes", lambda: children_check.check([child.describe() for child in self.children.values()])),
        ]
        fixups = [*self._injected.fixups, children_check.fixup(self._answered_by_loop(self.revive))]
        self.examiner = Examiner(checks, fixups)
        verbs = Verbs(self)
        server = ControlServer(self.volumes.run, verbs.table(), self._verb_crashed)
        await server.start()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            self._loop.add_signal_handler(number, self._told_to_stop, number)
        self._loop.add_signal_handler(signal.SIGPWR, self._power_fails, "SIGPWR")
        keys = PowerKeys(self._power_fails)
        keys.watch()
        self._start_children()
        self._spawn(self._examine_for_ever())
        self._spawn(self._feed_watchdog())
        for watcher in self._injected.watchers:
            self._spawn(self._watch(watcher))
        await self._stop.wait()
        await self._stop_in_order()
        keys.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await server.close()
        if not self._power_failing:
            await self._mark_end(Ended.CLEAN)
        await self.journal.close(_LAST_FLUSH_S)
        if self.groups:
            self.groups.remove()

    # What children and verbs need

    def log(
        self, level: str, part: str, message: str, fields: dict[str, Any] | None = None, t: float | None = None
    ) -> None:
        self.journal.log(level, part, message, fields, t)

    def publish(self, name: str, value: dict[str, Any] | None) -> None:
        self.states.publish(name, value)

    def group(self, name: str) -> Path | None:
        with contextlib.suppress(OSError):
            return self.groups.leaf(name) if self.groups else None
        return None

    def moved(self, child: Child) -> None:
        """A child changed its state."""
        name = child.spec.name
        self._notifier.status(", ".join(f"{name} {one.state}" for name, one in self.children.items()))
        if child.state == "ready" and name not in self._served:
            self._served.add(name)
            self._injected.serving(name)
        if child.state not in ("starting", "off") and name in self._undecided:
            self._undecided.discard(name)
            if not self._undecided:
                self._notifier.ready()
        if child.state in ("ready", "degraded"):
            self._something_changed.fire()
        if child.state == "off" and child.spec.on_demand:
            self._say_that_it_broke_off()

    def revive(self) -> str:
        """Start degraded children again, now."""
        down = [child for child in self.children.values() if child.state == "degraded"]
        for child in down:
            child.restart("the operator asked")
        return f"started again: {', '.join(child.spec.name for child in down)}" if down else "every process runs"

    async def reload(self) -> None:
        """The settings changed: apply what needs no restart."""
        plan = await in_thread(self._plan)
        self.journal.level = plan.log_level
        for spec in plan.children:
            self.children[spec.name].spec = spec
        self._limit_groups(plan)
        self.log("INFO", "supervisor", "settings were read again")
        self._publish_box()

    async def examine(self) -> list[dict[str, Any]]:
        """Run every health check, publish the findings and return them."""
        before = self.states.get("findings")
        found = await self.examiner.examine()
        if before is None or before["findings"] != found:
            self.publish("findings", {"findings": found})
        return found

    # The run

    def _begin_run(self) -> None:
        self.log("INFO", "supervisor", f"mouthpiece {__version__} starts, process {os.getpid()}")
        try:
            self.last_run = self._marker.begin(__version__)
        except OSError as error:
            self.log("ERROR", "supervisor", f"the state volume cannot be written: {error.strerror}")
            return
        level = "INFO" if self.last_run.ended in (Ended.FIRST, Ended.CLEAN, Ended.POWER_FAIL) else "WARNING"
        self.log(level, "supervisor", f"the last run: {self.last_run.ended}")
        self._publish_box()

    def _publish_box(self) -> None:
        value = {"version": __version__, "started": self.started, "power": "failing" if self._power_failing else "ok"}
        self.publish("box", value | {"last_run": self.last_run.ended.name.lower()})

    async def _mark_end(self, how: Ended) -> None:
        with contextlib.suppress(OSError, ValueError, TimeoutError):  # said at the start, or by the next run
            await asyncio.wait_for(in_thread(lambda: self._marker.end(how)), _LAST_FLUSH_S)

    def _make_children(self, plan: Plan) -> None:
        env = {"MOUTHPIECE_RUN": str(self.volumes.run)}
        for spec in plan.children:
            self.children[spec.name] = Child(spec, self, self._policy, env)
        self._undecided = {spec.name for spec in plan.children if not spec.on_demand}
        self._limit_groups(plan)

    def _start_children(self) -> None:
        for child in self.children.values():
            if not child.spec.on_demand:
                child.start()

    async def _stop_in_order(self) -> None:
        self._notifier.stopping()
        self.log("INFO", "supervisor", "stopping")
        for last in (False, True):
            group = [child for child in self.children.values() if child.spec.stops_last == last]
            for child in group:
                child.stop("the box stops")
            longest = max((child.spec.stop_s for child in group), default=0.0) + _UNKILLABLE_S
            if not await _all_gone(group, longest):
                self.log("ERROR", "supervisor", "a process hangs in the kernel and stays behind")

    def _told_to_stop(self, number: signal.Signals) -> None:
        if self._stop.is_set():
            for child in self.children.values():
                child.kill()
        else:
            self.log("INFO", "supervisor", f"told to stop by {number.name}")
            self._stop.set()

    def _power_fails(self, what: str) -> None:
        if not self._power_failing and not self._stop.is_set():
            self._power_failing = True
            self._spawn(self._save_all(what, time.monotonic()))

    async def _save_all(self, what: str, start: float) -> None:
        running = [child for child in self.children.values() if child.running]
        for child in self.children.values():
            child.stop("power fails", signal.SIGPWR)
        flushed, saved = await asyncio.gather(self.journal.flush(POWER_FAIL_S), _all_gone(running, POWER_FAIL_S))
        took = round((time.monotonic() - start) * 1000)
        message = f"power fails ({what}): " + (
            f"the log and {len(running)} processes were saved in {took} ms"
            if flushed and saved
            else f"not everything was saved in {took} ms"
        )
        self.log("WARNING" if flushed and saved else "ERROR", "supervisor", message, {"ms": took})
        self._publish_box()
        await asyncio.gather(self._mark_end(Ended.POWER_FAIL), self.journal.flush(POWER_FAIL_S))
        await asyncio.sleep(POWER_RETURNS_S)
        self.log("WARNING", "supervisor", "the power is still there: starting everything again")
        await _all_gone(running, _UNKILLABLE_S)
        self._power_failing = False
        self._begin_run()
        self._start_children()

    async def _examine_for_ever(self) -> None:
        while True:
            try:
                await self.examine()
            except Exception as error:
                self.log("ERROR", "supervisor", f"the health checks failed: {error!r}")
            await self._something_changed.wait(EXAMINE_EVERY_S)

    async def _feed_watchdog(self) -> None:
        if self._notifier.watchdog_s is None:
            return
        while True:
            now = time.monotonic()
            stuck = [name for name, child in self.children.items() if child.stuck(now)]
            if not stuck:
                self._notifier.alive()
            await asyncio.sleep(self._notifier.watchdog_s)

    async def _watch(self, watcher: Callable[[Publish], None]) -> None:
        try:
            await in_thread(lambda: watcher(self._from_thread(self.publish)))
        except Exception as error:
            self.log("WARNING", "supervisor", f"a watcher gave up: {error}")

    # Control groups

    def _take_groups(self) -> None:
        try:
            self.groups = cgroups.Groups(cgroups.delegated())
        except ApplianceError as error:
            self._complain([error.message])
        else:
            self._complain(self.groups.complaints)

    def _limit_groups(self, plan: Plan) -> None:
        if self.groups:
            refused = [self.groups.limit(spec.name, spec.limits, self.volumes.data) for spec in plan.children]
            self._complain([why for one in refused for why in one])

    def _complain(self, why: list[str]) -> None:
        new = [one for one in why if one not in self.group_complaints]
        if new:
            self.group_complaints += new
            self.log("WARNING", "supervisor", "processes run without some limits: " + "; ".join(new))

    # Small things

    def _say_that_it_broke_off(self) -> None:
        recording = self.states.get("recording")
        if recording and recording.get("state") in ("opening", "listening", "speech"):
            broken = {"state": "failed", "message": "the recorder ended before it was done"}
            self.publish("recording", recording | broken)

    def _crashed(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A bug in a callback of the loop; the box goes on."""
        error = context.get("exception")
        trace = "".join(traceback.format_exception(error)) if error else ""
        self.log("ERROR", "supervisor", f"{context['message']}\n{trace}".strip())

    def _verb_crashed(self, verb: str, error: Exception) -> None:
        self.log("ERROR", "supervisor", f"the verb {verb} failed: {error!r}")

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _answered_by_loop(self, function: Callable[[], str]) -> Callable[[], str]:
        """For a thread: have the loop run `function`, and wait for its answer."""

        async def call() -> str:
            return function()

        return lambda: asyncio.run_coroutine_threadsafe(call(), self._loop).result(_ANSWER_S)

    def _from_thread(self, function: Callable[..., Any]) -> Callable[..., None]:
        def call(*arguments: Any) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(function, *arguments)

        return call


async def _all_gone(children: Sequence[Child], deadline_s: float) -> bool:
    try:
        await asyncio.wait_for(asyncio.gather(*(child.gone() for child in children)), deadline_s)
    except TimeoutError:
        return False
    return True


def _lock(volumes: Volumes) -> int:
    """The open, locked directory of the state volume, with the directories made that the supervisor itself needs."""
    try:
        for folder in (volumes.state, volumes.logs, volumes.run, volumes.data):
            folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(volumes.state, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise UnhealthyError(
            f"{error.filename} cannot be used: {error.strerror}", hint="see `mouthpiece doctor`"
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        hint = "stop it first (Ctrl-C there, or `systemctl stop mouthpiece`), or give --data another directory"
        raise UnhealthyError(f"the box already runs on {volumes.root}", hint=hint) from error
    return descriptor


def _raise_file_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wished = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wished:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wished, hard))
