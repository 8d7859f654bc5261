"""What a log costs the flash, line by line or in blocks. Runs in the guest, under a clock of its own.

The lines are like those of a busy box: some forms, each with its numbers and names. They come again after 20 s, when no
block remembers them. An ERROR, which is stored at once, comes once a minute.
"""

from __future__ import annotations

import itertools
import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Protocol

from appliance.storage.logs import LogWriter
from tests.bench import simulated_nand

LINES_A_SECOND: Final = 200
_TICK_S: Final = 0.1
"""As often as the supervisor's journal looks."""
_MOUNT: Final = Path("/tmp/nand")  # noqa: S108
_FORMS: Final = (
    ("DEBUG", "worker", "painted frames {n}-{m} of job {id} in {ms} ms"),
    ("DEBUG", "worker.cache", "fragment {hex}: hit, {n} bytes"),
    ("INFO", "worker", "job {id}: {p} % done, {m} s left"),
    ("INFO", "console", "192.168.{b}.{b2} GET /api/v1/jobs/{id} 200 in {ms} ms"),
    ("INFO", "console", "192.168.{b}.{b2} POST /api/v1/uploads 201, {n} bytes in {ms} ms"),
    ("INFO", "supervisor", "worker: {n} kB resident, {p} % of a core"),
    ("WARNING", "recorder", "the microphone was {ms} ms late; level {p} dB"),
    ("DEBUG", "console.tls", "connection {n} from 192.168.{b}.{b2}: handshake in {ms} ms"),
)

Line = tuple[str, str, str]


class Log(Protocol):
    def write(self, now: float, line: Line) -> None: ...
    def close(self) -> None: ...


class LinePerFsync:
    """The obvious way: each line is written and synced; files are cut and deleted like the segments of the other."""

    def __init__(self, folder: Path, total_bytes: int) -> None:
        folder.mkdir()
        self._folder, self._file_bytes = folder, total_bytes // 16
        self._number = 0
        self._file = self._new()

    def _new(self) -> int:
        self._size = 0
        (self._folder / f"{self._number - 15:06d}").unlink(missing_ok=True)
        self._number += 1
        return os.open(self._folder / f"{self._number:06d}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, now: float, line: Line) -> None:
        data = text(now, line)
        if self._size + len(data) > self._file_bytes:
            os.close(self._file)
            self._file = self._new()
        self._size += os.write(self._file, data)
        os.fsync(self._file)

    def close(self) -> None:
        os.close(self._file)


class Blocks:
    """The box's own writer, ticked as the supervisor ticks it."""

    def __init__(self, folder: Path, total_bytes: int) -> None:
        self._now = 0.0
        self._ticked = 0.0
        self._writer = LogWriter(folder, total_bytes=total_bytes, clock=lambda: self._now)

    def write(self, now: float, line: Line) -> None:
        self._now = now
        self._writer.append(*line, t=now)
        if now - self._ticked >= _TICK_S:
            self._ticked = now
            self._writer.tick()
            if self._writer.problem:
                raise RuntimeError(self._writer.problem)

    def close(self) -> None:
        self._writer.close()


LOGS: Final[dict[str, Callable[[Path, int], Log]]] = {"line_per_fsync": LinePerFsync, "blocks": Blocks}


def lines(seed: int = 1) -> Iterator[tuple[float, Line]]:
    """When each line is logged, and the line; for ever."""
    source = random.Random(seed)  # noqa: S311
    jobs = [f"{source.randrange(36**12):012x}" for _job in range(8)]
    some = [_line(source, jobs) for _number in range(20 * LINES_A_SECOND)]
    for number, (level, part, message) in enumerate(itertools.cycle(some), 1):
        now = 1_767_225_600.0 + number / LINES_A_SECOND
        yield now, ("ERROR" if number % (60 * LINES_A_SECOND) == 0 else level, part, message)


def _line(source: random.Random, jobs: list[str]) -> Line:
    level, part, form = source.choice(_FORMS)
    values = {
        "n": source.randrange(1_000_000),
        "m": source.randrange(2000),
        "p": source.randrange(100),
        "ms": source.randrange(1, 400),
        "b": source.randrange(4),
        "b2": source.randrange(2, 255),
        "id": source.choice(jobs),
        "hex": f"{source.randrange(16**16):016x}",
    }
    return level, part, form.format(**values)


def text(now: float, line: Line) -> bytes:
    """The line as a text file has it; its length is what a megabyte of log is counted in."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    return f"{stamp}.{int(now * 1000) % 1000:03d} {line[0]} {line[1]}: {line[2]}\n".encode()


def wear_of(name: str, *, warm_up: int, measured: int, total_bytes: int, volume_mb: int) -> dict[str, float]:
    """What so many lines cost once the log is full and its oldest parts are deleted for new ones."""
    with simulated_nand.chip(64, 8, volume_mb), simulated_nand.mounted(_MOUNT, "state"):
        log, source = LOGS[name](_MOUNT / "log", total_bytes), lines()
        for _number in range(warm_up):
            log.write(*next(source))
        before, length = simulated_nand.wear(), 0
        for _number in range(measured):
            line = next(source)
            length += len(text(*line))
            log.write(*line)
        wear = simulated_nand.wear() - before
        log.close()
    return {
        "lines": measured,
        "bytes": length,
        "erases": wear.erases,
        "programmed": wear.programmed,
        "erases_per_mb": round(wear.erases / length * 1e6, 3),
        "blocks_programmed_per_mb": round(wear.programmed / simulated_nand.BLOCK_BYTES / length * 1e6, 3),
    }
