"""Against a real datagram socket, as systemd opens one."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.supervisor.notify import Notifier


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(path)
        end.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        yield end


def test_everything_arrives_and_no_child_inherits_the_socket(systemd: socket.socket) -> None:
    notifier = Notifier()
    assert "NOTIFY_SOCKET" not in os.environ
    notifier.status("worker ready\nconsole ready")
    notifier.ready()
    notifier.alive()
    notifier.stopping()
    said = [systemd.recv(4096).decode() for _ in range(4)]
    assert said == ["STATUS=worker ready console ready", "READY=1", "WATCHDOG=1", "STOPPING=1"]


def test_an_abstract_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        name = f"mouthpiece-test-{os.getpid()}"
        end.bind(f"\0{name}")
        end.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        Notifier().ready()
        assert end.recv(100) == b"READY=1"


def test_without_systemd_nothing_is_sent_and_nothing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notifier = Notifier()
    notifier.ready()
    assert notifier.watchdog_s is None


def test_a_systemd_that_is_gone_stops_nothing(systemd: socket.socket) -> None:
    notifier = Notifier()
    systemd.close()
    notifier.alive()
    assert notifier.watchdog_s is None


@pytest.mark.parametrize(
    ("usec", "pid", "expected"),
    [("30000000", None, 10.0), ("30000000", "own", 10.0), ("30000000", "1", None), ("", None, None)],
)
def test_the_watchdog_is_fed_three_times_a_period_by_whom_it_watches(
    systemd: socket.socket, monkeypatch: pytest.MonkeyPatch, usec: str, pid: str | None, expected: float | None
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", usec)
    if pid:
        monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()) if pid == "own" else pid)
    assert systemd.fileno() >= 0
    assert Notifier().watchdog_s == expected
    assert "WATCHDOG_USEC" not in os.environ
