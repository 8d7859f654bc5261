"""The Python interface: a model makes videos.

model = appliance.load_model("base")
video = model.generate(avatar="portrait.png", audio="speech.wav", dynamic_scale=1.1)
video.save("out.mp4")
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from appliance.errors import InputError
from appliance.pipeline import avatars, motion_weights
from appliance.pipeline.cached import Items, JobCache
from appliance.pipeline.fragments import writing
from appliance.pipeline.hardware.choose import Choice, choose
from appliance.pipeline.hardware.probe import probe
from appliance.pipeline.motion import MotionModel
from appliance.pipeline.options import Options
from appliance.pipeline.pack import AvatarPack
from appliance.pipeline.progress import Job
from appliance.pipeline.render import SEGMENT_S
from appliance.pipeline.report import Report
from appliance.pipeline.resume import Engine, render_job
from appliance.storage import atomic
from appliance.volumes import Volumes

BASE = "base"
ENGINES = ("onnxruntime", "torch")


def load(name: str = BASE) -> Model:
    """ "base", a path to a weights file, or the name of an engine that runs the base weights."""
    choice = choose(probe())
    if name == BASE:
        return Model.of(None, choice.engine, choice.device, choice)
    if name in ENGINES:
        return Model.of(None, name, choice.device if name == choice.engine else "cpu", choice)
    path = Path(name)
    if not path.is_file():
        raise InputError(
            f"there is no model {name}", hint=f'give "{BASE}", {" or ".join(ENGINES)}, or a weights file that exists'
        )
    return Model.of(path, choice.engine, choice.device, choice)


class Model:
    """Makes videos on this machine."""

    def __init__(self, engine: Engine) -> None:
        self.motion, self.choice = engine.motion, engine.choice
        self._engine = engine

    @classmethod
    def of(cls, weights: Path | None, engine: str, device: str, choice: Choice) -> Model:
        """A model of the weights at a path (None: the shipped ones)."""
        read = motion_weights.read(weights)
        return cls(Engine(MotionModel(read, engine, device), read.sha256, choice))

    def generate(
        self,
        avatar: str | os.PathLike[str],
        audio: str | os.PathLike[str],
        *,
        face: int | None = None,
        near: Path | None = None,
        job: Job | None = None,
        volumes: Volumes | None = None,
        cache: Items | None = None,
        **options: Any,
    ) -> Video:
        """Make a video of an avatar (a picture, a template video, or a name) saying what `audio` says.

        `options` are those of `appliance.pipeline.options.Options`. `near` is a folder on the file system on which
        the video will be saved, which makes saving it a matter of renaming; `face` picks one of several; what an
        earlier video left in the `cache` is not made again.
        """
        wanted = Options.of(options)
        work = job or Job()
        kept = JobCache(cache)
        pack = avatars.resolve(os.fspath(avatar), volumes or Volumes.default(), face=face, job=work, cache=kept)
        # A hidden name that `atomic.sweep` knows, should the power fail before this is removed.
        with writing(near or Path(tempfile.gettempdir())):
            folder = tempfile.TemporaryDirectory(prefix=atomic.PREFIX, dir=near)
        try:
            place = Path(folder.name)
            out = place / "video.mp4"
            report = self.render_job(pack, Path(audio), place, out, wanted, job=work, fragment_s=SEGMENT_S, cache=kept)
        except BaseException:
            folder.cleanup()
            raise
        return Video(out, report, folder)

    def render_job(
        self,
        pack: AvatarPack,
        audio: Path,
        folder: Path,
        out: Path,
        options: Options,
        *,
        job: Job,
        fragment_s: float,
        preview: Callable[[bytes], None] | None = None,
        cache: JobCache | None = None,
    ) -> Report:
        """Make the video at `out`, going on from what an interrupted attempt left in `folder`; see `resume`."""
        engine = replace(self._engine, choice=self.choice)
        return render_job(
            pack, audio, folder, out, options, engine, job=job, fragment_s=fragment_s, preview=preview, cache=cache
        )


class Video:
    """A finished video in a temporary folder, which goes when this object goes."""

    def __init__(self, path: Path, report: Report, folder: tempfile.TemporaryDirectory[str]) -> None:
        self.path = path
        self.report = report
        self._folder = folder

    def save(self, path: str | os.PathLike[str]) -> None:
        """Put the video at `path`, whole or not at all, replacing what is there."""
        target = Path(path)
        check_writable(target)
        if target.exists() and target.samefile(self.path):
            return  # saved already; renaming one name of a file over another does nothing
        with writing(target), atomic.replaced_file(target) as temporary:
            try:
                # A second name for the same file, where the file system is the same.
                temporary.unlink()
                os.link(self.path, temporary)
            except OSError:
                shutil.copyfile(self.path, temporary)

    def close(self) -> None:
        """Remove the temporary folder now."""
        self._folder.cleanup()

    def __enter__(self) -> Video:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def check_writable(target: Path) -> None:
    """Refuse a target that cannot be written, before any work is done for it."""
    with writing(target):
        if target.is_dir():
            raise InputError(f"cannot write {target}: it is a folder", hint="give the name of a file in it")
        if target.exists() and not target.is_file():
            raise InputError(f"cannot write {target}: it is a device or a pipe", hint="give the name of a file")
        folder = target.parent
        if not folder.is_dir():
            raise InputError(f"cannot write {target}: there is no folder {folder}", hint="make the folder first")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise InputError(
                f"cannot write {target}: the folder {folder} is not writable", hint="choose another folder"
            )
