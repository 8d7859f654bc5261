"""Whole or not at all, with the knife at every step.

Two knives. The fault injection makes each call that touches the disk (open, write, fsync, rename, chmod) fail in turn,
a write after its first half, in this process: the cleanup runs, so nothing may be left. The crash kills a child process
with SIGKILL at each of those calls in turn: no cleanup runs, so a `.tmp-` name may be left and `sweep` must remove it.
Both learn which calls there are from a first run that only counts, so that a call added later is cut as well.
"""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.storage import atomic

# Everything through which this module can change a disk. `mkdtemp` and `mkstemp` come down to mkdir and open.
CALLS = ("open", "mkdir", "chmod", "fsync", "rename", "replace")


class Knife:
    """Replaces the calls of `os` by ones that count, and at number `cut` do `harm` instead."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, cut: int | None, harm: Callable[[], None]) -> None:
        self.count = 0
        for name in CALLS:
            monkeypatch.setattr(os, name, self._wrap(getattr(os, name), cut, harm))
        monkeypatch.setattr(Path, "write_bytes", self._wrap_write(Path.write_bytes, cut, harm))

    def _wrap(self, real: Callable[..., Any], cut: int | None, harm: Callable[[], None]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.count += 1
            if self.count == cut:
                harm()
            return real(*args, **kwargs)

        return call

    def _wrap_write(self, real: Callable[..., int], cut: int | None, harm: Callable[[], None]) -> Callable[..., int]:
        def write(path: Path, data: bytes) -> int:
            self.count += 1
            if self.count == cut:
                real(path, data[: len(data) // 2])
                harm()
            return real(path, data)

        return write


def no_space() -> None:
    raise OSError(28, "No space left on device")


def leftovers(directory: Path) -> list[str]:
    return [entry.name for entry in directory.iterdir() if entry.name.startswith(atomic.PREFIX)]


def replace_the_file(directory: Path) -> None:
    atomic.write_bytes(directory / "target", b"new" * 1000)


def make_the_directory(directory: Path) -> None:
    with atomic.new_directory(directory / "target") as temporary:
        (temporary / "inner").mkdir()
        (temporary / "inner" / "a").write_bytes(b"a" * 1000)
        (temporary / "b").write_bytes(b"b")


def content(target: Path) -> dict[str, bytes] | bytes | None:
    if target.is_dir():
        return {str(one.relative_to(target)): one.read_bytes() for one in target.rglob("*") if one.is_file()}
    return target.read_bytes() if target.exists() else None


NEW_DIRECTORY = {"inner/a": b"a" * 1000, "b": b"b"}
CASES = [
    pytest.param(replace_the_file, b"old", b"new" * 1000, id="file"),
    pytest.param(replace_the_file, None, b"new" * 1000, id="first-file"),
    pytest.param(make_the_directory, None, NEW_DIRECTORY, id="directory"),
]


def count_calls(act: Callable[[Path], None], directory: Path) -> int:
    with pytest.MonkeyPatch.context() as patch:
        knife = Knife(patch, None, no_space)
        act(directory)
    return knife.count


@pytest.mark.parametrize(("act", "old", "new"), CASES)
def test_every_failing_call_leaves_old_or_new_and_no_litter(
    tmp_path: Path, act: Callable[[Path], None], old: bytes | None, new: Any
) -> None:
    (tmp_path / "count").mkdir()
    calls = count_calls(act, tmp_path / "count")
    assert calls >= 4
    outcomes = []
    for cut in range(1, calls + 1):
        directory = tmp_path / str(cut)
        directory.mkdir()
        if old is not None:
            (directory / "target").write_bytes(old)
        with pytest.MonkeyPatch.context() as patch:
            Knife(patch, cut, no_space)
            with pytest.raises(OSError, match="No space left"):
                act(directory)
        found = content(directory / "target")
        assert found in (old, new)
        assert leftovers(directory) == []
        outcomes.append(found == new)
    assert outcomes[0] is False
    assert outcomes == sorted(outcomes), "once the new content shows, it must stay"


CRASH = """
    import os, signal, sys
    from pathlib import Path
    sys.path[:0] = {paths!r}
    import test_atomic
    class Patch:
        setattr = staticmethod(setattr)
    test_atomic.Knife(Patch(), int(sys.argv[1]), lambda: os.kill(os.getpid(), signal.SIGKILL))
    getattr(test_atomic, sys.argv[2])(Path(sys.argv[3]))
"""


@pytest.mark.parametrize(("act", "old", "new"), CASES)
def test_every_real_crash_leaves_old_or_new_and_only_what_sweep_removes(
    tmp_path: Path, act: Callable[[Path], None], old: bytes | None, new: Any
) -> None:
    script = textwrap.dedent(CRASH).format(paths=[str(Path(__file__).parent)])
    seen_litter = False
    (tmp_path / "count").mkdir()
    for cut in range(1, count_calls(act, tmp_path / "count") + 1):
        directory = tmp_path / str(cut)
        directory.mkdir()
        if old is not None:
            (directory / "target").write_bytes(old)
        crash = subprocess.run(
            [sys.executable, "-c", script, str(cut), act.__name__, str(directory)], stderr=subprocess.PIPE, check=False
        )
        assert crash.returncode == -signal.SIGKILL, crash.stderr.decode()
        seen_litter = seen_litter or leftovers(directory) != []
        atomic.sweep(directory)
        assert leftovers(directory) == []
        assert content(directory / "target") in (old, new)
    assert seen_litter, "no crash left anything, so the knife did not cut between writing and renaming"


@pytest.mark.parametrize("act", [replace_the_file, make_the_directory])
def test_what_is_renamed_was_synced_before_and_its_name_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: Callable[[Path], None]
) -> None:
    """A kill keeps what the kernel holds, so only the order of the calls shows what a power cut would leave."""
    synced: list[int] = []
    renamed: list[tuple[set[int], set[int]]] = []
    real_fsync, real_rename, real_replace = os.fsync, os.rename, os.replace

    def inodes(path: Path) -> set[int]:
        return {one.stat().st_ino for one in (path, *path.rglob("*"))}

    def fsync(handle: int) -> None:
        synced.append(os.fstat(handle).st_ino)
        real_fsync(handle)

    def moving(real: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
        def move(source: Any, target: Any) -> None:
            renamed.append((inodes(Path(source)), set(synced)))
            synced.clear()
            real(source, target)

        return move

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "rename", moving(real_rename))
    monkeypatch.setattr(os, "replace", moving(real_replace))
    act(tmp_path)
    ((moved, synced_before),) = renamed
    assert moved <= synced_before
    assert synced == [tmp_path.stat().st_ino]


@pytest.fixture
def umask() -> Iterator[Callable[[int], int]]:
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


def test_the_result_has_the_rights_that_a_plain_file_would_have(tmp_path: Path, umask: Callable[[int], int]) -> None:
    umask(0o027)
    atomic.write_bytes(tmp_path / "file", b"x")
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640


def test_an_error_of_the_writer_removes_what_it_wrote_and_passes_through(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old")

    def fail() -> None:
        with atomic.replaced_file(target) as temporary:
            temporary.write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert target.read_bytes() == b"old"
    assert leftovers(tmp_path) == []


def test_the_suffix_is_the_temporary_names_ending(tmp_path: Path) -> None:
    with atomic.replaced_file(tmp_path / "clip.mp4", suffix=".mp4") as temporary:
        assert temporary.suffix == ".mp4"
        assert temporary.parent == tmp_path
        temporary.write_bytes(b"x")


def test_an_existing_directory_is_not_replaced(tmp_path: Path) -> None:
    make_the_directory(tmp_path)
    (tmp_path / "target" / "b").write_bytes(b"kept")
    with pytest.raises(OSError, match="not empty"):
        make_the_directory(tmp_path)
    assert (tmp_path / "target" / "b").read_bytes() == b"kept"
    assert leftovers(tmp_path) == []


def test_sweep_touches_nothing_else(tmp_path: Path) -> None:
    (tmp_path / ".tmp-file").write_bytes(b"")
    (tmp_path / ".tmp-directory" / "inner").mkdir(parents=True)
    (tmp_path / "kept.tmp-").write_bytes(b"")
    atomic.sweep(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["kept.tmp-"]
