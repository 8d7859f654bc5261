"""What people see while they wait, and what scripts read."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
from pathlib import Path

import pytest

from tests.integration.box import COMMAND, SMALL, TIMEOUT_S, Box


def on_terminal(box: Box, *arguments: str) -> tuple[int, str, str]:
    """Run with standard error on a terminal; exit code, standard output, and what the terminal received."""
    terminal, end = pty.openpty()
    with os.fdopen(terminal, "rb", buffering=0) as screen:
        with subprocess.Popen(
            [COMMAND, *arguments], env=box.environment, stdout=subprocess.PIPE, stderr=end, text=True
        ) as process:
            os.close(end)
            received = bytearray()
            try:
                while part := screen.read(4096):
                    received += part
            except OSError:
                pass  # how Linux says that the last writer is gone
            stdout, _ = process.communicate(timeout=TIMEOUT_S)
        return process.returncode, stdout, received.decode()


@pytest.fixture
def arguments(portrait: Path, speech: Path, tmp_path: Path) -> list[str]:
    files = ["--avatar", str(portrait), "--audio", str(speech), "--out", str(tmp_path / "o.mp4")]
    return ["render", *files, *SMALL, "--duration", "40"]


def test_a_terminal_shows_stage_bar_and_time_left(box: Box, arguments: list[str]) -> None:
    code, stdout, screen = on_terminal(box, *arguments)
    assert code == 0
    assert re.search(r"render [━─]{24} +\d+%  \d+:\d\d left", screen)
    assert re.search(r"join ━{24} 100%", screen)
    assert "\n" not in screen, "one line, drawn again and again"
    assert screen.endswith("\r\x1b[K"), "the line is clean in the end"
    shares = [int(share) for share in re.findall(r"render [━─]+ +(\d+)%", screen)]
    assert shares == sorted(shares)
    assert re.fullmatch(r"\S+o\.mp4: 40\.0 s, 256x256 at 25 fps, made in [\d.]+ s \([\d.]+x real time\)\n", stdout)


def test_an_error_comes_on_a_clean_line(box: Box, arguments: list[str]) -> None:
    arguments[arguments.index("--audio") + 1] = "/missing.wav"
    code, _, screen = on_terminal(box, *arguments)
    assert code == 1
    assert "error: there is no file /missing.wav" in screen.split("\x1b[K")[-1]


def test_a_pipe_gets_no_bar(box: Box, arguments: list[str]) -> None:
    done = box.run(*arguments)
    assert done.returncode == 0
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1


def test_json_is_one_document_that_tells_what_each_stage_cost(box: Box, arguments: list[str]) -> None:
    code, stdout, screen = on_terminal(box, *arguments, "--seed", "1", "--json")
    assert (code, screen) == (0, "")
    report = json.loads(stdout)
    assert stdout.count("\n") == 1
    assert report["out"] == arguments[arguments.index("--out") + 1]
    assert (report["width"], report["height"], report["fps"]) == (256, 256, 25)
    assert (report["frames"], report["seconds"]) == (1000, 40)
    assert report["engine"] in ("onnxruntime", "torch")
    assert report["encoder"]
    assert set(report["stages"]) == {"paint_s", "encode_s", "motion_and_sound_s", "join_s", "wall_s"}
    assert all(cost > 0 for cost in report["stages"].values())
