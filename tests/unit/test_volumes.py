from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from appliance import volumes
from appliance.volumes import Volumes, default_root


def test_the_variable_names_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOUTHPIECE_ROOT", str(tmp_path))
    assert Volumes.default().root == tmp_path


def test_a_checkout_uses_var_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MOUTHPIECE_ROOT", raising=False)
    checkout = Path(volumes.__file__).parents[1]
    assert (checkout / "pyproject.toml").is_file()
    assert default_root() == checkout / "var"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [({"HOME": "/home/ada"}, "/home/ada/.local/share/mouthpiece"), ({"XDG_DATA_HOME": "/x"}, "/x/mouthpiece")],
)
def test_an_installed_package_uses_the_users_data_directory(
    tmp_path: Path, environment: dict[str, str], expected: str
) -> None:
    """A copy of the module that lies in no checkout, as an installed package does."""
    shutil.copy(volumes.__file__, tmp_path / "volumes_copy.py")
    code = "import volumes_copy; print(volumes_copy.default_root())"
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == expected


def test_the_layout_is_that_of_the_box(tmp_path: Path) -> None:
    box = Volumes(tmp_path)
    found = {name: getattr(box, name) for name in ("config", "state", "cache", "data", "avatars", "outputs")}
    assert {name: path.relative_to(tmp_path).as_posix() for name, path in found.items()} == {
        "config": "nor/config",
        "state": "nand/state",
        "cache": "nand/cache",
        "data": "data",
        "avatars": "data/avatars",
        "outputs": "data/outputs",
    }


def test_asking_makes_no_directories(tmp_path: Path) -> None:
    box = Volumes(tmp_path / "root")
    assert box.outputs
    assert not box.root.exists()
