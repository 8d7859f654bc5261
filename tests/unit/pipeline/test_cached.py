"""What one job keeps for the next, in the real cache: the video is the same byte for byte, whatever befalls it."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import cv2
import numpy as np
import pytest

from appliance.pipeline import cached, face_search
from appliance.pipeline.avatars import resolve
from appliance.pipeline.cached import JobCache
from appliance.pipeline.enroll import enroll
from appliance.pipeline.face_search import Found
from appliance.pipeline.hardware.choose import Choice
from appliance.pipeline.landmarks import POINT_COUNT
from appliance.pipeline.motion import MotionModel, load_motion_model
from appliance.pipeline.options import Options
from appliance.pipeline.pack import AvatarPack
from appliance.pipeline.progress import Job
from appliance.pipeline.report import Report
from appliance.pipeline.resume import Engine, render_job
from appliance.pipeline.track import MotionTrack
from appliance.pipeline.voice import Heard
from appliance.storage.cache import SegmentCache
from appliance.storage.cache.folder import Folder
from appliance.volumes import Volumes
from tests import moving_pictures, sounds

CHOICE = Choice("onnxruntime", "cpu", ("CPUExecutionProvider",), "libx264", 2, {}, ())
OPTIONS = Options(expand_ratio=0.0, min_resolution=128)
FRAMES = 50
FRAGMENTS = 3
MB = 1024 * 1024


class Setting:
    """What every render here is of, and the video that it must arrive at."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.pack = resolve("demo", Volumes(root))
        self.sound = sounds.write(root / "a.wav", sounds.bursts(2, 16000), 16000)
        self.engine = Engine(load_motion_model(), "the shipped weights", CHOICE)
        report, self.video = self.render(None)
        assert (report.frames, report.cache, report.cached_frames) == (FRAMES, {}, 0)

    def render(
        self,
        items: cached.Items | None,
        *,
        pack: AvatarPack | None = None,
        options: Options = OPTIONS,
        engine: Engine | None = None,
    ) -> tuple[Report, bytes]:
        """A render in a new folder, and the video."""
        folder = self.root / "work"
        shutil.rmtree(folder, ignore_errors=True)
        report = render_job(
            pack or self.pack,
            self.sound,
            folder,
            folder / "o.mp4",
            options,
            engine or self.engine,
            job=Job(),
            fragment_s=0.8,
            cache=JobCache(items),
        )
        return report, (folder / "o.mp4").read_bytes()


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    return Setting(tmp_path_factory.mktemp("setting"))


def kinds(report: Report) -> dict[str, tuple[int, int]]:
    """Hits and misses by kind."""
    return {name: (kind["hits"], kind["misses"]) for name, kind in report.cache["kinds"].items()}


def test_the_second_render_takes_everything_from_the_cache_also_after_a_restart(
    setting: Setting, tmp_path: Path
) -> None:
    with SegmentCache(tmp_path, 8 * MB) as cache:
        first, video = setting.render(cache)
        assert video == setting.video
        assert kinds(first) == {"motion": (0, 1), "fragment": (0, FRAGMENTS), "frame": (0, 1)}
        assert first.cache["admitted"] == 2 + FRAGMENTS
        assert first.bytes_written["cache"] == first.cache["admitted_bytes"] > 0
    for _ in range(2):
        with SegmentCache(tmp_path, 8 * MB) as cache:
            again, video = setting.render(cache)
            assert video == setting.video
            assert kinds(again) == {"motion": (1, 0), "fragment": (FRAGMENTS, 0), "frame": (1, 0)}
            assert (again.cached_frames, again.resumed_frames, again.frames) == (FRAMES, 0, FRAMES)
            assert again.cache["read_bytes"] == first.cache["admitted_bytes"]
            assert again.cache["saved_s"] > 0
            assert again.bytes_written["cache"] == 0
            assert (again.stages["paint_s"], again.stages["encode_s"]) == (0, 0)


def test_another_avatar_says_the_same_without_asking_the_network(setting: Setting, tmp_path: Path) -> None:
    other = replace(setting.pack, manifest=replace(setting.pack.manifest, files={"picture.png": (1, "another")}))
    deaf = SimpleNamespace(engine="onnxruntime", device="cpu", warnings=[])
    with SegmentCache(tmp_path, 8 * MB) as cache:
        setting.render(cache)
        report, video = setting.render(
            cache, pack=other, engine=replace(setting.engine, motion=cast(MotionModel, deaf))
        )
    assert kinds(report) == {"motion": (1, 0), "fragment": (0, FRAGMENTS), "frame": (0, 1)}
    assert video == setting.video, "it has the same picture"


@pytest.mark.parametrize(
    ("change", "hits"),
    [
        ({"seed": 1}, {"motion", "frame"}),
        ({"dynamic_scale": 0.5}, {"motion", "frame"}),
        ({"offset_ms": 40.0}, {"frame"}),
        ({"fps": 20.0}, {"frame"}),
        ({"lip_sync_correction": False}, {"frame"}),
        ({"expand_ratio": 0.2}, {"motion"}),
    ],
)
def test_what_was_made_otherwise_is_not_taken(
    setting: Setting, tmp_path: Path, change: dict[str, Any], hits: set[str]
) -> None:
    options = replace(OPTIONS, **change)
    plain = setting.render(None, options=options)[1]
    with SegmentCache(tmp_path, 8 * MB) as cache:
        setting.render(cache)
        report, video = setting.render(cache, options=options)
    assert video == plain
    assert {kind for kind, (found, _) in kinds(report).items() if found} == hits


def test_a_job_that_was_cut_short_goes_on_from_its_folder_first(setting: Setting, tmp_path: Path) -> None:
    with SegmentCache(tmp_path / "cache", 8 * MB) as cache:
        setting.render(cache)
        work = tmp_path / "work"
        shutil.copytree(setting.root / "work", work)
        (work / "000001.fragment").unlink()
        report = render_job(
            setting.pack,
            setting.sound,
            work,
            work / "o.mp4",
            OPTIONS,
            setting.engine,
            job=Job(),
            fragment_s=0.8,
            cache=JobCache(cache),
        )
    assert (report.resumed_frames, report.cached_frames) == (FRAMES - 20, 20)
    assert (work / "o.mp4").read_bytes() == setting.video


def test_a_corrupted_cache_costs_what_is_broken(setting: Setting, tmp_path: Path) -> None:
    with SegmentCache(tmp_path, 8 * MB) as cache:
        setting.render(cache)
    (segment,) = tmp_path.glob("*.segment")
    content = bytearray(segment.read_bytes())
    for place in range(0, len(content) - 1000, 20_000):  # the end says where the items are
        content[place] ^= 1
    segment.write_bytes(content)
    with SegmentCache(tmp_path, 8 * MB) as cache:
        report, video = setting.render(cache)
        assert video == setting.video
        assert report.cache["misses"] > 0
        assert cache.stats()["damaged"] == report.cache["misses"]
        assert setting.render(cache)[0].cached_frames == FRAMES, "it is mended"


def test_a_cache_that_vanishes_is_done_without(setting: Setting, tmp_path: Path) -> None:
    with SegmentCache(tmp_path / "cache", 8 * MB) as cache:
        setting.render(cache)
    with SegmentCache(tmp_path / "cache", 8 * MB) as cache:
        shutil.rmtree(tmp_path / "cache")
        report, video = setting.render(cache)
    assert video == setting.video
    assert (report.cached_frames, report.cache["hits"]) == (0, 0)


def failing(number: int, *, also_reading: bool = False) -> Callable[[Path], Folder]:
    class Failing(Folder):
        """A folder on a volume on which nothing can be changed."""

        def _create(self, _: str) -> int:
            raise OSError(number, os.strerror(number))

        def _replace(self, _: str, __: bytes) -> None:
            raise OSError(number, os.strerror(number))

        def read(self, name: str, offset: int, length: int) -> bytes:
            if also_reading:
                raise OSError(number, os.strerror(number))
            return super().read(name, offset, length)

    return Failing


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_volume_that_takes_nothing_changes_nothing_with_simulated_errors(
    setting: Setting, tmp_path: Path, number: int
) -> None:
    """Small segments, so that they are written during the render."""
    with SegmentCache(tmp_path, MB // 4, folder=failing(number)) as cache:
        _, video = setting.render(cache)
        assert video == setting.video
        assert cache.stats()["problem"] == os.strerror(number)


def test_a_volume_that_became_read_only_still_serves_with_simulated_errors(setting: Setting, tmp_path: Path) -> None:
    with SegmentCache(tmp_path, 8 * MB) as cache:
        setting.render(cache)
    with SegmentCache(tmp_path, 8 * MB, folder=failing(errno.EROFS)) as cache:
        report, video = setting.render(cache)
        assert (video, report.cached_frames) == (setting.video, FRAMES)
    with SegmentCache(tmp_path, 8 * MB, folder=failing(errno.EIO, also_reading=True)) as cache:
        report, video = setting.render(cache)
        assert (video, report.cached_frames) == (setting.video, 0)


def test_beside_another_writer_what_it_has_written_is_served(setting: Setting, tmp_path: Path) -> None:
    with SegmentCache(tmp_path, 8 * MB) as cache:
        setting.render(cache)
    with SegmentCache(tmp_path, 8 * MB) as writer, SegmentCache(tmp_path, 8 * MB) as reader:
        assert setting.render(reader)[0].cached_frames == FRAMES
        other = replace(OPTIONS, seed=3)
        assert setting.render(reader, options=other)[0].cache["admitted"] == 0
        assert setting.render(writer, options=other)[0].cache["admitted"] == FRAGMENTS


@pytest.mark.parametrize("kind", ["portrait", "template"])
def test_a_face_that_was_found_is_not_looked_for_again(
    setting: Setting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    drawing = np.asarray(cv2.resize(setting.pack.picture(), (256, 256), interpolation=cv2.INTER_AREA), np.uint8)
    source = tmp_path / "source"
    if kind == "portrait":
        cv2.imwrite(f"{source}.png", drawing)
        source = source.with_suffix(".png")
    else:
        source = moving_pictures.write_video(source.with_suffix(".mp4"), [drawing] * 6)
    with SegmentCache(tmp_path / "cache", 8 * MB) as cache:
        first = enroll(source, "first", tmp_path, cache=JobCache(cache))
        assert first.manifest.kind == kind
        monkeypatch.setattr(face_search, "FaceDetector", None)
        used = JobCache(cache)
        again = enroll(source, "again", tmp_path, cache=used)
        assert used.used()["kinds"]["landmarks"]["hits"] == 1
        assert again.digest == first.digest
        monkeypatch.undo()
        which = JobCache(cache)
        enroll(source, "which", tmp_path, face=1, cache=which)
        assert which.used()["hits"] == 0, "another face may be meant"


def test_without_a_cache_nothing_is_counted() -> None:
    cache = JobCache(None)
    cache.put("motion", "key", b"track", 1.0)
    assert cache.get("motion", "key") is None
    assert (cache.on, cache.used()) == (False, {})


def test_what_is_kept_is_what_comes_back() -> None:
    random = np.random.default_rng(1)
    curves = {name: random.random(7).astype(np.float32) for name in ("opening", "closure", "width", "rounding", "vad")}
    heard = Heard(MotionTrack(25.0, viseme=np.arange(7, dtype=np.int32), **curves), -0.04)
    back = Heard.unpacked(25.0, heard.packed())
    assert back.correction_s == heard.correction_s
    assert back.track.packed() == heard.track.packed()
    assert all(np.array_equal(getattr(back.track, name), curve) for name, curve in curves.items())
    assert back.track.viseme.tolist() == list(range(7))
    found = Found(random.random((2, POINT_COUNT, 2)).astype(np.float32), 1, (0.5, 1, 2, 3.25))
    there = Found.unpacked(found.packed())
    assert np.array_equal(there.points, found.points)
    assert (there.reference, there.box) == (1, (0.5, 1, 2, 3.25))


def test_a_key_is_of_all_inputs_and_of_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    key = cached.key("motion", sound="a", rate="25")
    assert key == cached.key("motion", rate="25", sound="a")
    others = {cached.key("motion", sound="b", rate="25"), cached.key("frame", sound="a", rate="25")}
    makers = cached._makers()
    monkeypatch.setattr(cached, "_makers", lambda: makers | {"code": "changed"})
    assert len({key, cached.key("motion", sound="a", rate="25")} | others) == 4
