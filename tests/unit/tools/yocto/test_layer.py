"""The Yocto layer as text: what the runtime needs is in it, and the linters of its trade find nothing."""

from __future__ import annotations

import ast
import hashlib
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from kas.configschema import CONFIGSCHEMA
from kas.includehandler import ConfigFile

from tools.bundle_hook import pack
from tools.images.__main__ import board
from tools.yocto import kas

ROOT = Path(__file__).parents[4]
LAYER = ROOT / "yocto-layer/meta-mouthpiece"
RUNTIME = next(LAYER.glob("recipes-mouthpiece/mouthpiece-runtime/*.bb")).read_text()
INSTALLED = set(re.findall(r"python3-[a-z0-9-]+", RUNTIME.partition("RDEPENDS:${PN}")[2]))

RECIPES = {"opencv-python-headless": "python3-opencv"}
"""Where a recipe is not called as the package is."""
SPLIT = {
    "array": "core", "asyncio": "asyncio", "base64": "netclient", "concurrent": "asyncio", "ctypes": "ctypes",
    "datetime": "datetime", "decimal": "numbers", "difflib": "difflib", "fcntl": "fcntl", "fractions": "numbers",
    "gzip": "compression", "hashlib": "netclient", "hmac": "netclient", "html": "html", "http": "netclient",
    "json": "json", "logging": "logging", "mimetypes": "netclient", "mmap": "mmap",
    "multiprocessing": "multiprocessing", "pickle": "multiprocessing", "pprint": "pprint", "queue": "threading",
    "random": "math", "resource": "resource", "secrets": "netclient", "shlex": "shell", "socket": "io",
    "socketserver": "netserver", "sqlite3": "sqlite3", "ssl": "io", "statistics": "statistics", "syslog": "syslog",
    "tarfile": "compression", "tempfile": "io", "tomllib": "tomllib", "unittest": "unittest", "urllib": "netclient",
    "uuid": "netclient", "wave": "audio", "xml": "xml", "zipfile": "compression", "zoneinfo": "zoneinfo",
}  # fmt: skip
"""In which package of python3 a module is that is not in python3-core; or one that brings that package."""


def dependencies() -> dict[str, str]:
    pinned = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    return dict(one.split("==") for one in pinned)


def imported() -> set[str]:
    """Modules of the standard library that the runtime imports."""
    found: set[str] = set()
    for path in (ROOT / "appliance").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {name.name.split(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.split(".")[0])
    return found & sys.stdlib_module_names


@pytest.mark.parametrize("name", dependencies())
def test_the_image_has_every_package_that_the_runtime_depends_on(name: str) -> None:
    assert RECIPES.get(name, f"python3-{name}") in INSTALLED


@pytest.mark.parametrize("module", sorted(imported() & SPLIT.keys()))
def test_the_image_has_the_part_of_python_that_a_module_is_in(module: str) -> None:
    assert f"python3-{SPLIT[module]}" in {*INSTALLED, "python3-core"}


@pytest.mark.parametrize("recipe", sorted(LAYER.glob("recipes-python/*/*.bb")), ids=lambda path: path.stem)
def test_a_package_of_the_layer_is_the_version_that_was_tested(recipe: Path) -> None:
    name, version = recipe.stem.removeprefix("python3-").split("_")
    assert dependencies().get(name, version) == version


def test_the_licence_is_the_one_that_the_recipe_names() -> None:
    digest = hashlib.md5((ROOT / "LICENSE").read_bytes(), usedforsecurity=False).hexdigest()
    assert f"file://LICENSE;md5={digest}" in RUNTIME


def test_nvidias_partitions_have_the_sizes_of_the_boards_description() -> None:
    distribution = (LAYER / "conf/distro/mouthpiece.conf").read_text()
    given = {name: int(size) for name, size in re.findall(r'^(\w+):tegra = "(\d+)"$', distribution, re.MULTILINE)}
    disk = board("jetson-orin-nano").disk
    sizes = {one.name: one.size for one in disk.partitions}
    assert sizes["APP"] == sizes["APP_b"] == given["ROOTFSPART_SIZE"]
    assert sizes["recovery"] == given["TEGRA_RECOVERY_KERNEL_PART_SIZE"]
    assert disk.size == given["TEGRA_EXTERNAL_DEVICE_SECTORS"] * 512


def test_the_bundles_recipe_has_what_its_hook_is_packed_of() -> None:
    recipe = next(LAYER.glob("recipes-mouthpiece/bundles/*.bb")).read_text()
    given = re.findall(r"file://(\S+)", recipe)
    for module in pack.MODULES:
        assert any(module == one or module.startswith(f"{one}/") for one in given), module


def test_oelint_finds_nothing() -> None:
    files = [*LAYER.rglob("*.bb"), *LAYER.rglob("*.bbappend"), *LAYER.rglob("*.bbclass"), *LAYER.glob("conf/**/*.conf")]
    command = [str(Path(sys.executable).with_name("oelint-adv")), "--quiet", "--jobs", "1", *map(str, sorted(files))]
    environment = os.environ | {"OELINT_CONFIG": str(ROOT / ".oelint.cfg")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_oelint_would_find_something(tmp_path: Path) -> None:
    recipe = tmp_path / "wrong_1.0.bb"
    recipe.write_text('LICENSE = "MIT"\nLIC_FILES_CHKSUM = "file://LICENSE;md5=0"\nDEPENDS = "b a"\n')
    command = [str(Path(sys.executable).with_name("oelint-adv")), "--quiet", "--jobs", "1", str(recipe)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert "oelint.var.mandatoryvar.SUMMARY" in done.stderr


@pytest.mark.parametrize("path", sorted(kas.FOLDER.glob("*.yml")), ids=lambda path: path.name)
def test_kas_takes_its_files(path: Path) -> None:
    assert CONFIGSCHEMA["title"]
    ConfigFile.load(path)


@pytest.mark.parametrize("machine", kas.boards())
def test_every_repository_of_a_board_is_locked(machine: str) -> None:
    path = kas.board(machine)
    contents = [content(path), *(content(ROOT / included) for included in content(path)["header"]["includes"])]
    named = {name for one in contents for name in one.get("repos", {})} - {"mouthpiece"}
    locked = kas.commits(path)
    assert locked.keys() == named
    assert all(re.fullmatch(r"[0-9a-f]{40}", commit) for commit in locked.values())


def test_every_board_that_is_described_has_a_kas_file() -> None:
    described = {tomllib.loads(path.read_text())["machine"] for path in (ROOT / "boot/boards").glob("*.toml")}
    assert set(kas.boards()) == described


def content(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text())
    return found
