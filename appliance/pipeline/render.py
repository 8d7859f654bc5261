"""One video from one avatar and one recording: motion, painting, encoding and joining, side by side.

The video is cut into segments. A thread follows the sound (`Voice`); render threads each take the next segment as soon
as its motion is known, paint it onto the encoder's planes and encode it into a fragment; the fragments and the sound
are joined at the end. Memory does not grow with the length: what is finished is on disk, in the folder given. A whole
fragment of the same settings that lies there already is taken as it is, and so is one that the cache has; the track of
a sound that was heard before comes from the cache too.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from appliance.errors import CancelledError
from appliance.pipeline import mux
from appliance.pipeline.animate import CONTEXT_S, Animator
from appliance.pipeline.cached import JobCache, key
from appliance.pipeline.encoder import EncoderSettings, FragmentEncoder, NoEncoderError, is_done
from appliance.pipeline.fragments import NO_SPACE, writing
from appliance.pipeline.hardware.choose import Choice
from appliance.pipeline.hardware.probe import SOFTWARE_ENCODER
from appliance.pipeline.hardware.telemetry import Recorder
from appliance.pipeline.motion import MotionModel
from appliance.pipeline.options import Options
from appliance.pipeline.pack import AvatarPack
from appliance.pipeline.preview import Preview
from appliance.pipeline.progress import Job
from appliance.pipeline.report import Report
from appliance.pipeline.scene import Scene
from appliance.pipeline.sound import open_sound
from appliance.pipeline.voice import Heard, Voice
from appliance.storage import atomic

SEGMENT_S: Final = 3.0


class _EncoderLostError(Exception):
    """A hardware encoder that was there is gone."""


def render(
    pack: AvatarPack,
    sound: Path,
    folder: Path,
    out: Path,
    options: Options,
    model: MotionModel,
    choice: Choice,
    job: Job,
    *,
    segment_s: float = SEGMENT_S,
    prepare: Callable[[EncoderSettings], EncoderSettings] = lambda settings: settings,
    preview: Preview | None = None,
    cache: JobCache | None = None,
    hearing: Mapping[str, Any] | None = None,
) -> Report:
    """Write `out`, keeping fragments in `folder` (which exists and is the caller's to remove).

    `prepare` is told with what settings the fragments are going to be made, and answers with those to use: it may name
    a plan, or the encoder with which an earlier attempt went on. Only fragments of a plan go into the `cache`, and only
    with `hearing`, what tells one sound and network from another, do tracks.
    """
    started = time.monotonic()
    kept = cache or JobCache()
    scene = Scene(pack, options, kept)

    def attempt(codec: str) -> Report:
        settings = prepare(EncoderSettings(scene.width, scene.height, scene.rate, codec))
        rendering = _Rendering(
            pack, sound, folder, options, model, choice, scene, settings, segment_s, preview, kept, hearing
        )
        report = rendering.run(out, job)
        if settings.codec != codec:
            report.warnings.append(
                f"the encoder {codec} failed in an earlier attempt; made with {settings.codec} instead"
            )
        return report

    with Recorder() as recorder:
        try:
            report = attempt(choice.encoder)
        except _EncoderLostError as lost:
            report = attempt(SOFTWARE_ENCODER)
            report.warnings.append(
                f"the encoder {choice.encoder} failed ({lost}); made with {SOFTWARE_ENCODER} instead"
            )
    report.telemetry = {name: asdict(values) for name, values in recorder.summary().items()}
    report.stages["wall_s"] = time.monotonic() - started
    report.cache = kept.used()
    report.bytes_written["cache"] = report.cache.get("admitted_bytes", 0)
    return report


class _Rendering:
    def __init__(
        self,
        pack: AvatarPack,
        sound: Path,
        folder: Path,
        options: Options,
        model: MotionModel,
        choice: Choice,
        scene: Scene,
        settings: EncoderSettings,
        segment_s: float,
        preview: Preview | None,
        cache: JobCache,
        hearing: Mapping[str, Any] | None,
    ) -> None:
        self._cache, self._hearing = cache, hearing
        self._sound, self._folder, self._options, self._model, self._scene = sound, folder, options, model, scene
        self._settings, self._preview = settings, preview
        self._threads = choice.render_threads
        # In fours, so that every segment begins with a frame on which the head moves.
        self._length = max(4, round(segment_s * scene.rate / 4) * 4)
        self._context = round(CONTEXT_S * scene.rate / 4 + 1) * 4
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._finished = 0
        self._written = 0
        self._stages = {"paint_s": 0.0, "encode_s": 0.0}
        self._report = Report(
            pack.manifest.name,
            scene.width,
            scene.height,
            float(scene.rate),
            model.engine,
            model.device,
            settings.codec,
            self._threads,
        )

    def run(self, out: Path, job: Job) -> Report:
        report, part = self._report, job.part()
        with open_sound(self._sound, limit_s=self._options.duration) as reader:
            sound_file = self._folder / "sound.mp4"
            track_key, device = self._track_key(), self._model.device
            heard = self._heard_before(track_key)
            voice = Voice(reader, self._model, self._scene.rate, self._options, sound_file, part, heard)
            works = [voice.run, *([lambda: self._work(voice, part)] * self._threads)]
            _run_together(works, part)
            job.check()
            report.warnings += [*reader.warnings, *self._model.warnings]
            if track_key and heard is None and self._model.device == device:
                self._cache.put("motion", track_key, voice.heard.packed(), voice.heard_s)
        assert voice.frames is not None  # noqa: S101  the voice did not fail
        joining = time.thread_time()
        count = -(-voice.frames // self._length)
        mux.join([self._fragment(number) for number in range(count)], sound_file, out, job)
        self._stages |= {"motion_and_sound_s": voice.cpu_s, "join_s": time.thread_time() - joining}
        report.frames, report.seconds = voice.frames, voice.frames / report.fps
        report.correction_ms, report.device = voice.correction_s * 1000, self._model.device
        report.stages = self._stages
        report.bytes_written = {"work": self._written + sound_file.stat().st_size, "output": out.stat().st_size}
        return report

    def _track_key(self) -> str:
        """What the cache knows the motion track by; empty where it is not to be asked."""
        if self._hearing is None or not self._cache.on:
            return ""
        options = {name: getattr(self._options, name) for name in ("duration", "lip_sync_correction", "offset_ms")}
        return key("motion", rate=str(self._scene.rate), **self._hearing, **options)

    def _heard_before(self, track_key: str) -> Heard | None:
        found = self._cache.get("motion", track_key) if track_key else None
        return None if found is None else Heard.unpacked(float(self._scene.rate), found)

    def _fragment(self, number: int) -> Path:
        return self._folder / f"{number:06d}.fragment"

    def _work(self, voice: Voice, job: Job) -> None:
        """Take segments until there are no more."""
        import av
        import cv2

        # The threads are the parallelism; OpenCV's own would only fight them.
        cv2.setNumThreads(1)
        animator, painter = Animator.of(self._options), None
        for number in self._segments():
            start = number * self._length
            first = max(0, start - self._context)
            track, frames = voice.part(first, start + self._length + self._context), voice.frames
            if track is None or (frames is not None and frames <= start):
                return
            stop = start + self._length if frames is None else min(start + self._length, frames)
            if is_done(self._fragment(number), self._settings, stop - start):
                self._take(resumed=stop - start)
                self._step(voice, job)
                continue
            fragment_key = self._fragment_key(number, stop - start)
            if fragment_key and self._recall(fragment_key, number, stop - start):
                self._take(cached=stop - start)
                self._step(voice, job)
                continue
            spent = time.thread_time()
            performance = animator.perform(track, first, start=start, stop=stop)
            try:
                with FragmentEncoder(self._fragment(number), self._settings) as encoder:
                    if painter is None:
                        painter = self._scene.painter(encoder.y, encoder.uv)
                    painter.begin(encoder.y, encoder.uv)
                    for index in range(stop - start):
                        begin = time.thread_time()
                        painter.paint(performance, index, start + index)
                        painted = time.thread_time()
                        encoder.write()
                        self._count(painted - begin, time.thread_time() - painted)
                        if self._preview is not None:
                            self._preview.offer(encoder.y, encoder.uv)
                        self._step(voice, job)
                self._keep(fragment_key, number, time.thread_time() - spent)
            except (av.FFmpegError, NoEncoderError) as error:
                # To give the encoder up costs all finished fragments, and what is full stays full without it.
                full = isinstance(error, OSError) and error.errno in NO_SPACE
                if full or self._settings.codec == SOFTWARE_ENCODER:
                    raise
                raise _EncoderLostError(str(error)) from error

    def _fragment_key(self, number: int, frames: int) -> str:
        """What the cache knows a fragment by; empty where it is not to be asked."""
        if not (self._settings.plan and self._cache.on):
            return ""
        return key("fragment", plan=self._settings.plan, number=number, frames=frames)

    def _recall(self, fragment_key: str, number: int, frames: int) -> bool:
        """Take a fragment from the cache, if it is there."""
        found, path = self._cache.get("fragment", fragment_key), self._fragment(number)
        if found is None:
            return False
        with writing(path):
            atomic.write_bytes(path, found)
        self._count_written(len(found))
        return is_done(path, self._settings, frames)

    def _keep(self, fragment_key: str, number: int, cost_s: float) -> None:
        path = self._fragment(number)
        self._count_written(path.stat().st_size)
        if fragment_key:
            self._cache.put("fragment", fragment_key, path.read_bytes(), cost_s)

    def _segments(self) -> Iterator[int]:
        while True:
            with self._lock:
                number = next(self._numbers)
            yield number

    def _step(self, voice: Voice, job: Job) -> None:
        total = max(voice.expected_frames or 0, self._finished)
        given = self._report.resumed_frames + self._report.cached_frames
        job.step("render", self._finished, total, given=given)

    def _take(self, *, resumed: int = 0, cached: int = 0) -> None:
        with self._lock:
            self._finished += resumed + cached
            self._report.resumed_frames += resumed
            self._report.cached_frames += cached

    def _count_written(self, length: int) -> None:
        with self._lock:
            self._written += length

    def _count(self, paint_s: float, encode_s: float) -> None:
        with self._lock:
            self._finished += 1
            self._stages["paint_s"] += paint_s
            self._stages["encode_s"] += encode_s


def _run_together(works: list[Callable[[], None]], job: Job) -> None:
    """Run all in threads; the first to fail calls the others off, and its error is raised."""
    with ThreadPoolExecutor(len(works), thread_name_prefix="render") as pool:
        running = [pool.submit(work) for work in works]
        try:
            wait(running, return_when=FIRST_EXCEPTION)
        except BaseException:
            job.cancel()
            raise
        if any(future.done() and future.exception() for future in running):
            job.cancel()
        wait(running)
    # Those that were called off say so; what made them stop is worth more.
    raised = [error for future in running if (error := future.exception()) is not None]
    if raised:
        raise min(raised, key=lambda error: isinstance(error, CancelledError))
