"""What a child runs first: a script that ties its process to the supervisor's life and becomes the real program.

    python -I -S launch.py SUPERVISOR_PID CGROUP_PROCS PROGRAM ARGUMENT...

The kernel kills the process when the supervisor dies, even by SIGKILL (PR_SET_PDEATHSIG survives `exec`), and it is in
its control group (CGROUP_PROCS is the group's `cgroup.procs`, or empty) before it takes any memory. It is a program and
not a `preexec_fn`, because the supervisor has threads, on whose locks Python code between fork and exec could deadlock.
It imports nothing of ours, so that it costs about 20 ms.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, group, *argv = sys.argv[1:]
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != int(parent):  # it died before the call above
        sys.exit("the supervisor is gone")
    if group:
        try:
            with open(group, "w") as procs:  # noqa: PTH123  pathlib would double the start-up time
                procs.write("0")
        except OSError as error:
            print(f"cannot enter the control group: {error}", file=sys.stderr, flush=True)  # noqa: T201
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and that would be inherited
    os.execv(argv[0], argv)  # noqa: S606  the supervisor's own table says what runs


if __name__ == "__main__":
    main()
