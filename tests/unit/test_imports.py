"""Who may import whom. The rules are those of docs/ARCHITECTURE.md; the controls show that each can fail.

Every import statement counts, also one inside a function. One under `if TYPE_CHECKING:` does not, for it never runs.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import appliance

PACKAGE = Path(appliance.__file__).parent

GROUND = {"errors", "settings", "volumes", "findings", "link"}
STANDING_ON_STORAGE = {"pipeline", "capture", "jobs", "update"}

# Room -> the rooms that it may import. A module directly below the package is a room of its own.
MAY_IMPORT: dict[str, set[str]] = {
    **{room: set() for room in GROUND},
    # It says what is wrong with a value that a person gave.
    "settings": {"errors"},
    # The client of the supervisor's socket; it needs to know where the volumes lie.
    "control": {"errors", "volumes"},
    "storage": GROUND,
    **{room: GROUND | {"storage"} for room in STANDING_ON_STORAGE},
    "jobs": GROUND | {"storage", "pipeline"},
    "console": GROUND | {"control", "storage", "jobs", "update"},
    "supervisor": GROUND | {"control", "storage"},
    "terminal": set(),
    # The package itself forwards `load_model`, and only when it is called.
    "__init__": {"pipeline"},
    "__main__": {"cli", *GROUND},
}
COMMAND_LINE = {"cli", "commands"}
"""They know everybody."""
STORAGE_MAY_USE = {"zstandard"}
WORKER = "worker"
"""The one module of `jobs` that may call the pipeline."""


def room_of(module: Path, package: Path) -> str:
    return module.relative_to(package).with_suffix("").parts[0]


def imports_of(source: str, module: Path, package: Path) -> Iterator[str]:
    """Absolute dotted names of everything that the module imports."""
    tree = ast.parse(source)
    skipped = {
        id(node)
        for test in ast.walk(tree)
        if isinstance(test, ast.If) and "TYPE_CHECKING" in ast.unparse(test.test)
        for branch in test.body
        for node in ast.walk(branch)
    }
    here = [package.name, *module.relative_to(package).parts[:-1]]
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(here[: len(here) - node.level + 1]) if node.level else ""
            stem = ".".join(part for part in (base, node.module) if part)
            yield from (f"{stem}.{alias.name}" for alias in node.names)


def violations(package: Path) -> list[str]:
    found = []
    for module in sorted(package.rglob("*.py")):
        room = room_of(module, package)
        if room in COMMAND_LINE:
            continue
        allowed = MAY_IMPORT.get(room)
        if allowed is None:
            found.append(f"{module.name}: the room {room} has no import rule")
            continue
        where = module.relative_to(package)
        for name in imports_of(module.read_text(), module, package):
            top, *rest = name.split(".")
            if top == package.name:
                target = rest[0] if rest else ""
                if target == "__version__" or target == room:
                    continue
                if target not in allowed or (room == "jobs" and target == "pipeline" and module.stem != WORKER):
                    found.append(f"{where} imports {name}")
            elif room in GROUND | {"storage"} and top not in sys.stdlib_module_names | STORAGE_MAY_USE | {"__future__"}:
                found.append(f"{where} imports {name}, which is not in the standard library")
    return found


def test_the_house_keeps_its_rules() -> None:
    assert violations(PACKAGE) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("errors.py", "from appliance import settings"),
        ("volumes.py", "import appliance.storage.atomic"),
        ("settings.py", "import numpy"),
        ("storage/cache.py", "import numpy as np"),
        ("storage/cache.py", "from appliance.pipeline import track"),
        ("storage/cache.py", "def late():\n    import appliance.jobs.queue\n"),
        ("storage/cache.py", "from ..pipeline import track"),
        ("storage/deep/er.py", "from ...jobs import queue"),
        ("pipeline/model.py", "from appliance.jobs import queue"),
        ("pipeline/model.py", "from appliance.supervisor import health"),
        ("capture/microphone.py", "from appliance.pipeline.sound import open_sound"),
        ("update/slots.py", "from appliance.capture import microphone"),
        ("jobs/queue.py", "from appliance.pipeline.model import load"),
        ("console/app.py", "from appliance.pipeline.progress import Job"),
        ("console/app.py", "import appliance.pipeline"),
        ("supervisor/tree.py", "from appliance.jobs import worker"),
        ("supervisor/tree.py", "from appliance import pipeline"),
        ("pipeline/model.py", "from appliance import load_model"),
        ("pipeline/model.py", "from appliance.cli import main"),
        ("attic/new_room.py", "x = 1"),
    ],
)
def test_a_forbidden_import_is_caught(tmp_path: Path, module: str, source: str) -> None:
    path = tmp_path / "appliance" / module
    path.parent.mkdir(parents=True)
    path.write_text(source)
    assert len(violations(tmp_path / "appliance")) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        (
            "storage/cache.py",
            "import os, zstandard\nfrom appliance import settings\nfrom appliance.errors import InputError",
        ),
        ("storage/cache.py", "from . import atomic\nfrom .atomic import sweep"),
        (
            "pipeline/model.py",
            "import numpy\nfrom appliance.storage import atomic\nfrom appliance.pipeline.track import x",
        ),
        ("jobs/worker.py", "from appliance.pipeline.model import load"),
        ("console/app.py", "import flask\nfrom appliance.jobs import queue\nfrom appliance import __version__"),
        ("console/app.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import appliance.pipeline.track"),
        ("cli.py", "from appliance import pipeline, jobs, console, supervisor"),
        ("cli/render.py", "from appliance.pipeline.model import load"),
    ],
)
def test_a_permitted_import_passes(tmp_path: Path, module: str, source: str) -> None:
    path = tmp_path / "appliance" / module
    path.parent.mkdir(parents=True)
    path.write_text(source)
    assert violations(tmp_path / "appliance") == []


HEAVY = ("cv2", "torch", "av", "onnxruntime", "numpy", "PIL")


def loaded_by(statement: str) -> set[str]:
    code = f"{statement}; import sys; print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(said.stdout.split())


@pytest.mark.parametrize(
    "statement",
    [
        "import appliance",
        "import appliance.errors, appliance.settings, appliance.volumes, appliance.findings",
        "import appliance.storage.atomic",
        "import appliance.supervisor.health.report",
        "import appliance.pipeline.hardware.checks, appliance.pipeline.hardware.telemetry",
    ],
)
def test_a_light_import_loads_nothing_heavy(statement: str) -> None:
    assert loaded_by(statement).isdisjoint(HEAVY)


def test_the_test_for_heavy_modules_can_fail() -> None:
    assert "numpy" in loaded_by("import numpy")


def test_the_command_line_starts_without_the_engines() -> None:
    pytest.importorskip("appliance.cli")
    assert loaded_by("import appliance.cli").isdisjoint(("cv2", "torch", "av", "onnxruntime"))
