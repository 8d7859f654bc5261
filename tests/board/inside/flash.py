"""In the guest: the job database and the log on UBIFS, the data on ext4, and the power cut.

    python -m tests.board.inside.flash before|submit|after

`before` breaks the data disk in the ways that it can break, then has a process submit jobs as fast as it can (`submit`)
and cuts the power while it does. `after` is run by the next boot and tells what is there.

The flash is a disk behind block2mtd, which has a cache that real flash has not. So the submitting process is held at an
instant, the disk is given what the kernel had programmed until then, and nothing that UBIFS itself still holds back.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from appliance.findings import Status
from appliance.jobs import uploads
from appliance.jobs.store import JobStore
from appliance.storage.logs import LogWriter, read
from appliance.supervisor import health
from appliance.supervisor.boot import BootMarker
from appliance.volumes import Volumes
from tests.board.inside.command import mouthpiece
from tests.board.inside.facts import Facts, until

BOX: Final = Volumes(Path("/mnt/box"))
SPEECH: Final = Path("/out/speech.wav")
_ACKNOWLEDGED: Final = Path("/out/acknowledged")
_ENOUGH: Final = 40
_LOG_BYTES: Final = 4 << 20


def before(facts: Facts) -> None:
    facts["state on"] = _file_system(BOX.state)
    with _full(BOX.data):
        facts["full"] = _tried()
    subprocess.run(["mount", "-o", "remount,ro", str(BOX.data)], check=True)
    facts["read-only"] = _tried()
    subprocess.run(["mount", "-o", "remount,rw", str(BOX.data)], check=True)
    facts["well again"] = mouthpiece(BOX, "jobs", "submit", "--avatar", "demo", "--audio", str(SPEECH), "--json")
    BootMarker(BOX.state).begin("test")
    submitting = subprocess.Popen([sys.executable, "-m", "tests.board.inside.flash", "submit"])
    until(lambda: len(_acknowledged()) >= _ENOUGH, "enough is acknowledged")
    submitting.send_signal(signal.SIGSTOP)
    os.waitpid(submitting.pid, os.WUNTRACED)
    flash = os.open("/dev/vdb", os.O_RDWR)
    os.fsync(flash)
    facts["cut after"] = len(_acknowledged())
    Path("/proc/sysrq-trigger").write_text("b")
    signal.pause()


def submit() -> None:
    """Submit and log for ever, and say what was promised to be durable."""
    store, log = JobStore(BOX.jobs), LogWriter(BOX.logs, total_bytes=_LOG_BYTES)
    with _ACKNOWLEDGED.open("a", buffering=1) as acknowledged:
        for number in range(1_000_000):
            job = store.submit("inspect", {"upload": "a" * 20}, title=f"job {number}")
            record = log.append("ERROR", "test", f"record {number}")
            log.flush()
            acknowledged.write(json.dumps({"job": job.id, "record": record.id}) + "\n")


def after(facts: Facts) -> None:
    facts["state on"] = _file_system(BOX.state)
    with contextlib.closing(sqlite3.connect(BOX.jobs)) as connection:
        facts["integrity"] = connection.execute("PRAGMA integrity_check").fetchone()[0]
    acknowledged = _acknowledged()
    store = JobStore(BOX.jobs)
    stored = {job.id for job in store.list(limit=10_000)}
    facts["jobs lost"] = [one["job"] for one in acknowledged if one["job"] not in stored]
    facts["jobs"] = len(stored)
    records = {record.id for record in read(BOX.logs)}
    facts["records lost"] = [one["record"] for one in acknowledged if one["record"] not in records]
    facts["records"] = len(records)
    facts["ended"] = BootMarker(BOX.state).begin("test").ended.name
    rendering = store.list(kind="render")[0]
    sound = uploads.get(BOX, rendering.spec["audio"]["upload"]).path
    facts["upload is whole"] = _digest(sound) == _digest(SPEECH)
    facts["claimed"] = [job.id == rendering.id for job in store.claim("worker", 60)]
    facts["leftovers"] = [str(path) for path in BOX.data.rglob(".tmp-*")]


def _tried() -> dict[str, Any]:
    """What a person is told who wants something of a box with a broken data disk."""
    store = JobStore(BOX.jobs)
    before = store.counts()
    submitted = mouthpiece(BOX, "jobs", "submit", "--avatar", "demo", "--audio", str(SPEECH))
    listed = mouthpiece(BOX, "jobs", "list", "--json")
    return {
        "submit": submitted,
        "list": listed,
        "findings": {
            one.message: one.fix for one in health.examine(health.checks(BOX)) if one.status == Status.PROBLEM
        },
        "queue changed": store.counts() != before,
        "state works": store.submit("inspect", {"upload": "a" * 20}, key="while the disk is broken").title == "",
    }


@contextlib.contextmanager
def _full(folder: Path) -> Iterator[None]:
    path = folder / "filling"
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(1 << 20))
    with path.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(512))
    yield
    path.unlink()


def _acknowledged() -> list[dict[str, Any]]:
    lines = _ACKNOWLEDGED.read_text().split("\n") if _ACKNOWLEDGED.exists() else [""]
    return [json.loads(line) for line in lines[:-1]]


def _file_system(path: Path) -> str:
    shown = subprocess.run(["stat", "-f", "-c", "%T", path], check=True, capture_output=True, text=True)
    return shown.stdout.strip()


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    match sys.argv[1]:
        case "before":
            before(Facts())
        case "submit":
            submit()
        case "after":
            after(Facts())
