"""What the layer writes into NVIDIA's layout for recovery: the append's own lines, on a made-up layout."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

from tools.yocto import kas

FOLDER = kas.LAYER / "dynamic-layers/tegra"
APPEND = FOLDER / "recipes-bsp/tegra-binaries/tegra-storage-layout_%.bbappend"
SIMULATED = """<partition_layout version="01.00.0000">
    <device type="external" instance="0" sector_size="512" num_sectors="EXT_NUM_SECTORS" >
        <partition name="RECNAME" type="kernel"><filename> RECFILE </filename></partition>
        <partition name="RECDTB-NAME" type="kernel_dtb"><filename> RECDTB-FILE </filename></partition>
        <partition name="APP" id="1" type="data"><filename> APPFILE </filename></partition>
        <partition name="APP_b" id="2" type="data"></partition>
        <partition name="secondary_gpt" type="secondary_gpt"></partition>
    </device>
</partition_layout>
"""


def changed(folder: Path, layout: str) -> subprocess.CompletedProcess[str]:
    """The append's task on `layout`, in a shell that has bitbake's functions."""
    (folder / "external-flash.xml").write_text(layout)
    (folder / "nativepython3").symlink_to(sys.executable)
    body = re.search(r"^do_compile:append:mouthpiece\(\) {\n(.*?)\n}$", APPEND.read_text(), re.DOTALL | re.MULTILINE)
    assert body is not None
    lines = body[1].replace("${S}", str(kas.ROOT)).replace("${MOUTHPIECE_BOARD}", "jetson-orin-nano")
    script = f'set -e\nbbfatal() {{ echo "$*"; exit 1; }}\n{lines}\n'
    environment = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}"}
    return subprocess.run(
        ["sh", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_recovery_lies_in_both_its_partitions_with_simulated_layout(tmp_path: Path) -> None:
    done = changed(tmp_path, SIMULATED)
    assert (done.returncode, done.stderr) == (0, "")
    root = ET.fromstring((tmp_path / "external-flash.xml").read_text())  # noqa: S314  our own
    files = {one.get("name"): (one.findtext("filename") or "").strip() for one in root.iter("partition")}
    assert (files["RECNAME"], files["RECDTB-NAME"], files["APP"]) == ("recovery.img", "DTB_FILE", "APPFILE")
    assert {"config", "data"} <= files.keys()


def test_a_layout_without_a_place_for_it_ends_the_build_with_simulated_layout(tmp_path: Path) -> None:
    done = changed(tmp_path, SIMULATED.replace("RECDTB-FILE", "RECDTB"))
    assert (done.returncode, done.stdout.strip()) == (1, "NVIDIA's layout has no RECDTB-FILE")


def test_the_flash_package_has_the_file_that_the_layout_names() -> None:
    assert "<filename> recovery.img <" in APPEND.read_text()
    image = (FOLDER / "recipes-mouthpiece/images/mouthpiece-image.bbappend").read_text()
    assert re.search(r"^    cp \S+ recovery\.img$", image, re.MULTILINE)
