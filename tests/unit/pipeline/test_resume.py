"""A render that is cut short anywhere goes on where it was, and ends with the video that nobody disturbed."""

from __future__ import annotations

import contextlib
import json
import resource
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import pytest

from appliance.errors import CancelledError, InputError, UnhealthyError
from appliance.pipeline import encoder
from appliance.pipeline import render as rendering
from appliance.pipeline.avatars import resolve
from appliance.pipeline.encoder import EncoderSettings, FragmentEncoder
from appliance.pipeline.hardware.choose import Choice
from appliance.pipeline.motion import load_motion_model
from appliance.pipeline.options import Options
from appliance.pipeline.pack import AvatarPack
from appliance.pipeline.progress import Job, Progress
from appliance.pipeline.report import Report
from appliance.pipeline.resume import PLAN, Engine, render_job
from appliance.volumes import Volumes
from tests import sounds

CHOICE = Choice("onnxruntime", "cpu", ("CPUExecutionProvider",), "libx264", 2, {}, ())
OPTIONS = Options(expand_ratio=0.0, min_resolution=128, lip_sync_correction=False)
SECONDS = 4
FRAMES = 100
FRAGMENT_FRAMES = 24
FRAGMENTS = 5


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("box")


@pytest.fixture(scope="module")
def demo(root: Path) -> AvatarPack:
    return resolve("demo", Volumes(root))


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sounds.write(tmp_path_factory.mktemp("sound") / "a.wav", sounds.bursts(SECONDS, 16000), 16000)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(load_motion_model(), "the shipped weights", CHOICE)


@pytest.fixture(scope="module")
def finished(
    demo: AvatarPack, sound: Path, engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, bytes]:
    """The folder and the video of an attempt that nobody disturbed."""
    place = tmp_path_factory.mktemp("undisturbed")
    report = make(demo, sound, place, engine)
    assert (report.frames, report.resumed_frames) == (FRAMES, 0)
    return place / "work", (place / "o.mp4").read_bytes()


def make(
    demo: AvatarPack, sound: Path, place: Path, engine: Engine, job: Job | None = None, options: Options = OPTIONS
) -> Report:
    return render_job(demo, sound, place / "work", place / "o.mp4", options, engine, job=job or Job(), fragment_s=1.0)


def cancelled_after(steps: int) -> Job:
    """A job that is called off with its report number `steps`."""
    seen: list[Progress] = []

    def listen(progress: Progress) -> None:
        seen.append(progress)
        if len(seen) == steps:
            job.cancel()

    job = Job(listen)
    return job


def fragments(place: Path) -> list[Path]:
    return sorted((place / "work").glob("*.fragment"))


def copied(finished: tuple[Path, bytes], place: Path) -> list[Path]:
    """The fragments of a copy of the finished folder."""
    shutil.copytree(finished[0], place / "work")
    return fragments(place)


def pictures(path: Path) -> list[bytes]:
    with av.open(str(path)) as video:
        return [frame.to_ndarray().tobytes() for frame in video.decode(video=0)]


def packets(path: Path) -> list[tuple[int | None, bytes]]:
    with av.open(str(path)) as video:
        return [(packet.pts, bytes(packet)) for packet in video.demux() if packet.size]


@pytest.mark.parametrize("steps", [1, 20, 47, 60, 99, 130, 199])
def test_cancelled_anywhere_it_goes_on_and_ends_the_same(
    demo: AvatarPack, sound: Path, engine: Engine, finished: tuple[Path, bytes], tmp_path: Path, steps: int
) -> None:
    """A hundred steps of painting, then a hundred of joining."""
    with pytest.raises(CancelledError):
        make(demo, sound, tmp_path, engine, cancelled_after(steps))
    assert not (tmp_path / "o.mp4").exists()
    kept = sum(min(FRAGMENT_FRAMES, FRAMES - FRAGMENT_FRAMES * int(path.stem)) for path in fragments(tmp_path))
    assert kept >= min(steps, FRAMES) - CHOICE.render_threads * FRAGMENT_FRAMES, "lost are the fragments in the making"
    report = make(demo, sound, tmp_path, engine)
    assert report.resumed_frames == kept
    assert report.frames == FRAMES
    assert (tmp_path / "o.mp4").read_bytes() == finished[1]


def test_cancelled_again_and_again_it_still_arrives(
    demo: AvatarPack, sound: Path, engine: Engine, finished: tuple[Path, bytes], tmp_path: Path
) -> None:
    """One thread and 30 pictures an attempt: each finishes one fragment."""
    one_thread = replace(engine, choice=replace(CHOICE, render_threads=1))
    for attempt in range(FRAGMENTS):
        assert len(fragments(tmp_path)) == attempt
        with pytest.raises(CancelledError):
            make(demo, sound, tmp_path, one_thread, cancelled_after(30))
    assert make(demo, sound, tmp_path, engine).resumed_frames == FRAMES
    assert (tmp_path / "o.mp4").read_bytes() == finished[1]


@pytest.mark.usefixtures("demo")
def test_killed_at_many_instants_it_ends_with_the_same_pictures_and_packets(
    sound: Path, root: Path, tmp_path: Path
) -> None:
    """A process renders and is killed outright when so many fragments lie there; then another goes on.

    The undisturbed one has a process of its own too: on some processors the last digits show what else this one did.
    """
    script = textwrap.dedent("""
        import sys
        from pathlib import Path
        from appliance.pipeline.avatars import resolve
        from appliance.pipeline.hardware.choose import Choice
        from appliance.pipeline.motion import load_motion_model
        from appliance.pipeline.options import Options
        from appliance.pipeline.progress import Job
        from appliance.pipeline.resume import Engine, render_job
        from appliance.volumes import Volumes
        root, sound, place = map(Path, sys.argv[1:])
        choice = Choice("onnxruntime", "cpu", ("CPUExecutionProvider",), "libx264", 2, {}, ())
        report = render_job(
            resolve("demo", Volumes(root)), sound, place / "work", place / "o.mp4",
            Options(expand_ratio=0.0, min_resolution=128, lip_sync_correction=False),
            Engine(load_motion_model(), "the shipped weights", choice), job=Job(), fragment_s=1.0,
        )
        print(report.resumed_frames)
        """)
    command = [sys.executable, "-c", script, str(root), str(sound), str(tmp_path)]
    alone = tmp_path / "alone"
    alone.mkdir()
    subprocess.run([*command[:-1], str(alone)], capture_output=True, check=True)
    for wanted in (0, 1, 3):
        child = subprocess.Popen(command)
        deadline = time.monotonic() + 60
        while child.poll() is None and not ((tmp_path / "work" / PLAN).exists() and len(fragments(tmp_path)) >= wanted):
            assert time.monotonic() < deadline
            time.sleep(0.002)
        child.send_signal(signal.SIGKILL)
        child.wait()
    whole = len(fragments(tmp_path))
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) >= (whole - 1) * FRAGMENT_FRAMES > 0
    assert not list((tmp_path / "work").glob(".tmp-*")), "what the kill left is swept"
    assert packets(tmp_path / "o.mp4") == packets(alone / "o.mp4")
    assert pictures(tmp_path / "o.mp4") == pictures(alone / "o.mp4")


def test_whole_fragments_are_not_made_again(
    demo: AvatarPack, sound: Path, engine: Engine, finished: tuple[Path, bytes], tmp_path: Path
) -> None:
    kept = copied(finished, tmp_path)
    kept[2].unlink()
    before = {path.name: path.stat().st_ino for path in kept if path.exists()}
    report = make(demo, sound, tmp_path, engine)
    assert report.resumed_frames == FRAMES - FRAGMENT_FRAMES
    assert {path.name: path.stat().st_ino for path in fragments(tmp_path) if path != kept[2]} == before
    assert (tmp_path / "o.mp4").read_bytes() == finished[1]


@pytest.mark.parametrize("threads", [1, 3])
def test_the_number_of_threads_is_no_part_of_the_plan(
    demo: AvatarPack, sound: Path, engine: Engine, finished: tuple[Path, bytes], tmp_path: Path, threads: int
) -> None:
    copied(finished, tmp_path)[1].unlink()
    other = replace(engine, choice=replace(CHOICE, render_threads=threads))
    assert make(demo, sound, tmp_path, other).resumed_frames == FRAMES - FRAGMENT_FRAMES
    assert (tmp_path / "o.mp4").read_bytes() == finished[1]


def test_damaged_short_and_foreign_fragments_are_made_again(
    demo: AvatarPack, sound: Path, engine: Engine, finished: tuple[Path, bytes], tmp_path: Path
) -> None:
    flipped, cut, short, foreign, _ = copied(finished, tmp_path)
    content = bytearray(flipped.read_bytes())
    content[len(content) // 2] ^= 1
    flipped.write_bytes(content)
    cut.write_bytes(cut.read_bytes()[:-1])
    shutil.copy(tmp_path / "work" / "000004.fragment", short)
    other = tmp_path / "other"
    other.mkdir()
    make(demo, sound, other, engine, options=replace(OPTIONS, seed=7))
    shutil.copy(other / "work" / foreign.name, foreign)
    assert make(demo, sound, tmp_path, engine).resumed_frames == FRAMES - 4 * FRAGMENT_FRAMES
    assert (tmp_path / "o.mp4").read_bytes() == finished[1]


def test_another_plan_begins_anew(
    demo: AvatarPack, sound: Path, engine: Engine, finished: tuple[Path, bytes], tmp_path: Path
) -> None:
    louder = sounds.write(tmp_path / "b.wav", sounds.bursts(SECONDS, 16000) * 0.9, 16000)
    changes: dict[str, dict[str, Any]] = {
        "options": {"options": replace(OPTIONS, dynamic_scale=0.5)},
        "sound": {"sound": louder},
        "weights": {"engine": replace(engine, weights="others")},
        "avatar": {"pack": replace(demo, manifest=replace(demo.manifest, files={"picture.png": (1, "other")}))},
        "fragments": {"fragment_s": 2.0},
    }
    for place, change in changes.items():
        work = tmp_path / place
        shutil.copytree(finished[0], work)
        arguments: dict[str, Any] = {"pack": demo, "sound": sound, "folder": work, "out": tmp_path / f"{place}.mp4"}
        arguments |= {"options": OPTIONS, "engine": engine, "job": Job(), "fragment_s": 1.0} | change
        assert render_job(**arguments).resumed_frames == 0, place
        assert (tmp_path / f"{place}.mp4").is_file()
    assert len(list((tmp_path / "fragments").glob("*.fragment"))) == 3, "the old ones are gone"


def test_an_avatar_made_anew_from_the_same_picture_is_the_same_plan(demo: AvatarPack) -> None:
    again = replace(demo, manifest=replace(demo.manifest, created="2030-01-01T00:00:00+00:00", name="other"))
    assert again.digest == demo.digest
    assert replace(demo, manifest=replace(demo.manifest, fps=30)).digest != demo.digest


def test_what_others_put_into_the_folder_stays(demo: AvatarPack, sound: Path, engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "note.txt").write_text("mine")
    (tmp_path / "work" / PLAN).write_text("an older one")
    make(demo, sound, tmp_path, engine)
    assert (tmp_path / "work" / "note.txt").read_text() == "mine"
    assert json.loads((tmp_path / "work" / PLAN).read_text())["options"]["seed"] == 0


@contextlib.contextmanager
def full_disk(limit: int) -> Iterator[None]:
    """A limit on file sizes stands for the disk's end: large files fail, small ones do not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_a_folder_that_can_go_on(
    demo: AvatarPack, sound: Path, engine: Engine, finished: tuple[Path, bytes], tmp_path: Path
) -> None:
    sizes = sorted(path.stat().st_size for path in finished[0].glob("*.fragment"))
    with full_disk((sizes[0] + sizes[-1]) // 2), pytest.raises(UnhealthyError, match="cannot write") as error:
        make(demo, sound, tmp_path, engine)
    assert error.value.hint.startswith("free some space")
    kept = len(fragments(tmp_path))
    assert make(demo, sound, tmp_path, engine).resumed_frames <= kept * FRAGMENT_FRAMES
    assert (tmp_path / "o.mp4").read_bytes() == finished[1]


def test_a_full_disk_is_no_lost_encoder_with_simulated_nvenc(
    demo: AvatarPack, sound: Path, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """x264 by the name of NVENC, which works: what it has made is not thrown away."""
    really_open = encoder._open
    monkeypatch.setattr(encoder, "_open", lambda settings: really_open(replace(settings, codec="libx264")))
    hardware = replace(engine, choice=replace(CHOICE, encoder="h264_nvenc"))
    make(demo, sound, tmp_path, hardware)
    largest = max(fragments(tmp_path), key=lambda path: path.stat().st_size)
    limit = largest.stat().st_size - 1
    largest.unlink()
    with full_disk(limit), pytest.raises(UnhealthyError, match=f"cannot write .*{largest.name}"):
        make(demo, sound, tmp_path, hardware)
    report = make(demo, sound, tmp_path, hardware)
    assert (report.encoder, report.resumed_frames) == ("h264_nvenc", FRAMES - FRAGMENT_FRAMES)
    assert report.warnings == []


def test_an_unreadable_sound_is_refused_before_anything_is_thrown_away(
    demo: AvatarPack, engine: Engine, finished: tuple[Path, bytes], tmp_path: Path
) -> None:
    copied(finished, tmp_path)
    (tmp_path / "a.wav").write_text("no sound")
    with pytest.raises(InputError, match="not a sound file"):
        make(demo, tmp_path / "a.wav", tmp_path, engine)
    assert len(fragments(tmp_path)) == FRAGMENTS


def test_after_a_lost_encoder_it_goes_on_without_it_with_simulated_nvenc(
    demo: AvatarPack,
    sound: Path,
    engine: Engine,
    finished: tuple[Path, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """x264 by the name of NVENC, which fails at the first picture."""

    class Simulated(FragmentEncoder):
        def __init__(self, path: Path, settings: EncoderSettings) -> None:
            self.is_nvenc = settings.codec == "h264_nvenc"
            super().__init__(path, replace(settings, codec="libx264"))

        def write(self) -> None:
            if self.is_nvenc:
                raise av.error.ExternalError(542398533, "Generic error in an external library")
            super().write()

    monkeypatch.setattr(rendering, "FragmentEncoder", Simulated)
    hardware = replace(engine, choice=replace(CHOICE, encoder="h264_nvenc"))
    with pytest.raises(CancelledError):
        make(demo, sound, tmp_path, hardware, cancelled_after(90))
    report = make(demo, sound, tmp_path, hardware)
    assert report.resumed_frames >= 90 - CHOICE.render_threads * FRAGMENT_FRAMES
    assert report.encoder == "libx264"
    assert report.warnings == ["the encoder h264_nvenc failed in an earlier attempt; made with libx264 instead"]
    assert (tmp_path / "o.mp4").read_bytes() == finished[1]
