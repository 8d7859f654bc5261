"""In the guest: a child of the supervisor that strains the machine in one way after the other, when it is told to.

    python -m tests.board.inside.strain NAME FOLDER

Told by files in FOLDER, named after the strains; it publishes the state "STRAIN of NAME". NAME.bin in FOLDER is what it
writes and reads. The last strain is to allocate memory for ever, which only the worker does.
"""

from __future__ import annotations

import mmap
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from appliance.link import Link
from tests.board.inside.facts import until

STRAINS: Final = ("write", "read", "spin")
_BLOCK: Final = 128 << 10
_TRANSFERRED: Final = 4 << 20
_SPIN_S: Final = 4.0


def strain(name: str, folder: Path) -> None:
    link = Link.from_environment()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    threading.Thread(target=_beat, args=(link,), daemon=True).start()
    link.ready()
    path = folder / f"{name}.bin"
    strains: dict[str, Callable[[], float]] = {
        "write": lambda: _transfer(path, os.O_WRONLY | os.O_CREAT, lambda file, data: os.writev(file, [data])),
        "read": lambda: _transfer(path, os.O_RDONLY, lambda file, data: os.readv(file, [data])),
        "spin": _spin,
    }
    for what in STRAINS:
        _wait_for(folder / what)
        link.state(f"{what} of {name}", {"result": strains[what]()})
    _wait_for(folder / "allocate")
    kept = []
    while name == "worker":
        kept.append(bytearray(os.urandom(1 << 12) * 64))
    signal.pause()


def _wait_for(order: Path) -> None:
    until(order.exists, f"told to {order.name}")


def _beat(link: Link) -> None:
    while True:
        link.beat()
        time.sleep(1)


def _transfer(path: Path, flags: int, move: Callable[[int, mmap.mmap], int]) -> float:
    """Bytes a second past the page cache."""
    aligned = mmap.mmap(-1, _BLOCK)
    file = os.open(path, flags | os.O_DIRECT)
    start = time.monotonic()
    for _ in range(_TRANSFERRED // _BLOCK):
        move(file, aligned)
    seconds = time.monotonic() - start
    os.close(file)
    return _TRANSFERRED / seconds


def _spin() -> float:
    """The share of one processor, which the others want too."""
    os.sched_setaffinity(0, {0})
    start, end = time.process_time(), time.monotonic() + _SPIN_S
    while time.monotonic() < end:
        pass
    return (time.process_time() - start) / _SPIN_S


if __name__ == "__main__":
    strain(sys.argv[1], Path(sys.argv[2]))
