"""A backup made, and put back: whole, or not at all."""

from __future__ import annotations

import io
import json
import os
import tarfile
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import CancelledError, InputError, UnhealthyError
from appliance.jobs import saved
from appliance.jobs.job import State
from appliance.jobs.store import JobStore
from appliance.storage.config import ConfigStore
from appliance.update import archive, sealed, space
from appliance.update import restore as restoring
from appliance.update.backup import Backup
from appliance.volumes import Volumes
from tests.unit.update.boxes import PASSPHRASE, VIDEO, full_box, kept, made, put_back


def sealed_archive(*files: tuple[str, bytes]) -> bytes:
    members = [archive.at_hand(name, content) for name, content in files]
    return b"".join(sealed.seal(archive.pieces(members), PASSPHRASE))


def manifest(**changes: Any) -> tuple[str, bytes]:
    values = {"format": 1, "version": "0.0.1", "created": 0.0, "name": "", "bytes": 0, "files": 0} | changes
    return "manifest.json", json.dumps(values).encode()


def test_a_fresh_box_becomes_the_old_one(tmp_path: Path) -> None:
    old, new = full_box(tmp_path / "old"), Volumes(tmp_path / "new")
    content = made(old)
    assert put_back(new, content).name == "lobby"
    assert kept(new) == kept(old)
    assert [entry.name for entry in new.data.iterdir() if entry.name not in ("avatars", "outputs")] == []


def test_its_size_is_known_before(tmp_path: Path) -> None:
    backup = Backup(full_box(tmp_path), b"")
    assert backup.size == len(b"".join(backup.stream(PASSPHRASE)))


def test_what_is_inside_is_an_ordinary_archive(tmp_path: Path) -> None:
    old = full_box(tmp_path)
    plain = b"".join(sealed.unseal(io.BytesIO(made(old, b"{}\n")), PASSPHRASE))
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        names = tar.getnames()
        video = tar.extractfile(f"outputs/{VIDEO}.mp4")
        assert video is not None
        assert video.read() == (old.outputs / f"{VIDEO}.mp4").read_bytes()
    assert names[:3] == ["manifest.json", "config.json", "jobs.jsonl"]
    assert len(names) == 9
    assert not any(".tmp-" in name for name in names)


def test_finished_videos_are_listed_again_and_unfinished_work_is_not(tmp_path: Path) -> None:
    old, new = full_box(tmp_path / "old"), Volumes(tmp_path / "new")
    store = JobStore(old.jobs)
    spec = {"avatar": "anna", "audio": {"upload": "b" * 20}}
    done = store.submit("render", spec, title="Hello")
    assert store.claim("worker", 60) is not None
    store.finish(done.id, {"output": f"{done.id}.mp4", "seconds": 2.5})
    store.submit("render", spec, title="still waiting")
    content = made(old, saved.lines(store))
    put_back(new, content)
    put_back(new, content)
    (found,) = JobStore(new.jobs).list()
    assert (found.id, found.title, found.state) == (done.id, "Hello", State.DONE)
    assert found.result == {"output": f"{done.id}.mp4", "seconds": 2.5}


def test_a_box_in_use_gets_its_own_back_and_keeps_the_rest(tmp_path: Path) -> None:
    box = full_box(tmp_path)
    content, before = made(box), kept(box)
    (box.avatars / "anna" / "frames.mp4").write_bytes(b"changed")
    (box.avatars / "anna" / "extra").write_bytes(b"extra")
    (box.avatars / "berta").mkdir()
    (box.avatars / "berta" / "manifest.json").write_text("new since")
    (box.outputs / f"{VIDEO}.mp4").unlink()
    ConfigStore(box).update(lambda values: values.update(name="other", tokens=[1]))
    put_back(box, content)
    assert kept(box) == {**before, "avatars/berta/manifest.json": b"new since"}


@pytest.mark.parametrize("damage", ["flipped", "cut off", "wrong passphrase", "cut off at a chunk"])
def test_nothing_changes_unless_the_whole_file_is_good(tmp_path: Path, damage: str) -> None:
    content = bytearray(made(full_box(tmp_path / "old")))
    passphrase = PASSPHRASE
    match damage:
        case "flipped":
            content[-100] ^= 1
        case "cut off":
            del content[-100:]
        case "cut off at a chunk":
            del content[sealed.HEAD_BYTES + sealed.CHUNK + 16 :]
        case _:
            passphrase = "another passphrase"  # noqa: S105
    box = full_box(tmp_path / "box")
    before = kept(box)
    with pytest.raises(InputError):
        put_back(box, bytes(content), passphrase)
    assert kept(box) == before
    assert [entry.name for entry in box.data.iterdir() if entry.name not in ("avatars", "outputs")] == []


@pytest.mark.parametrize(
    "name",
    ["../escape", "/etc/passwd", "outputs/../../x", "outputs/.hidden", "elsewhere/x", "outputs", "avatars/./../x"],
)
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    content = sealed_archive(manifest(), ("config.json", b"{}"), ("jobs.jsonl", b""), (name, b"x"))
    with pytest.raises(InputError, match="which none of this box does"):
        put_back(Volumes(tmp_path / "box"), content)
    assert [path.name for path in tmp_path.iterdir()] == ["box"]


def test_links_in_an_archive_are_refused(tmp_path: Path) -> None:
    info = tarfile.TarInfo("outputs/link")
    info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
    plain = b"".join(archive.pieces([archive.at_hand(*manifest())]))[: 2 * 512] + info.tobuf() + bytes(1024)
    with pytest.raises(InputError, match="outputs/link"):
        put_back(Volumes(tmp_path), b"".join(sealed.seal([plain], PASSPHRASE)))


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ([manifest(version="99.0.0")], "made by version 99.0.0"),
        ([manifest(format=2, version="99.0.0")], "made by version 99.0.0"),
        ([("config.json", b"{}")], "does not say what it is"),
        ([manifest(version=None, surprise=1)], "does not say what it is"),
        ([("manifest.json", b"[]")], "manifest.json cannot be read"),
        ([manifest()], "has no config.json"),
        ([manifest(), ("config.json", b"nonsense"), ("jobs.jsonl", b"")], "config.json cannot be read"),
        ([manifest(bytes=1 << 60)], "MB free; this needs"),
    ],
)
def test_what_does_not_fit_this_box_is_refused(tmp_path: Path, files: list[tuple[str, bytes]], reason: str) -> None:
    box = full_box(tmp_path)
    before = kept(box)
    with pytest.raises(InputError, match=reason):
        put_back(box, sealed_archive(*files))
    assert kept(box) == before


@pytest.mark.parametrize("plain", [b"", b"no archive" * 1000])
def test_what_is_no_archive_is_refused(tmp_path: Path, plain: bytes) -> None:
    with pytest.raises(InputError):
        put_back(Volumes(tmp_path), b"".join(sealed.seal([plain], PASSPHRASE)))


def test_called_off_it_leaves_nothing(tmp_path: Path) -> None:
    old, new = full_box(tmp_path / "old"), Volumes(tmp_path / "new")
    target = tmp_path / "box.backup"

    def stop(_stage: str, _done: float, _total: float) -> None:
        raise CancelledError()

    with pytest.raises(CancelledError):
        Backup(old, b"").write(target, PASSPHRASE, stop)
    with pytest.raises(CancelledError):
        restoring.restore(new, io.BytesIO(made(old)), PASSPHRASE, lambda _: None, stop)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == []
    assert list(new.data.iterdir()) == []


def test_progress_is_told_in_bytes_up_to_the_end(tmp_path: Path) -> None:
    told: list[tuple[str, float, float]] = []

    def note(stage: str, done: float, total: float) -> None:
        told.append((stage, done, total))

    old = full_box(tmp_path / "old")
    Backup(old, b"").write(tmp_path / "file", PASSPHRASE, note)
    size = (tmp_path / "file").stat().st_size
    assert told[-1] == ("saving", size, size)
    with (tmp_path / "file").open("rb") as source:
        found = restoring.restore(Volumes(tmp_path / "new"), source, PASSPHRASE, lambda _: None, note)
    checked = [done for stage, done, _ in told if stage == "checking"]
    assert checked == sorted(checked)
    assert checked[-1] == found.bytes


def test_the_file_is_private_and_never_replaces_another(tmp_path: Path) -> None:
    box, target = full_box(tmp_path / "box"), tmp_path / "file"
    Backup(box, b"").write(target, PASSPHRASE)
    assert target.stat().st_mode & 0o777 == 0o600
    with pytest.raises(InputError, match="is there already"):
        Backup(box, b"").write(target, PASSPHRASE)


def test_a_name_that_the_disk_does_not_take_is_said(tmp_path: Path) -> None:
    with pytest.raises(UnhealthyError, match="cannot be written: File name too long"):
        Backup(full_box(tmp_path / "box"), b"").write(tmp_path / ("a" * 300), PASSPHRASE)


def test_a_file_replaced_meanwhile_is_said(tmp_path: Path) -> None:
    box = full_box(tmp_path)
    backup = Backup(box, b"")
    fresh = box.outputs / "fresh"
    fresh.write_bytes(b"other content")
    fresh.replace(box.outputs / f"{VIDEO}.mp4")
    with pytest.raises(InputError, match=f"outputs/{VIDEO}.mp4 was changed"):
        b"".join(backup.stream(PASSPHRASE))
    (box.outputs / f"{VIDEO}.mp4").unlink()
    with pytest.raises(InputError, match="or removed while it was being saved"):
        b"".join(backup.stream(PASSPHRASE))


def test_no_room_is_said_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    box = full_box(tmp_path / "box")
    monkeypatch.setattr(space, "_SPARE", 1 << 60)
    with pytest.raises(InputError, match="MB free; this needs"):
        Backup(box, b"").write(tmp_path / "file", PASSPHRASE)
    assert not (tmp_path / "file").exists()


def test_memory_does_not_grow_with_the_content(tmp_path: Path) -> None:
    old = Volumes(tmp_path / "old")
    old.outputs.mkdir(parents=True)
    with (old.outputs / "large.mp4").open("wb") as file:
        file.truncate(60_000_000)
    Backup(old, b"").write(tmp_path / "warm", PASSPHRASE)
    tracemalloc.start()
    try:
        Backup(old, b"").write(tmp_path / "file", PASSPHRASE)
        with (tmp_path / "file").open("rb") as source:
            restoring.restore(Volumes(tmp_path / "new"), source, PASSPHRASE, lambda _: None)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_a_restore_that_dies_leaves_the_old_or_goes_on(tmp_path: Path) -> None:
    """A process is ended at every rename in turn, as a power cut would."""
    content = made(full_box(tmp_path / "old"))
    wanted = kept(Volumes(tmp_path / "old"))
    outcomes = []
    for number in range(40):
        box = Volumes(tmp_path / f"box{number}")
        (box.avatars / "anna").mkdir(parents=True)
        (box.avatars / "anna" / "manifest.json").write_text("before")
        before = kept(box)
        status = _ended_at_rename(number, box, content)
        resumed = restoring.resume(box, lambda _: None)
        after = kept(box)
        assert after == (wanted if resumed or status == 0 else before)
        leftovers = [entry.name for entry in box.data.iterdir() if entry.name not in ("avatars", "outputs")]
        assert [name for name in leftovers if name != ".tmp-restore-done"] == []
        outcomes.append((status, resumed))
        if status == 0:
            break
    assert outcomes[-1][0] == 0, "it came to its end"
    assert (9, False) in outcomes, "before all was verified"
    assert outcomes.count((9, True)) >= 5, "at each step of carrying it out"


def _ended_at_rename(number: int, box: Volumes, content: bytes) -> int:
    child = os.fork()
    if child == 0:
        left = [number]
        real = Path.rename

        def rename(self: Path, target: Path) -> Path:
            if left[0] == 0:
                os._exit(9)
            left[0] -= 1
            return real(self, target)

        Path.rename = rename  # type: ignore[assignment,method-assign]
        try:
            put_back(box, content)
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("misfit", ["jobs", "config"])
def test_what_turns_out_not_to_fit_changes_no_file_and_is_forgotten(tmp_path: Path, misfit: str) -> None:
    content = [manifest(), ("config.json", b"{}"), ("jobs.jsonl", b""), ("outputs/new.mp4", b"new")]
    if misfit == "jobs":
        content[2] = ("jobs.jsonl", b"nonsense\n")
    else:
        content[1] = ("config.json", json.dumps({"note": "x" * 1_000_000}).encode())
    box = full_box(tmp_path)
    before = kept(box)
    with pytest.raises(InputError, match=r"list of videos|does not fit"):
        put_back(box, sealed_archive(*content))
    assert kept(box) == before
    assert not restoring.resume(box, lambda _: None)


def test_one_restore_at_a_time(tmp_path: Path) -> None:
    box = full_box(tmp_path)
    content = made(box)

    def second(_stage: str, _done: float, _total: float) -> None:
        put_back(box, content)

    with pytest.raises(InputError, match="restored already"):
        restoring.restore(box, io.BytesIO(content), PASSPHRASE, lambda _: None, second)
