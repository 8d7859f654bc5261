"""The supervisor: starts the box's processes, keeps them alive, and stops them in order.

One event loop on the main thread; at most one supervisor on the same volumes (`lock`). How it ends:

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
import os
import resource
import signal
import time
import traceback
from collections.abc import Callable, Coroutine
from typing import Any, Final

from appliance import __version__
from appliance.findings import Check
from appliance.supervisor.backoff import Policy
from appliance.supervisor.boot import BootMarker, Ended, LastRun
from appliance.supervisor.child import Child
from appliance.supervisor.control import ControlServer
from appliance.supervisor.health import children as children_check
from appliance.supervisor.health import last_boot
from appliance.supervisor.health.examiner import Examiner
from appliance.supervisor.journal import Journal
from appliance.supervisor.lock import locked
from appliance.supervisor.notify import Notifier
from appliance.supervisor.plan import Injected, Plan, Publish
from appliance.supervisor.power import PowerKeys
from appliance.supervisor.pulse import Pulse
from appliance.supervisor.states import States
from appliance.supervisor.system_log import SystemLog
from appliance.supervisor.threads import in_thread
from appliance.supervisor.tree import Tree, all_gone
from appliance.supervisor.verbs import Verbs
from appliance.volumes import Volumes

POWER_FAIL_S: Final = 0.2
POWER_RETURNS_S: Final = 5.0
EXAMINE_EVERY_S: Final = 60.0
_DISK_S: Final = 3.0
"""The last flush and the marker of the end may take so long."""
_ANSWER_S: Final = 5.0
_FILES: Final = 4096
"""Open files wished for: connections to the control socket, and what the children need."""


class Supervisor:
    def __init__(
        self, volumes: Volumes, plan: Callable[[], Plan], injected: Injected | None = None, policy: Policy | None = None
    ) -> None:
        """`plan` is asked at the start and whenever the settings changed, on a thread."""
        self.started = time.time()
        self._volumes = volumes
        self._plan = plan
        self._injected = injected or Injected()
        self._policy = policy or Policy()
        self._tasks: set[asyncio.Task[None]] = set()
        self._power_failing = False

    def run(self) -> None:
        """Until somebody stops it. `UnhealthyError` when these volumes are in use or cannot be used."""
        with locked(self._volumes):
            asyncio.run(self._run())

    async def _run(self) -> None:
        await self._prepare()
        server = ControlServer(self._volumes.run, Verbs(self).table(), self._verb_crashed)
        await server.start()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            self._loop.add_signal_handler(number, self._told_to_stop, number)
        self._loop.add_signal_handler(signal.SIGPWR, self._power_fails, "SIGPWR")
        keys = PowerKeys(self._power_fails)
        keys.watch()
        self.tree.start()
        self._spawn(self._examine_for_ever())
        self._spawn(self._feed_watchdog())
        if self._notifier.heard:  # a box, not a program on somebody's laptop
            self._spawn(SystemLog(self.log, self._volumes.run).follow())
        for watcher in self._injected.watchers:
            self._spawn(self._watch(watcher))
        await self._stop.wait()
        self._notifier.stopping()
        self.log("INFO", "supervisor", "stopping")
        await self.tree.stop()
        keys.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await server.close()
        if not self._power_failing:
            await self._mark_end(Ended.CLEAN)
        await self.journal.close(_DISK_S)

    async def _prepare(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(self._crashed)
        _raise_file_limit()
        self._stop = asyncio.Event()
        self._something_changed = Pulse()
        self._notifier = Notifier()
        self.states = States()
        plan = await in_thread(self._plan)
        self.journal = Journal(self._volumes.logs, plan.log_total_bytes, self._injected.echo)
        self.journal.level = plan.log_level
        self._marker = BootMarker(self._volumes.state)
        self._begin()
        self.tree = Tree(self._volumes, plan.children, self, self._policy)
        self._undecided = {spec.name for spec in plan.children if not spec.on_demand}
        self._unserved = {spec.name for spec in plan.children}
        own = [
            Check("last boot", lambda: last_boot.check(self.last_run)),
            Check("processes", lambda: children_check.check(self.tree.describe())),
        ]
        revive = children_check.fixup(self._answered_by_loop(self.tree.revive))
        self.examiner = Examiner([*self._injected.checks, *own], [*self._injected.fixups, revive])

    # What children and verbs need

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    def log(
        self, level: str, part: str, message: str, fields: dict[str, Any] | None = None, t: float | None = None
    ) -> None:
        self.journal.log(level, part, message, fields, t)

    def publish(self, name: str, value: dict[str, Any] | None) -> None:
        self.states.publish(name, value)

    def moved(self, child: Child) -> None:
        """A child changed its state."""
        name = child.spec.name
        self._notifier.status(self.tree.summary())
        if child.state == "ready" and name in self._unserved:
            self._unserved.discard(name)
            self._injected.serving(name)
        if child.state not in ("starting", "off") and name in self._undecided:
            self._undecided.discard(name)
            if not self._undecided:
                self._notifier.ready()
        if child.state in ("ready", "degraded"):
            self._something_changed.fire()
        if child.state == "off" and child.spec.on_demand:
            self._say_that_it_broke_off()

    async def reload(self) -> None:
        """The settings changed: apply what needs no restart."""
        plan = await in_thread(self._plan)
        self.journal.level = plan.log_level
        self.tree.replan(plan.children)
        self.log("INFO", "supervisor", "settings were read again")
        self._publish_box()

    async def examine(self) -> None:
        """Run every health check and publish the findings."""
        before = self.states.get("findings")
        found = await self.examiner.examine()
        if before is None or before["findings"] != found:
            self.publish("findings", {"findings": found})

    # The run

    def _begin(self) -> None:
        self.log("INFO", "supervisor", f"mouthpiece {__version__} starts, process {os.getpid()}")
        self.last_run = LastRun(Ended.FIRST)
        try:
            self.last_run = self._marker.begin(__version__)
        except OSError as error:
            self.log("ERROR", "supervisor", f"the state volume cannot be written: {error.strerror}")
        else:
            level = "INFO" if self.last_run.ended in (Ended.FIRST, Ended.CLEAN, Ended.POWER_FAIL) else "WARNING"
            self.log(level, "supervisor", f"the last run: {self.last_run.ended}")
        self._publish_box()

    def _publish_box(self) -> None:
        value = {"version": __version__, "started": self.started, "power": "failing" if self._power_failing else "ok"}
        self.publish("box", value | {"last_run": self.last_run.ended.name.lower()})

    async def _mark_end(self, how: Ended) -> None:
        with contextlib.suppress(OSError, ValueError, TimeoutError):  # said at the start, or by the next run
            await asyncio.wait_for(in_thread(lambda: self._marker.end(how)), _DISK_S)

    def _told_to_stop(self, number: signal.Signals) -> None:
        if self.stopping:
            self.tree.kill()
        else:
            self.log("INFO", "supervisor", f"told to stop by {number.name}")
            self._stop.set()

    def _power_fails(self, what: str) -> None:
        if not self._power_failing:
            self._power_failing = True
            self._spawn(self._save_all(what, time.monotonic()))

    async def _save_all(self, what: str, start: float) -> None:
        running = self.tree.save()
        flushed, _ = await asyncio.gather(self.journal.flush(POWER_FAIL_S), all_gone(running, POWER_FAIL_S))
        took = round((time.monotonic() - start) * 1000)
        late = [child.spec.name for child in running if child.running] + ([] if flushed else ["the log"])
        if late:
            level, how = "ERROR", f"after {took} ms these were not done yet: {', '.join(late)}"
        else:
            level, how = "WARNING", f"the log and {len(running)} processes were saved in {took} ms"
        self.log(level, "supervisor", f"power fails ({what}): {how}", {"ms": took})
        self._publish_box()
        await asyncio.gather(self._mark_end(Ended.POWER_FAIL), self.journal.flush(POWER_FAIL_S))
        await asyncio.sleep(POWER_RETURNS_S)
        await all_gone(running, POWER_RETURNS_S)
        if not self.stopping:
            self.log("WARNING", "supervisor", "the power is still there: starting everything again")
            self._power_failing = False
            self._begin()
            self.tree.start()

    async def _examine_for_ever(self) -> None:
        while True:
            await self.examine()
            await self._something_changed.wait(EXAMINE_EVERY_S)

    async def _feed_watchdog(self) -> None:
        if self._notifier.watchdog_s is None:
            return
        while True:
            if not self.tree.stuck(time.monotonic()):
                self._notifier.alive()
            await asyncio.sleep(self._notifier.watchdog_s)

    async def _watch(self, watcher: Callable[[Publish], None]) -> None:
        try:
            await in_thread(lambda: watcher(self._publish_from_thread))
        except Exception as error:
            self.log("WARNING", "supervisor", f"a watcher gave up: {error}")

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
        trace = "".join(traceback.format_exception(error))
        self.log("ERROR", "supervisor", f"the verb {verb} failed\n{trace}".strip())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _answered_by_loop(self, function: Callable[[], str]) -> Callable[[], str]:
        """For a thread: have the loop run `function`, and wait for its answer."""

        async def call() -> str:
            return function()

        return lambda: asyncio.run_coroutine_threadsafe(call(), self._loop).result(_ANSWER_S)

    def _publish_from_thread(self, name: str, value: dict[str, Any] | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self.publish, name, value)


def _raise_file_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wished = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wished:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wished, hard))
