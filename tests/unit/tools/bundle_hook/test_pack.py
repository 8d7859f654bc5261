"""The hook as a bundle carries it: one file, which runs without anything of ours on the machine."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.bundle_hook import pack


def run(hook: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """With no more than Python's own modules."""
    command = [sys.executable, "-I", "-S", str(hook), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def hook(tmp_path: Path) -> Path:
    assert pack.main([str(tmp_path / "hook")]) == 0
    return tmp_path / "hook"


def test_the_same_bytes_whenever_it_is_made(hook: Path, tmp_path: Path) -> None:
    pack.pack(tmp_path / "again")
    assert hook.read_bytes() == (tmp_path / "again").read_bytes()
    assert hook.read_bytes().startswith(b"#!/usr/bin/python3\n")
    assert os.access(hook, os.X_OK)


def test_a_bundle_for_another_board_is_refused_in_words(hook: Path) -> None:
    if os.geteuid():
        pytest.skip("only root may write down the reason")
    done = run(hook, "install-check", RAUC_SYSTEM_COMPATIBLE="ours", RAUC_MF_COMPATIBLE="theirs")
    assert done.returncode == 10
    assert done.stderr == "the bundle is for theirs, and this box is a ours\n"


def test_it_has_every_module_of_ours_that_it_imports() -> None:
    named = {name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in pack.MODULES}
    for name in pack.MODULES:
        for node in ast.walk(ast.parse((pack.ROOT / name).read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in ("appliance", "tools"):
                found = {f"{node.module}.{one.name}" for one in node.names} | {node.module}
                # What the package itself forwards is imported only when it is called.
                assert found & named or node.module.startswith("appliance.pipeline"), (name, node.module)
