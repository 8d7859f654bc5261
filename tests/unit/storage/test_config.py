from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import InputError, UnhealthyError
from appliance.findings import Status
from appliance.storage import nor
from appliance.storage.config import FILE, FILE_SIZE, ConfigStore
from appliance.volumes import Volumes

ERASE = 512
OLD = {"name": "box", "settings": {"port": 8080}}
NEW = {"name": "Empfang 前台", "settings": {"port": 9000}, "secret": "x" * 700}


@pytest.fixture
def volumes(tmp_path: Path) -> Volumes:
    return Volumes(tmp_path)


def replace_by(content: dict[str, Any]) -> Any:
    def change(values: dict[str, Any]) -> None:
        values.clear()
        values.update(json.loads(json.dumps(content)))

    return change


def nothing(_values: dict[str, Any]) -> None:
    pass


def flash(volumes: Volumes) -> Path:
    return volumes.config / FILE


def garble(path: Path, offset: int, length: int = 1) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        before = file.read(length)
        file.seek(offset)
        file.write(bytes(byte ^ 0x5A for byte in before))


def status(store: ConfigStore) -> Status:
    (finding,) = store.findings()
    return finding.status


def test_a_new_box_has_an_empty_configuration_and_reading_writes_nothing(volumes: Volumes) -> None:
    store = ConfigStore(volumes)
    assert store.read() == {}
    assert status(store) == Status.OK
    assert list(volumes.root.iterdir()) == []


def test_what_was_stored_is_read_by_another_store(volumes: Volumes) -> None:
    assert ConfigStore(volumes).update(replace_by(NEW)) == NEW
    assert ConfigStore(volumes).read() == NEW


def test_secrets_are_for_the_owner_alone(volumes: Volumes) -> None:
    volumes.config.mkdir(mode=0o755, parents=True)
    ConfigStore(volumes).update(replace_by(NEW))
    assert stat.S_IMODE(volumes.config.stat().st_mode) == 0o700
    assert stat.S_IMODE(flash(volumes).stat().st_mode) == 0o600
    assert stat.S_IMODE(volumes.run.stat().st_mode) == 0o700


def test_unchanged_content_is_not_written(volumes: Volumes) -> None:
    written = CountingWrites()
    store = ConfigStore(volumes, open_medium=written.open)
    store.update(nothing)
    assert written.count == 0
    store.update(replace_by({"b": 1, "a": [1.5, None]}))
    before = written.count
    assert before > 0
    store.update(replace_by({"a": [1.5, None], "b": 1}))
    assert written.count == before


def test_a_change_that_raises_leaves_the_old_content(volumes: Volumes) -> None:
    store = ConfigStore(volumes)
    store.update(replace_by(OLD))

    def refuse(values: dict[str, Any]) -> None:
        values["name"] = "half done"
        raise InputError("no")

    with pytest.raises(InputError, match="no"):
        store.update(refuse)
    assert store.read() == OLD


def test_content_that_does_not_fit_is_refused_and_the_old_stays(volumes: Volumes) -> None:
    store = ConfigStore(volumes)
    store.update(replace_by(OLD))
    with pytest.raises(InputError, match="does not fit"):
        store.update(replace_by({"name": "x" * FILE_SIZE}))
    assert store.read() == OLD
    most = FILE_SIZE // 2 - 20 - len('{"name":""}')
    assert store.update(replace_by({"name": "x" * most})) == store.read()
    with pytest.raises(InputError):
        store.update(replace_by({"name": "x" * (most + 1)}))


@pytest.mark.parametrize("copy", [0, 1])
def test_damage_to_either_copy_loses_nothing_and_the_next_update_repairs_it(volumes: Volumes, copy: int) -> None:
    store = ConfigStore(volumes)
    store.update(replace_by(OLD))
    store.update(replace_by(NEW))
    image = flash(volumes).read_bytes()
    garble(flash(volumes), copy * FILE_SIZE // 2 + 30, 5)
    assert store.read() == NEW
    assert status(store) == Status.WARNING
    store.update(nothing)
    assert status(store) == Status.OK
    assert flash(volumes).read_bytes() == image


def test_every_garbled_byte_of_a_copy_is_noticed(volumes: Volumes) -> None:
    store = ConfigStore(volumes)
    store.update(replace_by(OLD))
    stored = 20 + len(json.dumps(OLD, separators=(",", ":")))
    for offset in range(stored):
        garble(flash(volumes), offset)
        assert store.read() == OLD
        assert not store.load().sound, offset
        garble(flash(volumes), offset)
    assert store.load().sound


def test_when_both_copies_are_damaged_it_is_empty_and_says_so_until_it_is_written_anew(volumes: Volumes) -> None:
    store = ConfigStore(volumes)
    store.update(replace_by(OLD))
    for copy in range(2):
        garble(flash(volumes), copy * FILE_SIZE // 2)
    assert store.read() == {}
    assert store.load().lost
    assert status(store) == Status.PROBLEM
    store.update(replace_by(NEW))
    assert store.read() == NEW
    assert status(store) == Status.OK


@pytest.mark.parametrize("damage", [b"", b"\0" * FILE_SIZE, b"MPC1" * 1000, os.urandom(FILE_SIZE)])
def test_any_bytes_at_all_can_be_read_and_written_over(volumes: Volumes, damage: bytes) -> None:
    volumes.config.mkdir(parents=True)
    flash(volumes).write_bytes(damage)
    store = ConfigStore(volumes)
    assert store.read() == {}
    store.update(replace_by(NEW))
    assert store.read() == NEW


class PowerCut(Exception):  # noqa: N818  not an error of the code under test
    pass


class CountingWrites:
    """Opens a small medium, counts the bytes that are written to it and cuts the power when `cut_at` are.

    The byte at which the power goes is garbled, as a cell that was being programmed is.
    """

    def __init__(self, cut_at: int | None = None) -> None:
        self.count = 0
        self.cut_at = cut_at

    def open(self, path: Path, *, size: int, erase_size: int, writable: bool) -> nor.Medium:
        del size, erase_size
        made = nor.open_medium(path, size=8 * ERASE, erase_size=ERASE, writable=writable)
        assert isinstance(made, nor.FileMedium)
        return self._instrument(made)

    def _instrument(self, medium: nor.FileMedium) -> nor.Medium:
        write = medium._write

        def torn_write(offset: int, data: bytes) -> None:
            if self.cut_at is not None and self.count + len(data) > self.cut_at:
                done = self.cut_at - self.count
                write(offset, data[:done] + bytes([data[done] ^ 0x81]))
                raise PowerCut
            self.count += len(data)
            write(offset, data)

        medium._write = torn_write  # type: ignore[method-assign]
        return medium


def test_whatever_byte_the_power_goes_at_the_content_is_the_old_or_the_new(volumes: Volumes) -> None:
    calm = CountingWrites()
    store = ConfigStore(volumes, open_medium=calm.open)
    store.update(replace_by(OLD))
    before = flash(volumes).read_bytes()
    calm.count = 0
    store.update(replace_by(NEW))
    total = calm.count
    seen = []
    for cut_at in range(0, total, 19):
        flash(volumes).write_bytes(before)
        with pytest.raises(PowerCut):
            ConfigStore(volumes, open_medium=CountingWrites(cut_at).open).update(replace_by(NEW))
        found = store.read()
        assert found in (OLD, NEW), cut_at
        seen.append(found == NEW)
        # The box goes on: a second cut in the repair loses nothing either, and then it is whole again.
        with pytest.raises(PowerCut):
            ConfigStore(volumes, open_medium=CountingWrites(100).open).update(nothing)
        assert store.read() == found
        store.update(nothing)
        assert store.read() == found
        assert store.load().sound
    assert seen == sorted(seen), "once the new content is there it must not go away"
    assert {True, False} == set(seen)


def test_a_cut_in_the_very_first_update_leaves_a_new_box(volumes: Volumes) -> None:
    calm = CountingWrites()
    ConfigStore(volumes, open_medium=calm.open).update(replace_by(NEW))
    for cut_at in range(0, calm.count, 37):
        flash(volumes).unlink()
        with pytest.raises(PowerCut):
            ConfigStore(volumes, open_medium=CountingWrites(cut_at).open).update(replace_by(NEW))
        found = ConfigStore(volumes, open_medium=CountingWrites().open).read()
        assert found in ({}, NEW)


def test_a_worn_block_refuses_the_change_and_keeps_the_good_copy(volumes: Volumes) -> None:
    store = ConfigStore(volumes, open_medium=CountingWrites().open)
    store.update(replace_by(OLD))
    garble(flash(volumes), 25)

    class Worn(CountingWrites):
        def _instrument(self, medium: nor.FileMedium) -> nor.Medium:
            write = medium._write

            def stuck_write(offset: int, data: bytes) -> None:
                write(offset, data)
                os.pwrite(medium._descriptor, b"\x00", 25)

            medium._write = stuck_write  # type: ignore[method-assign]
            return medium

    worn = ConfigStore(volumes, open_medium=Worn().open)
    with pytest.raises(UnhealthyError, match="does not hold"):
        worn.update(replace_by(NEW))
    assert store.read() == OLD
    assert status(store) == Status.WARNING


def test_updates_of_several_processes_are_all_kept(volumes: Volumes) -> None:
    code = (
        "import sys; from pathlib import Path; from appliance.volumes import Volumes;"
        "from appliance.storage.config import ConfigStore\n"
        "store = ConfigStore(Volumes(Path(sys.argv[1])))\n"
        "def add(values):\n"
        "    for name in (sys.argv[2], 'all'): values[name] = values.get(name, 0) + 1\n"
        "for _ in range(10): store.update(add)\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, volumes.root, name]) for name in "abc"]
    store = ConfigStore(volumes)
    while any(process.poll() is None for process in running):
        # A reader never sees a torn state.
        snapshot = store.load()
        assert snapshot.sound
        assert snapshot.values.get("all", 0) == sum(snapshot.values.get(name, 0) for name in "abc")
    assert [process.returncode for process in running] == [0, 0, 0]
    assert store.read() == {"a": 10, "b": 10, "c": 10, "all": 30}


def test_updates_of_several_threads_are_all_kept(volumes: Volumes) -> None:
    store = ConfigStore(volumes)

    def work() -> None:
        for _ in range(5):
            store.update(lambda values: values.__setitem__("n", values.get("n", 0) + 1))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.read() == {"n": 20}


def test_a_medium_that_cannot_be_written_is_the_boxs_fault(volumes: Volumes) -> None:
    store = ConfigStore(volumes)
    store.update(replace_by(OLD))

    def refuse(path: Path, *, size: int, erase_size: int, writable: bool) -> nor.Medium:
        del path, size, erase_size, writable
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    with pytest.raises(UnhealthyError, match="Read-only") as caught:
        ConfigStore(volumes, open_medium=refuse).update(replace_by(NEW))
    assert str(volumes.config) in caught.value.message
    assert caught.value.hint
    assert store.read() == OLD


def test_a_file_in_the_place_of_the_directory_is_the_boxs_fault(volumes: Volumes) -> None:
    volumes.config.parent.mkdir()
    volumes.config.write_text("")
    with pytest.raises(UnhealthyError):
        ConfigStore(volumes).update(replace_by(NEW))
