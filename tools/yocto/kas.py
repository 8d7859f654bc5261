"""kas on this repository's boards, with every other repository taken from a folder of clones.

The clones may have any names and be bare or not: the one that has the locked commit is the right one. All that is
written lies in `WORK`; the clones are only read. bitbake refuses to run as root; root's runs happen under another
number in a user namespace, in which root's files are its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from appliance.errors import InputError

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = ROOT / "yocto-layer/kas"
LAYER: Final = ROOT / "yocto-layer/meta-mouthpiece"
# In the checkout, because kas wants all its files in one repository.
WORK: Final = ROOT / "build/yocto"
_OFFLINE: Final = """
BB_NO_NETWORK = "1"
CONNECTIVITY_CHECK_URIS = ""
BB_HASHSERVE = ""
BB_SIGNATURE_HANDLER = "OEBasicHash"
INHERIT:remove = "rm_work"
SANITY_TESTED_DISTROS = ""
"""


def boards(folder: Path = FOLDER) -> dict[str, Path]:
    """The kas file of every machine."""
    return {
        str(content["machine"]): path for path in sorted(folder.glob("*.yml")) if "machine" in (content := _read(path))
    }


def board(machine: str, folder: Path = FOLDER) -> Path:
    known = boards(folder)
    if machine not in known:
        raise InputError(f"there is no kas file for the machine {machine!r}", hint=f"there are {', '.join(known)}")
    return known[machine]


def targets(machine: str) -> list[str]:
    """What is built for a board."""
    return list(_read(board(machine))["target"])


def commits(path: Path) -> dict[str, str]:
    """What the lock files say of a kas file and of what it includes: a commit for each repository."""
    found: dict[str, str] = {}
    for included in _read(path)["header"].get("includes", []):
        found |= commits(ROOT / included)
    lock = path.with_suffix(".lock.yml")
    if lock.exists():
        found |= {name: one["commit"] for name, one in _read(lock)["overrides"]["repos"].items()}
    return found


def clones(folder: Path) -> list[Path]:
    """The git repositories in a folder and in its folders."""
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder", hint="give the folder with your clones of the layers")
    near = [folder, *folder.glob("*"), *folder.glob("*/*")]
    return sorted(path for path in near if (path / ".git").exists() or {"HEAD", "objects"} <= _names(path))


def sources(wanted: Mapping[str, str], folder: Path) -> dict[str, Path]:
    """Which clone has each commit."""
    available = clones(folder)
    found = {name: next((clone for clone in available if _has(clone, commit)), None) for name, commit in wanted.items()}
    missing = [f"{name} at {wanted[name]}" for name, clone in found.items() if clone is None]
    if missing:
        raise InputError(f"no clone in {folder} has {', nor '.join(missing)}", hint="clone it there, or fetch")
    return {name: clone for name, clone in found.items() if clone}


def shell(
    machine: str, folder: Path, command: str, log: Path, *, build: str = "", extra: str = "", layer: str = ""
) -> int:
    """Run `command` in the build environment of a board, offline; its exit status. What it says is in `log`.

    `build` names the build folder in `WORK`, by itself the machine; `extra` is added to local.conf, and `layer`, a
    folder of this repository, to the layers.
    """
    path, build = board(machine), build or machine
    WORK.mkdir(parents=True, exist_ok=True)
    overlay = WORK / f"{build}.yml"
    local: dict[str, Any] = {
        "header": {"version": 19},
        "repos": {name: {"url": str(clone)} for name, clone in sources(commits(path), folder.resolve()).items()},
        "local_conf_header": {"zz-offline": _OFFLINE + extra},
    }
    if layer:
        local["repos"]["mouthpiece"] = {"layers": {layer: None}}
    overlay.write_text(yaml.safe_dump(local))
    files = ":".join(str(file.relative_to(ROOT)) for file in (path, overlay))
    environment = os.environ | {"KAS_WORK_DIR": str(WORK), "KAS_BUILD_DIR": str(WORK / build)}
    started = [str(Path(sys.executable).with_name("kas")), "shell", files, "-c", command]
    if os.geteuid() == 0:
        started = ["unshare", "--user", "--map-user=1000", "--map-group=1000", *started]
    with log.open("wb") as file:
        done = subprocess.run(started, cwd=ROOT, env=environment, stdout=file, stderr=subprocess.STDOUT, check=False)
    return done.returncode


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


def _names(path: Path) -> set[str]:
    return {entry.name for entry in path.iterdir()} if path.is_dir() else set()


def _has(clone: Path, commit: str) -> bool:
    command = ["git", "-C", str(clone), "cat-file", "-e", f"{commit}^{{commit}}"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
