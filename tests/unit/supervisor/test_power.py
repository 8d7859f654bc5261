from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from appliance.supervisor.power import EV_KEY, EVENT, PRESSED, PowerKeys

EV_SYN = 0


def event(kind: int, code: int, value: int) -> bytes:
    return EVENT.pack(1, 2, kind, code, value)


def heard_of(tmp_path: Path, *written: bytes) -> list[str]:
    """What is reported when a device, a FIFO in its place, says this, a piece at a time, and is unplugged."""
    node = str(tmp_path / "event0")
    os.mkfifo(node)
    heard: list[str] = []

    async def run() -> None:
        keys = PowerKeys(heard.append)
        keys.add(node)
        with Path(node).open("wb", buffering=0) as end:
            for piece in written:
                end.write(piece)
                await asyncio.sleep(0)
                await asyncio.sleep(0)
        while keys.listens_to(node):
            await asyncio.sleep(0)
        keys.close()

    asyncio.run(asyncio.wait_for(run(), 10))
    return heard


def test_a_press_on_a_simulated_device_is_power_failing(tmp_path: Path) -> None:
    assert heard_of(tmp_path, event(EV_KEY, 116, PRESSED)) == [f"a key of {tmp_path / 'event0'}"]


@pytest.mark.parametrize("said", [event(EV_KEY, 116, 0), event(EV_KEY, 116, 2), event(EV_SYN, 0, 1), b"short"])
def test_anything_else_on_a_simulated_device_is_not(tmp_path: Path, said: bytes) -> None:
    assert heard_of(tmp_path, said) == []


def test_a_press_among_others_on_a_simulated_device(tmp_path: Path) -> None:
    said = event(EV_SYN, 0, 0) + event(EV_KEY, 30, 0) + event(EV_KEY, 236, PRESSED) + event(EV_SYN, 0, 0)
    assert len(heard_of(tmp_path, said)) == 1


def test_a_machine_without_such_a_device_is_no_error(tmp_path: Path) -> None:
    async def run() -> None:
        keys = PowerKeys(pytest.fail)
        keys.watch()
        keys.add(str(tmp_path / "nothing"))
        keys.close()

    asyncio.run(run())
