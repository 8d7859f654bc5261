"""The progress line, on a real terminal."""

from __future__ import annotations

import os
import pty
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TextIO

import pytest

from appliance.pipeline.progress import Progress
from appliance.terminal import ProgressLine


@dataclass(frozen=True)
class Screen:
    """Our end of a terminal whose other end is standard error."""

    terminal: int
    end: TextIO
    patch: pytest.MonkeyPatch

    def line(self, *, quiet: bool = False) -> ProgressLine:
        """A line on this terminal. Only now, for pytest puts a standard error of its own before each test's call."""
        self.patch.setattr(sys, "stderr", self.end)
        return ProgressLine(quiet)

    def received(self) -> str:
        """All that was written so far; a mark of our own tells where that ends."""
        self.end.write("\0")
        self.end.flush()
        text = b""
        while not text.endswith(b"\0"):
            text += os.read(self.terminal, 1 << 16)
        return text[:-1].decode()


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Screen]:
    terminal, end = pty.openpty()
    with os.fdopen(end, "w") as stderr:
        yield Screen(terminal, stderr, monkeypatch)
    os.close(terminal)


def test_it_tells_stage_share_and_time_left(screen: Screen) -> None:
    screen.line().show(Progress("render", 25, 100, 83.4))
    assert screen.received() == "\r    render " + 6 * "━" + 18 * "─" + "  25%  1:23 left\x1b[K"


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        (Progress("decode", 0, 1, None), "decode " + 24 * "─" + "   0%\x1b[K"),
        (Progress("decode", 0, 0, None), "decode " + 24 * "─" + "   0%\x1b[K"),
        (Progress("join", 7, 7, 0.0), "join " + 24 * "━" + " 100%\x1b[K"),
        (Progress("join", 9, 7, None), "join " + 24 * "━" + " 100%\x1b[K"),
    ],
)
def test_nothing_is_said_of_time_when_nothing_can_be(screen: Screen, progress: Progress, words: str) -> None:
    screen.line().show(progress)
    assert screen.received().endswith(words)


def test_it_is_not_drawn_more_often_than_anybody_reads_but_always_in_the_end(screen: Screen) -> None:
    line = screen.line()
    for done in range(1001):
        line.show(Progress("render", done, 1000, None))
    received = screen.received()
    assert received.count("\r") < 500
    assert "100%" in received


def test_a_narrow_terminal_does_not_wrap(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    screen.line().show(Progress("render", 25, 100, 83.4))
    assert len(screen.received().strip("\r").removesuffix("\x1b[K")) == 19


def test_it_leaves_a_clean_line_and_only_where_it_drew_one(screen: Screen) -> None:
    line = screen.line()
    line.close()
    assert screen.received() == ""
    line.show(Progress("render", 1, 2, None))
    line.close()
    assert screen.received().endswith("\r\x1b[K")


def test_quiet_is_quiet(screen: Screen) -> None:
    line = screen.line(quiet=True)
    line.show(Progress("render", 1, 1, None))
    line.close()
    assert screen.received() == ""


def test_nothing_is_drawn_into_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    line = ProgressLine()
    line.show(Progress("render", 1, 1, None))
    line.close()
    assert capsys.readouterr() == ("", "")
