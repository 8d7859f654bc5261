"""What fills an image: every file in one part, and the parts as large as what is in them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from appliance.errors import InputError, UnhealthyError
from tools.yocto import size


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("usr/lib/python3/dist-packages/av/codec/x.so", "av"),
        ("usr/lib/python3/dist-packages/av.libs/libx264.so", "av"),
        ("usr/lib/python3.14/site-packages/opencv_python_headless.libs/libav.so", "opencv_python_headless"),
        ("usr/lib/python3.14/site-packages/PyYAML-6.0.dist-info/RECORD", "pyyaml"),
        ("usr/lib/python3.14/site-packages/six.py", "six"),
        ("usr/lib/python3.14/json/decoder.py", "/usr/lib/python3.14"),
        ("usr/lib/systemd/system/x.service", "/usr/lib/systemd"),
        ("usr/bin/bash", "/usr/bin"),
        ("etc/passwd", "/etc"),
        ("init", "/"),
    ],
)
def test_a_files_part_follows_from_its_path(path: str, part: str) -> None:
    assert size.part_of(path) == part


@pytest.fixture
def image(tmp_path: Path) -> Path:
    if not shutil.which("mksquashfs"):
        pytest.skip("squashfs-tools is not installed")
    tree = tmp_path / "tree"
    contents = {"usr/bin/noise": os.urandom(400_000), "usr/lib/systemd/zeros": bytes(900_000), "etc/name": b"box"}
    for name, content in contents.items():
        (tree / name).parent.mkdir(parents=True)
        (tree / name).write_bytes(content)
    (tree / "etc/link").symlink_to("name")
    command = ["mksquashfs", str(tree), str(tmp_path / "image"), "-comp", "zstd", "-quiet", "-no-progress"]
    subprocess.run(command, check=True, capture_output=True)
    return tmp_path / "image"


def test_the_parts_are_measured_as_the_image_is_packed(image: Path) -> None:
    found = {part.name: part for part in size.parts(image)}
    assert {name: part.unpacked for name, part in found.items()} == {
        "/usr/bin": 400_000,
        "/usr/lib/systemd": 900_000,
        "/etc": 3,
    }
    assert found["/usr/bin"].packed >= 400_000
    assert found["/usr/lib/systemd"].packed < 10_000
    assert next(iter(found)) == "/usr/bin"


def test_without_the_program_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnhealthyError, match="unsquashfs is not installed"):
        size.parts(tmp_path / "file")


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    if not shutil.which("unsquashfs"):
        pytest.skip("squashfs-tools is not installed")
    (tmp_path / "file").write_bytes(b"no")
    with pytest.raises(InputError, match="file is no squashfs"):
        size.parts(tmp_path / "file")
