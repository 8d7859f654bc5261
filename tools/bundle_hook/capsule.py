"""Firmware of a Jetson: a UEFI capsule on the EFI system partition, which NVIDIA's firmware writes at the next start.

It writes the chain of firmware that does not run, verifies it, and makes it the next (edk2-nvidia,
`FmpDeviceLib/TegraFmp.c`); the slot of the root follows the chain (`L4TLauncher/L4TRootfsValidation.c`). So a capsule
switches slots by itself. Asked for the other chain at the same time (`BootChainFwNext`, which nvbootctrl sets), or with
the outcome of an earlier change still standing (`BootChainFwStatus`), the firmware gives up both (`BootChainDxe.c`,
`BootChainCheckAndCancelUpdate`). Therefore `stage` removes these variables, and mouthpiece-nvbootctrl leaves the switch
to the firmware while the capsule waits: while bit 2 of OsIndications is set, which the firmware clears.

The bit is set last: without it the firmware does not look for the file.
"""

from __future__ import annotations

import contextlib
import subprocess
import uuid
from pathlib import Path
from typing import Final

from appliance.errors import InputError
from appliance.storage import atomic

VARIABLES: Final = Path("/sys/firmware/efi/efivars")
OS_INDICATIONS: Final = "OsIndications-8be4df61-93ca-11d2-aa0d-00e098032b8c"
STAGED: Final = 4
"""EFI_OS_INDICATIONS_FILE_CAPSULE_DELIVERY_SUPPORTED"""
IN_THE_WAY: Final = tuple(
    f"{name}-781e084c-a330-417c-b678-38e696380cb9" for name in ("BootChainFwNext", "BootChainFwStatus")
)
FILE: Final = "EFI/UpdateCapsule/TEGRA_BL.Cap"
_ATTRIBUTES: Final = (7).to_bytes(4, "little")
"""Non-volatile, for boot services and run time."""
_CAPSULE: Final = uuid.UUID("6dcbd5ed-e82d-4c44-bda1-7194199ad92a").bytes_le
"""A capsule of the firmware management protocol begins so."""


def check(image: bytes, variables: Path = VARIABLES) -> None:
    if not image.startswith(_CAPSULE):
        raise InputError("the firmware is no UEFI capsule", hint="make the bundle anew")
    if not any(variables.glob("*")):
        raise InputError("the firmware's variables cannot be reached", hint=f"mount efivarfs on {variables}")


def stage(image: bytes, esp: Path, variables: Path = VARIABLES) -> None:
    """`esp` is where the EFI system partition is mounted. `OSError` where it, or the firmware's variables, fail."""
    check(image, variables)
    target = esp / FILE
    target.parent.mkdir(parents=True, exist_ok=True)
    # The firmware would take what an interrupted update left here.
    atomic.sweep(target.parent)
    atomic.write_bytes(target, image)
    for name in IN_THE_WAY:
        _changeable(variables / name)
        (variables / name).unlink(missing_ok=True)
    indications = variables / OS_INDICATIONS
    before = 0
    if indications.exists():
        before = int.from_bytes(indications.read_bytes()[len(_ATTRIBUTES) :], "little")
        _changeable(indications)
    # The kernel wants a variable in one write.
    with indications.open("wb", buffering=0) as file:
        file.write(_ATTRIBUTES + (before | STAGED).to_bytes(8, "little"))


def _changeable(variable: Path) -> None:
    """The kernel protects variables from an `rm -r`."""
    with contextlib.suppress(FileNotFoundError):
        subprocess.run(["chattr", "-i", str(variable)], check=False, stderr=subprocess.DEVNULL)
