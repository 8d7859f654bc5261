"""The table that recovery makes anew is the one that the board was flashed with."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from appliance.console.recovery import disk as recovery
from appliance.console.recovery.layout import Layout
from tools.images import disk
from tools.images.__main__ import board
from tools.recovery_image import contents

ENVIRONMENT = os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}


def sfdisk(*arguments: str, given: str = "") -> str:
    command = ["sfdisk", *arguments]
    return subprocess.run(command, env=ENVIRONMENT, input=given, check=True, capture_output=True, text=True).stdout


def table(image: Path) -> list[tuple[str, int]]:
    found = json.loads(sfdisk("--json", str(image)))["partitiontable"]["partitions"]
    return [(one["name"], one["start"]) for one in found]


@pytest.mark.parametrize("name", ["rock-5b", "virt-arm64"])
def test_every_partition_begins_where_it_was(name: str, tmp_path: Path) -> None:
    if not shutil.which("sfdisk", path=ENVIRONMENT["PATH"]):
        pytest.skip("fdisk is not installed")
    described = board(name)
    disk.image(described, {}, tmp_path / "flashed")
    file = tmp_path / "board.json"
    file.write_text(json.dumps(contents.layout(name, described)))
    with (tmp_path / "anew").open("wb") as anew:
        anew.truncate(described.disk.size)
    sfdisk("--quiet", str(tmp_path / "anew"), given=recovery.table(Layout.read(file).partitions))
    assert table(tmp_path / "anew") == table(tmp_path / "flashed")
