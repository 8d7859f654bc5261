"""The installed command, run as users run it, on a box of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from appliance.storage import atomic

COMMAND: Final = str(Path(sys.executable).with_name("mouthpiece"))
SMALL: Final = ("--min-resolution", "128")
"""Render a small picture in its own size."""

TIMEOUT_S: Final = 120


@dataclass(frozen=True, slots=True)
class Box:
    """`root` holds the volumes."""

    root: Path

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "MOUTHPIECE_ROOT": str(self.root), "OMP_NUM_THREADS": "1"}

    def run(self, *arguments: str | Path, folder: Path | None = None) -> Done:
        """Run the command to its end."""
        return subprocess.run(
            [COMMAND, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            env=self.environment,
            cwd=folder,
            timeout=TIMEOUT_S,
        )

    def render(self, avatar: str | Path, audio: Path, out: Path, *options: str) -> dict[str, Any]:
        """Render, and give back the report."""
        done = self.run("render", "--avatar", avatar, "--audio", audio, "--out", out, *SMALL, *options, "--json")
        assert (done.returncode, done.stderr) == (0, "")
        report: dict[str, Any] = json.loads(done.stdout)
        return report


Done = subprocess.CompletedProcess[str]


def leftovers(*folders: Path) -> list[Path]:
    """What an interrupted writer would have left behind."""
    return [path for folder in folders for path in folder.rglob(atomic.PREFIX + "*")]


def assert_refused(done: Done, *words: str | Path, code: int = 1) -> None:
    """The command said what is wrong and what to do, in words for people, and left with `code`."""
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    problem, _, fix = done.stderr.partition("\n  fix: ")
    assert problem.startswith("error: "), done.stderr
    assert fix.strip(), done.stderr
    for word in words:
        assert str(word) in done.stderr
