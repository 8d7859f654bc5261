"""`mouthpiece backup` and `mouthpiece restore` as processes, with scrypt at its real cost."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.volumes import Volumes
from tests.unit.update.boxes import PASSPHRASE, full_box, kept

MOUTHPIECE = [sys.executable, "-m", "appliance"]


def mouthpiece(volumes: Volumes, *words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*MOUTHPIECE, "--data", str(volumes.root), *map(str, words)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
    )


@pytest.fixture
def passphrase(tmp_path: Path) -> Path:
    file = tmp_path / "passphrase"
    file.write_text(PASSPHRASE + "\n")
    return file


def test_a_box_moves_into_another(tmp_path: Path, passphrase: Path) -> None:
    old, new = full_box(tmp_path / "old"), Volumes(tmp_path / "new")
    file = tmp_path / "lobby.backup"
    saved = mouthpiece(old, "backup", file, "--passphrase-file", passphrase)
    assert (saved.returncode, saved.stderr) == (0, "")
    restored = mouthpiece(new, "restore", file, "--passphrase-file", passphrase)
    assert (restored.returncode, restored.stderr) == (0, "")
    assert "restored 8 files of lobby" in restored.stdout
    assert kept(new) == kept(old)
    assert not any(PASSPHRASE in said for said in (saved.stdout, restored.stdout))


def test_what_cannot_be_restored_says_why(tmp_path: Path, passphrase: Path) -> None:
    box, file = full_box(tmp_path / "box"), tmp_path / "file"
    assert mouthpiece(box, "backup", file, "--passphrase-file", passphrase).returncode == 0
    wrong = tmp_path / "wrong"
    wrong.write_text("another passphrase")
    for words, reason in (
        ((file, "--passphrase-file", wrong), "error: the passphrase is wrong\n"),
        ((passphrase, "--passphrase-file", passphrase), "error: this is no backup of this kind of box\n"),
        ((tmp_path / "nothing", "--passphrase-file", passphrase), "nothing: No such file or directory\n"),
        ((file, "--passphrase-file", tmp_path / "nothing"), "nothing: No such file or directory\n"),
        ((file,), "error: nobody is there to ask for the passphrase\n"),
    ):
        done = mouthpiece(box, "restore", *words)
        assert done.returncode == 1
        assert reason in done.stderr
        assert "Traceback" not in done.stderr


def test_on_a_terminal_it_asks_twice_and_shows_nothing(tmp_path: Path) -> None:
    box, file = full_box(tmp_path / "box"), tmp_path / "file"
    process, terminal = on_a_terminal(box, "backup", file)
    shown = b""
    for prompt in (b"Passphrase: ", b"Repeat for confirmation: "):
        while not shown.endswith(prompt):
            shown += os.read(terminal, 1000)
        os.write(terminal, PASSPHRASE.encode() + b"\n")
    while piece := _read(terminal):
        shown += piece
    os.close(terminal)
    assert process.wait(120) == 0
    assert PASSPHRASE.encode() not in shown
    assert b"saved 1.6 MB" in shown
    assert file.stat().st_size > 1_600_000


def test_an_answer_that_never_comes_calls_it_off(tmp_path: Path) -> None:
    process, terminal = on_a_terminal(full_box(tmp_path / "box"), "backup", tmp_path / "file")
    shown = b""
    while not shown.endswith(b"Passphrase: "):
        shown += os.read(terminal, 1000)
    os.write(terminal, b"\x04")  # Ctrl-D
    while piece := _read(terminal):
        shown += piece
    os.close(terminal)
    assert process.wait(120) == 130
    assert shown.split() == [b"Passphrase:", b"cancelled"]
    assert not (tmp_path / "file").exists()


def on_a_terminal(volumes: Volumes, *words: object) -> tuple[subprocess.Popen[bytes], int]:
    """The process, and what its user types into and reads from."""
    terminal, end = pty.openpty()
    command = [*MOUTHPIECE, "--data", str(volumes.root), *map(str, words)]
    process = subprocess.Popen(command, stdin=end, stdout=end, stderr=end, start_new_session=True)
    os.close(end)
    return process, terminal


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1000)
    except OSError:  # how a terminal says that nobody has it open any more
        return b""
