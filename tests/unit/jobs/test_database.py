"""The file under the queue: durable settings, migrations, damage, several processes."""

from __future__ import annotations

import logging
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.errors import UnhealthyError
from appliance.jobs.database import Database

SCHEMA = ("CREATE TABLE t (x TEXT)",)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "t.sqlite"


def add(database: Database, value: str) -> None:
    with database.writing() as connection:
        connection.execute("INSERT INTO t (x) VALUES (?)", (value,))


def content(database: Database) -> list[str]:
    with database.reading() as connection:
        return [x for (x,) in connection.execute("SELECT x FROM t ORDER BY rowid")]


def damaged(path: Path) -> list[Path]:
    return [found for found in path.parent.glob("*.damaged-*") if not found.name.endswith(("-wal", "-shm"))]


def test_it_is_set_up_for_power_cuts_on_flash(path: Path) -> None:
    with Database(path, SCHEMA).reading() as connection:
        asked = [
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "page_size")
        ]
    assert asked == ["wal", 2, 1024]


def test_a_commit_survives_a_process_that_dies_without_a_word(path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from appliance.jobs.database import Database\n"
        "d = Database(Path(sys.argv[1]), ('CREATE TABLE t (x TEXT)',))\n"
        "with d.writing() as c: c.execute(\"INSERT INTO t VALUES ('kept')\")\n"
        "with d.writing() as c:\n c.execute(\"INSERT INTO t VALUES ('lost')\")\n os.kill(os.getpid(), 9)\n"
    )
    died = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert died.returncode == -9
    assert content(Database(path, SCHEMA)) == ["kept"]


def test_a_block_that_raises_changes_nothing(path: Path) -> None:
    database = Database(path, SCHEMA)

    def half() -> None:
        with database.writing() as connection:
            connection.execute("INSERT INTO t VALUES ('x')")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    assert content(database) == []


def test_migrations_run_once_and_in_order(path: Path) -> None:
    add(Database(path, SCHEMA), "old")
    newer = (*SCHEMA, "ALTER TABLE t ADD COLUMN y TEXT NOT NULL DEFAULT 'added'")
    for _ in range(2):
        with Database(path, newer).reading() as connection:
            assert connection.execute("SELECT x, y FROM t").fetchall() == [("old", "added")]
            assert connection.execute("PRAGMA user_version").fetchone() == (2,)


def test_an_older_program_goes_on_with_a_newer_database(path: Path) -> None:
    add(Database(path, (*SCHEMA, "ALTER TABLE t ADD COLUMN y TEXT DEFAULT ''")), "new")
    older = Database(path, SCHEMA)
    add(older, "old")
    assert content(older) == ["new", "old"]


def test_processes_that_open_it_at_once_agree_on_one_schema(path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from appliance.jobs.database import Database\n"
        "d = Database(Path(sys.argv[1]), ('CREATE TABLE t (x TEXT)',))\n"
        "for i in range(20):\n with d.writing() as c: c.execute('INSERT INTO t VALUES (?)', (sys.argv[2],))\n"
    )
    started = [subprocess.Popen([sys.executable, "-c", code, str(path), str(number)]) for number in range(4)]
    assert [process.wait(60) for process in started] == [0] * 4
    assert len(content(Database(path, SCHEMA))) == 80


@pytest.mark.parametrize("junk", [b"x" * 5000, b"SQLite format 3\0" + os.urandom(3000)])
def test_a_file_that_is_no_database_is_set_aside(path: Path, junk: bytes, caplog: pytest.LogCaptureFixture) -> None:
    path.parent.mkdir()
    path.write_bytes(junk)
    database = Database(path, SCHEMA)
    with caplog.at_level(logging.ERROR):
        assert content(database) == []
    add(database, "new")
    assert content(Database(path, SCHEMA)) == ["new"]
    (kept,) = damaged(path)
    assert kept.read_bytes() == junk
    assert "damaged" in caplog.text


def overwrite(path: Path) -> None:
    """Damage all pages but the first, as a dying medium would."""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    with path.open("r+b") as file:
        file.seek(1024)
        file.write(b"\xa5" * (path.stat().st_size - 1024))


def test_damage_met_later_is_told_once_and_then_it_works_again(path: Path) -> None:
    first = Database(path, SCHEMA)
    for number in range(200):
        add(first, f"{number}" * 20)
    first.close()
    overwrite(path)
    again = Database(path, SCHEMA)
    with pytest.raises(UnhealthyError, match="damaged"):
        content(again)
    assert content(again) == []
    add(again, "new")
    assert content(Database(path, SCHEMA)) == ["new"]
    assert len(damaged(path)) == 1


def test_a_check_finds_damage_before_anybody_asks(path: Path) -> None:
    first = Database(path, SCHEMA)
    for number in range(200):
        add(first, f"{number}" * 20)
    first.close()
    overwrite(path)
    again = Database(path, SCHEMA)
    again.check()
    assert content(again) == []
    assert len(damaged(path)) == 1


def test_a_check_leaves_a_sound_file_alone(path: Path) -> None:
    database = Database(path, SCHEMA)
    add(database, "x")
    database.check()
    assert content(database) == ["x"]
    assert damaged(path) == []


def test_who_has_the_old_file_open_goes_on_with_the_new_one(path: Path) -> None:
    """Another process that kept writing into the file set aside would lose what it acknowledges."""
    other = Database(path, SCHEMA)
    add(other, "before")
    path.rename(path.with_name("t.sqlite.damaged-x"))
    for ending in ("-wal", "-shm"):
        path.with_name(path.name + ending).unlink()
    add(Database(path, SCHEMA), "by the one who renamed it")
    add(other, "by the other")
    assert content(Database(path, SCHEMA)) == ["by the one who renamed it", "by the other"]


def test_only_the_newest_damaged_file_is_kept(path: Path) -> None:
    path.parent.mkdir()
    path.with_name("t.sqlite.damaged-20200101-000000").write_bytes(b"x")
    path.write_bytes(b"y" * 5000)
    content(Database(path, SCHEMA))
    assert [kept.read_bytes() for kept in damaged(path)] == [b"y" * 5000]


def test_a_place_where_nothing_can_be_written_is_the_boxs_fault(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file, where a folder should be")
    with pytest.raises(UnhealthyError, match="cannot be used"):
        content(Database(tmp_path / "state" / "t.sqlite", SCHEMA))


def test_the_version_tells_of_writes_by_others(path: Path) -> None:
    watcher, writer = Database(path, SCHEMA), Database(path, SCHEMA)
    before = watcher.version()
    assert watcher.version() == before
    thread = threading.Thread(target=lambda: add(writer, "x"))
    thread.start()
    thread.join()
    assert watcher.version() != before


@pytest.fixture
def simulated_read_only_volume(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Says whether the volume is read-only; a real one is in tests/board/test_flash_faults.py."""
    return lambda frozen: monkeypatch.setattr("appliance.jobs.frozen.is_frozen", lambda _: frozen)


def test_what_is_on_a_read_only_volume_can_be_read_with_simulated_volume(
    path: Path, simulated_read_only_volume: Callable[[bool], None]
) -> None:
    writer, opened_before = Database(path, SCHEMA), Database(path, SCHEMA)
    add(writer, "kept")
    assert content(opened_before) == ["kept"]
    before = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    simulated_read_only_volume(True)
    for database in (opened_before, Database(path, (*SCHEMA, "CREATE TABLE u (x TEXT)"))):
        assert content(database) == ["kept"]
        with pytest.raises(UnhealthyError, match="its volume has become read-only"):
            add(database, "lost")
        with database.reading() as connection, pytest.raises(sqlite3.OperationalError, match="readonly"):
            connection.execute("DELETE FROM t")
        database.check()
        database.close()
    assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == before

    simulated_read_only_volume(False)
    add(opened_before, "more")
    assert content(opened_before) == content(writer) == ["kept", "more"]


def test_a_read_only_volume_without_a_database_has_an_empty_one_with_simulated_volume(
    path: Path, simulated_read_only_volume: Callable[[bool], None]
) -> None:
    path.parent.mkdir()
    simulated_read_only_volume(True)
    assert content(Database(path, SCHEMA)) == []
    assert not list(path.parent.iterdir())


def test_damage_on_a_read_only_volume_is_told_and_left_alone_with_simulated_volume(
    path: Path, simulated_read_only_volume: Callable[[bool], None]
) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no database at all" * 100)
    simulated_read_only_volume(True)
    with pytest.raises(UnhealthyError, match="cannot be used: file is not a database"):
        content(Database(path, SCHEMA))
    assert [file.name for file in path.parent.iterdir()] == [path.name]
