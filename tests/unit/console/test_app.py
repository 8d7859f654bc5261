"""What the console as a whole must not do: load what is heavy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HEAVY = {"numpy", "cv2", "torch", "av", "onnxruntime", "PIL", "cryptography"}


def loaded_after(code: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
                          capture_output=True, text=True, check=True)  # fmt: skip
    return {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}


def test_the_console_loads_nothing_heavy(tmp_path: Path) -> None:
    code = f"""
from pathlib import Path
from appliance.volumes import Volumes
from appliance.console import app, serve
app.create_app(Volumes(Path({str(tmp_path)!r}))).test_client().get("/api/v1/openapi.json")
"""
    loaded = loaded_after(code)
    assert "flask" in loaded
    assert loaded & HEAVY == set()


def test_the_control_would_see_it() -> None:
    assert "numpy" in loaded_after("import numpy")
