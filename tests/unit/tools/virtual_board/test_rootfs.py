"""The root's hash tree, and that what the overlay names is there."""

from __future__ import annotations

import os
import pty
import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from tools.virtual_board import rootfs

VERITY = Path("/sbin/veritysetup")
AGETTY = Path("/sbin/agetty")


@pytest.mark.skipif(not VERITY.exists(), reason="cryptsetup-bin is not installed")
@pytest.mark.parametrize("altered", [None, 0, 40_000])
def test_the_table_opens_the_image_and_no_altered_one(tmp_path: Path, altered: int | None) -> None:
    image = tmp_path / "root.img"
    image.write_bytes(bytes(range(256)) * 256)
    fields = rootfs.add_hashes(image).split()
    blocks, start, root, salt = int(fields[8]), int(fields[9]), fields[11], fields[12]
    assert (fields[:3], blocks * 4096, start) == (["0", "128", "verity"], 65536, blocks)
    if altered is not None:
        content = bytearray(image.read_bytes())
        content[altered] ^= 1
        image.write_bytes(content)
    options = ["--no-superblock", f"--data-blocks={blocks}", f"--hash-offset={start * 4096}", f"--salt={salt}"]
    verified = subprocess.run([VERITY, "verify", image, image, root, *options], capture_output=True)
    assert (verified.returncode == 0) == (altered is None)


def test_every_unit_that_is_enabled_is_there() -> None:
    presets = [path for folder in rootfs.OVERLAYS for path in folder.rglob("*.preset")]
    enabled = re.findall(r"^enable (\S+)", "".join(path.read_text() for path in presets), re.MULTILINE)
    ours = {path.name for folder in rootfs.OVERLAYS for path in (folder / "usr/lib/systemd/system").iterdir()}
    assert {name for name in enabled if not name.startswith("systemd-")} <= ours


@pytest.mark.skipif(shutil.which("dash") is None, reason="dash is not installed")
def test_every_script_is_one_that_the_boxs_shell_reads() -> None:
    scripts = [path for folder in rootfs.OVERLAYS for path in folder.rglob("*") if path.is_file()]
    found = [path for path in scripts if path.read_bytes().startswith(b"#!/bin/sh\n")]
    assert found
    for script in found:
        assert script.stat().st_mode & 0o111
        subprocess.run(["dash", "-n", script], check=True)


@pytest.mark.skipif(not AGETTY.exists(), reason="agetty is not installed")
def test_a_screen_shows_where_the_console_is() -> None:
    issue = next(folder / "etc/issue.d/mouthpiece.issue" for folder in rootfs.OVERLAYS if (folder / "etc").is_dir())
    ours, its = pty.openpty()
    subprocess.run([AGETTY, "--show-issue", "--issue-file", issue], stdin=its, stdout=its, stderr=its, check=True)
    os.close(its)
    assert f"https://{socket.gethostname()}.local/" in os.read(ours, 4096).decode()
    os.close(ours)
