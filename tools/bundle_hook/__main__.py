"""`hook install-check|slot-install`, as RAUC runs it: see the package. RAUC says the rest in the environment."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from appliance.errors import ApplianceError, InputError
from appliance.storage import nor
from tools.bundle_hook import capsule, rockchip

REASON: Final = Path("/run/mouthpiece-hook-failed")
REFUSED: Final = 10
"""From this exit status on RAUC passes an install-check's last words on."""
IMAGE: Final = "firmware.img"
NOR_IMAGE: Final = "firmware-nor.img"
"""Beside the image, in a bundle for a board that has the firmware in its NOR as well."""


def main(request: str, bundle: Path) -> int:
    REASON.unlink(missing_ok=True)
    try:
        if request == "install-check":
            _check(bundle)
        elif request == "slot-install":
            _install(bundle)
        else:
            raise InputError(f"{request!r} is no request")
    except (ApplianceError, OSError) as error:
        reason = error.message if isinstance(error, ApplianceError) else str(error)
        print(reason, file=sys.stderr)
        REASON.write_text(reason)
        return REFUSED
    return 0


def _check(bundle: Path) -> None:
    ours, wanted = os.environ["RAUC_SYSTEM_COMPATIBLE"], os.environ["RAUC_MF_COMPATIBLE"]
    if ours != wanted:
        raise InputError(f"the bundle is for {wanted}, and this box is a {ours}")
    image = (bundle / IMAGE).read_bytes()
    if (bundle / NOR_IMAGE).exists():
        with _copies() as (disk, chip):
            rockchip.check(disk, image)
            rockchip.check(chip, (bundle / NOR_IMAGE).read_bytes())
    else:
        capsule.check(image)


def _install(bundle: Path) -> None:
    image = (bundle / IMAGE).read_bytes()
    if os.environ["RAUC_SLOT_TYPE"] == "raw":
        with _copies() as (disk, chip):
            written = rockchip.renew(disk, image, chip, (bundle / NOR_IMAGE).read_bytes())
        print(f"firmware written: {', '.join(written) or 'nothing, it is there already'}", flush=True)
    else:
        with _mounted() as esp:
            capsule.stage(image, esp)
        print("firmware staged: it is written when the box starts", flush=True)


@contextlib.contextmanager
def _copies() -> Iterator[tuple[rockchip.DiskCopy, rockchip.NorCopy]]:
    descriptor = os.open(rockchip.DISK, os.O_RDWR | os.O_CLOEXEC)
    try:
        with nor.open_medium(rockchip.NOR, size=0, erase_size=0, writable=True) as medium:
            yield rockchip.DiskCopy(descriptor), rockchip.NorCopy(medium)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _mounted() -> Iterator[Path]:
    """The slot's file system: where it is mounted already, or for this once."""
    if place := os.environ.get("RAUC_SLOT_MOUNT_POINT"):
        yield Path(place)
        return
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["mount", "-t", "vfat", os.environ["RAUC_SLOT_DEVICE"], folder], check=True)
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", folder], check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[0]).parent))
