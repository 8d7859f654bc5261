"""What a command uses: wall time, CPU time and peak resident size, told by the kernel.

The command is started by a small Python process of its own (this module's `main`). Started from a large process it
would be charged that one's size: between fork and exec a child shares its parent's memory, and the kernel carries the
peak of it over. The small process also keeps the figures of one command apart from those of the ones before it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from appliance.errors import UnhealthyError


@dataclass(frozen=True, slots=True)
class Usage:
    """Of a command and all its children that were waited for: seconds, and bytes at the peak of the largest one."""

    wall_s: float
    cpu_s: float
    peak_bytes: int


def measure(command: Sequence[str], environment: Mapping[str, str]) -> Usage:
    """Run a command to its end; `UnhealthyError` with the end of what it said if it fails."""
    launch = [sys.executable, "-m", "appliance.pipeline.bench_measure", *command]
    done = subprocess.run(launch, env=environment, capture_output=True, check=False)  # noqa: S603
    if done.returncode != 0:
        words = done.stderr.decode("utf-8", "replace").strip()[-500:]
        raise UnhealthyError(f"{' '.join(command)} failed with exit code {done.returncode}: {words}")
    return Usage(**json.loads(done.stdout))


def main(command: list[str]) -> int:
    """Run the command with its standard output on our standard error, and print what it used as JSON."""
    start = time.perf_counter()
    moved = [(os.POSIX_SPAWN_DUP2, 2, 1)]
    pid = os.posix_spawnp(command[0], command, os.environ, file_actions=moved)
    _, status, usage = os.wait4(pid, 0)
    wall = time.perf_counter() - start
    used = {"wall_s": wall, "cpu_s": usage.ru_utime + usage.ru_stime, "peak_bytes": usage.ru_maxrss * 1024}
    sys.stdout.write(json.dumps(used))
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
