"""Writes a Jetson in recovery mode: firmware, slots and data, by the flash package that its Yocto layer builds.

The package (tegraflash-tar.zst) brings NVIDIA's programs; its `initrd-flash` does everything and reports by itself.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Final

from appliance.errors import InputError, UnhealthyError

_NVIDIA: Final = "0955:"


def find() -> str:
    """The one Jetson in recovery mode, as lsusb shows it; `InputError` for none or several."""
    try:
        shown = subprocess.run(["lsusb"], capture_output=True, text=True, check=True).stdout
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        raise InputError("USB cannot be looked at", hint="on Debian: apt-get install usbutils") from error
    lines = [line for line in shown.splitlines() if f"ID {_NVIDIA}" in line]
    if len(lines) != 1:
        number = "no Jetson" if not lines else f"{len(lines)} devices of NVIDIA"
        raise InputError(
            f"{number} in recovery mode on USB",
            hint="join pins 9 and 10 of the button header while the power comes; docs/FLASHING.md shows where",
        )
    return lines[0]


def flash(package: Path) -> None:
    """`UnhealthyError` when NVIDIA's tools fail."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["tar", "--extract", "--zstd", "--file", str(package), "--directory", folder], check=True)
        # Otherwise config and data of an older system, at the same places, would be taken for this one's.
        if subprocess.run(["./initrd-flash", "--erase-nvme"], cwd=folder, check=False).returncode:
            raise UnhealthyError(
                "initrd-flash failed", hint="its words are above; put the board in recovery mode again"
            )
