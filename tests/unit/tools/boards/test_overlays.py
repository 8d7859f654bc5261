"""Every overlay compiles without a warning. tests/board applies them to the trees that boards really have."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.unit.tools.boards.conftest import ROOT

OVERLAYS = sorted((ROOT / "boot/generated").glob("*/*.dtso"))

pytestmark = pytest.mark.skipif(shutil.which("dtc") is None, reason="the package device-tree-compiler is missing")


def complaints(overlay: Path, folder: Path) -> str:
    command = ["dtc", "-@", "-I", "dts", "-O", "dtb", "-o", str(folder / "overlay.dtbo"), str(overlay)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stderr


@pytest.mark.parametrize("overlay", OVERLAYS, ids=[f"{path.parent.name}-{path.stem}" for path in OVERLAYS])
def test_an_overlay_compiles_without_warnings(overlay: Path, tmp_path: Path) -> None:
    assert complaints(overlay, tmp_path) == ""


def test_a_fault_would_be_noticed(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.dtso"
    wrong.write_text('/dts-v1/;\n/plugin/;\n&{/} {\n\tnode@1 {\n\t\tlabel = "no reg";\n\t};\n};\n')
    assert "unit_address_vs_reg" in complaints(wrong, tmp_path)
