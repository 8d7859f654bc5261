"""The measuring itself, on processes whose cost is known. No test here judges how fast the machine is."""

from __future__ import annotations

import os
import sys

import pytest

from appliance.errors import UnhealthyError
from appliance.pipeline.bench_measure import measure

ENVIRONMENT = dict(os.environ)


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_the_peak_is_that_of_the_process_measured_and_not_of_one_before_it() -> None:
    large = measure(python("x = b'x' * (200 << 20)"), ENVIRONMENT)
    small = measure(python("pass"), ENVIRONMENT)
    assert large.peak_bytes > 200 << 20
    assert small.peak_bytes < large.peak_bytes - (100 << 20)


def test_the_peak_is_not_that_of_the_process_that_measures() -> None:
    ballast = bytearray(os.urandom(1 << 20) * 200)
    small = measure(python("pass"), ENVIRONMENT)
    assert small.peak_bytes < len(ballast) // 2


def test_cpu_time_counts_work_and_not_waiting() -> None:
    busy = measure(python("import time\nwhile time.process_time() < 0.4: pass"), ENVIRONMENT)
    idle = measure(python("import time; time.sleep(0.4)"), ENVIRONMENT)
    assert busy.cpu_s >= 0.4
    assert busy.wall_s >= 0.4
    assert idle.wall_s >= 0.4
    assert idle.cpu_s < busy.cpu_s


def test_cpu_time_includes_children_that_were_waited_for() -> None:
    work = "import time\nwhile time.process_time() < 0.3: pass"
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {work!r}], check=True)"
    assert measure(python(outer), ENVIRONMENT).cpu_s >= 0.3


def test_a_command_that_was_killed_is_reported() -> None:
    with pytest.raises(UnhealthyError, match="exit code 137"):
        measure(python("import os, signal; os.kill(os.getpid(), signal.SIGKILL)"), ENVIRONMENT)


def test_a_command_that_fails_is_reported_with_what_it_said() -> None:
    with pytest.raises(UnhealthyError, match=r"exit code 1: no such avatar"):
        measure(python("import sys; sys.exit('no such avatar')"), ENVIRONMENT)
