"""Running the programs that do the work on flash and disks."""

from __future__ import annotations

import subprocess
from typing import Final

from appliance.errors import UnhealthyError

_PATIENCE_S: Final = 1800.0


def run(*command: str, given: str = "", accepted: tuple[int, ...] = (0,)) -> str:
    """What a program says; `UnhealthyError` with its last word if it fails, is missing or does not end."""
    try:
        done = subprocess.run(  # noqa: S603  no shell, and every word is ours or a device's
            command, input=given, capture_output=True, text=True, errors="replace", timeout=_PATIENCE_S, check=False
        )
    except FileNotFoundError:
        raise UnhealthyError(f"{command[0]} is not part of this recovery system") from None
    except subprocess.TimeoutExpired:
        raise UnhealthyError(f"{command[0]} does not come to an end", hint="the device may be dying") from None
    if done.returncode not in accepted:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise UnhealthyError(f"{command[0]} failed: {said[-1].strip() if said else f'status {done.returncode}'}")
    return done.stdout
