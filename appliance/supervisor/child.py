"""One child's life.

    off -> starting -> ready -> ... -> waiting -> starting ...      it failed; started again after a pause
                                   -> degraded -> starting ...      it keeps failing; tried again after a long pause
           any of them -> stopping -> off                           it was told to, or it was killed for its silence

A failure is: not ready in time, no heartbeat in time, or an end that nobody asked for. A silent child gets SIGABRT,
upon which Python prints where each thread stands, and a second later SIGKILL. Every change is published as the state
"child:NAME" and logged.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

from appliance.supervisor.allowance import Allowance, Log
from appliance.supervisor.backoff import Backoff, Policy
from appliance.supervisor.process import Process
from appliance.supervisor.spec import ChildSpec

_LAST_WORDS_S: Final = 1.0
"""Between SIGABRT and SIGKILL."""
_SECOND_LOOK_S: Final = 3.0
"""Before a child is ended for its silence: it may have been this process, or the whole machine, that stood still."""
UNKILLABLE_S: Final = 3.0
"""A process that outlives SIGKILL for so long hangs in the kernel."""


class Surroundings(Protocol):
    """What a child needs of the supervisor."""

    @property
    def log(self) -> Log: ...
    def publish(self, name: str, value: dict[str, Any] | None) -> None: ...
    def moved(self, child: Child) -> None: ...


class Child:
    def __init__(
        self,
        spec: ChildSpec,
        around: Surroundings,
        group: Callable[[str], Path | None],
        policy: Policy,
        env: dict[str, str],
    ) -> None:
        """`group` gives the directory of its control group when it starts; `env` is added to the environment."""
        self.spec = spec
        self.state = "off"
        self.reason = ""
        self.since = time.time()
        self.restarts = 0
        self._around = around
        self._group = group
        self._env = env
        self._backoff = Backoff(policy)
        self._process: Process | None = None
        self._wanted = False
        self._again = False
        self._timer: asyncio.TimerHandle | None = None
        self._beat_at = self._ready_at = self._deadline = 0.0
        self._gone = asyncio.Event()
        self._gone.set()
        self._overdue = False
        self._say = Allowance(around.log, spec.name).say

    # What may be asked of it

    def start(self, *extra: str) -> None:
        """Start it now, with `extra` arguments; nothing happens where it already runs."""
        self._wanted = True
        if self._process is not None:
            return
        try:
            argv = (*self.spec.argv, *extra)
            self._process = Process(argv, self, group=self._group(self.spec.name), env=self._env)
        except OSError as error:
            self._not_running(f"could not be started: {error.strerror}")
            return
        self._gone.clear()
        self._ready_at = 0.0
        self._move("starting", "", self.spec.ready_s, lambda: self._silent(f"not ready in {self.spec.ready_s:g} s"))

    def stop(self, why: str = "told to stop", number: signal.Signals = signal.SIGTERM) -> None:
        """End it in order; SIGKILL after `stop_s`. `gone` waits for it."""
        self._wanted = self._again = False
        if self._process is None:
            self._move("off", why)
        else:
            self._process.signal(number)
            if self.state != "stopping":
                self._move("stopping", why, self.spec.stop_s, self.kill)

    def restart(self, why: str) -> None:
        """Start it anew, at once and with a clean slate."""
        self._backoff.forgive()
        self.stop(why)
        if self._process is None:
            self.start()
        else:
            self._again = True

    def kill(self) -> None:
        """SIGKILL, now."""
        self._arm(None)
        if self._process is not None:
            self._process.signal(signal.SIGKILL)

    async def gone(self) -> None:
        """Wait until no process of it is left."""
        await self._gone.wait()

    @property
    def running(self) -> bool:
        return self._process is not None

    def stuck(self, now: float) -> bool:
        """Its heartbeat is overdue and it has not been dealt with: a process that even SIGKILL does not end."""
        if self.state == "ready":
            return now - self._beat_at > self.spec.beat_s
        return self.state == "stopping" and now > self._deadline + UNKILLABLE_S

    def describe(self) -> dict[str, Any]:
        """One entry of "children" in the supervisor's status."""
        beat_age = round(time.monotonic() - self._beat_at, 1) if self.state == "ready" else None
        process = self._process  # asked for from other threads too
        rss = process.resident_bytes() if process else None
        return {**self._value(), "rss": rss, "beat_age": beat_age}

    # What its process says

    def heard(self, line: dict[str, Any]) -> None:
        match line:
            case {"k": "beat"}:
                self._beat_at = time.monotonic()
                self._overdue = False
            case {"k": "ready"} if self.state == "starting":
                self._beat_at = self._ready_at = time.monotonic()
                self._overdue = False
                self._move("ready", "", self.spec.beat_s, self._listen)
            case {"k": "log", "level": str(level), "part": str(part), "message": str(message)}:
                t, fields = line.get("t"), line.get("fields")
                self._say(
                    level,
                    part,
                    message,
                    fields if isinstance(fields, dict) else None,
                    float(t) if isinstance(t, int | float) else None,
                )
            case {"k": "state", "name": str(name), "value": dict() | None as value}:
                self._around.publish(name, value)

    def printed(self, stream: str, text: str) -> None:
        self._say("WARNING" if stream == "stderr" else "INFO", self.spec.name, text)

    def ended(self, how: str) -> None:
        stopped = self.state == "stopping"
        told, self._process = self.reason, None
        self._gone.set()
        if self._again:
            self._again = False
            self.start()
        elif not self._wanted:
            self._move("off", f"{told}; {how}")
        else:
            self._not_running(f"{told}; {how}" if stopped else how)

    # What follows from it

    def _listen(self) -> None:
        left = self._beat_at + self.spec.beat_s - time.monotonic()
        if left > 0:
            self._arm(left, self._listen)
        elif not self._overdue:
            self._overdue = True
            self._arm(min(_SECOND_LOOK_S, self.spec.beat_s), self._listen)
        else:
            self._silent(f"no heartbeat for {self.spec.beat_s:g} s")

    def _silent(self, why: str) -> None:
        if self._process is not None:
            self._process.signal(signal.SIGABRT)
        self._move("stopping", why, _LAST_WORDS_S, self.kill)

    def _not_running(self, why: str) -> None:
        """Nobody asked for its end, or it did not even begin."""
        if self.spec.on_demand:
            self._wanted = False
            self._move("off", why)
            return
        now = time.monotonic()
        verdict = self._backoff.failed(now, now - self._ready_at if self._ready_at else 0.0)
        self._ready_at = 0.0
        self.restarts += 1
        self._move("degraded" if verdict.degraded else "waiting", why, verdict.wait_s, self.start)

    def _move(
        self, state: str, reason: str, timer_s: float | None = None, then: Callable[[], None] | None = None
    ) -> None:
        self._arm(timer_s, then)
        if (state, reason) == (self.state, self.reason):
            return
        self.state, self.reason, self.since = state, reason, time.time()
        level, message = self._words(timer_s)
        self._around.log(level, "supervisor", message, {"child": self.spec.name, "state": state})
        self._around.publish(f"child:{self.spec.name}", self._value())
        self._around.moved(self)

    def _words(self, timer_s: float | None) -> tuple[str, str]:
        name, reason = self.spec.name, self.reason
        match self.state:
            case "waiting":
                return "ERROR", f"{name}: {reason}; started again in {timer_s:g} s"
            case "degraded":
                return "ERROR", f"{name}: {reason}; it keeps failing, tried again in {timer_s:g} s"
            case "stopping" if self._wanted and not self._again:
                return "ERROR", f"{name}: {reason}; ended"
        return "INFO", f"{name}: {self.state}" + (f" ({reason})" if reason else "")

    def _arm(self, timer_s: float | None, then: Callable[[], None] | None = None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if timer_s is not None and then is not None:
            self._deadline = time.monotonic() + timer_s
            self._timer = asyncio.get_running_loop().call_later(timer_s, then)

    def _value(self) -> dict[str, Any]:
        return {
            "name": self.spec.name,
            "state": self.state,
            "pid": self._process.pid if self._process else None,
            "since": self.since,
            "restarts": self.restarts,
            "reason": self.reason,
        }
