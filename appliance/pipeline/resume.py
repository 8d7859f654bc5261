"""A render that can be cut short at any instant and goes on where it was.

`render_job` keeps what it has made in a folder of its own, which outlives the process:

    plan.json           all that determines the pictures, as it was when the fragments were made
    000000.fragment …   whole fragments (`appliance.pipeline.fragments`), each naming the plan's digest
    sound.mp4           the sound track; always made anew

An attempt whose plan is the stored one takes over every fragment that is whole; any other removes them first. A
fragment that is damaged, of another plan or of another length is made again. Nothing that differs between attempts
(the number of threads, how often it was cut short) is part of the plan, and fragments are made independently of each
other, so the video is the same byte for byte as that of an attempt that nobody disturbed.

What an interruption costs is the fragments that were being made, one for each thread. The folder stays usable after a
full disk and after cancelling. It belongs to one attempt at a time, and is the caller's to remove.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from appliance import __version__
from appliance.pipeline.cached import JobCache
from appliance.pipeline.encoder import EncoderSettings
from appliance.pipeline.fragments import writing
from appliance.pipeline.hardware.choose import Choice
from appliance.pipeline.hardware.probe import SOFTWARE_ENCODER
from appliance.pipeline.motion import MotionModel
from appliance.pipeline.options import Options
from appliance.pipeline.pack import AvatarPack, file_digest
from appliance.pipeline.preview import Preview
from appliance.pipeline.progress import Job
from appliance.pipeline.render import render
from appliance.pipeline.report import Report
from appliance.pipeline.sound import open_sound
from appliance.storage import atomic

PLAN: Final = "plan.json"


@dataclass(frozen=True, slots=True)
class Engine:
    """What renders: the network, the digest of its weights, and what the machine chose."""

    motion: MotionModel
    weights: str
    choice: Choice


def render_job(
    pack: AvatarPack,
    sound: Path,
    folder: Path,
    out: Path,
    options: Options,
    engine: Engine,
    *,
    job: Job,
    fragment_s: float,
    preview: Callable[[bytes], None] | None = None,
    cache: JobCache | None = None,
) -> Report:
    """Write `out`, whole or not at all, going on from what `folder` (made if it is missing) holds, with what the cache
    has."""
    open_sound(sound, limit_s=options.duration).close()  # refused before anything is thrown away
    inputs = _inputs(pack, sound, options, engine, fragment_s)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        atomic.sweep(folder)
    return render(
        pack,
        sound,
        folder,
        out,
        options,
        engine.motion,
        engine.choice,
        job,
        segment_s=fragment_s,
        prepare=lambda settings: _prepare(folder, inputs, settings),
        preview=Preview(preview) if preview else None,
        cache=cache,
        hearing={name: inputs[name] for name in ("sound", "motion")},
    )


def _inputs(pack: AvatarPack, sound: Path, options: Options, engine: Engine, fragment_s: float) -> dict[str, Any]:
    import av
    import cv2
    import numpy as np

    return {
        "version": __version__,
        "libraries": {"av": av.__version__, "cv2": cv2.__version__, "numpy": np.__version__},
        "avatar": pack.digest,
        "sound": file_digest(sound),
        "options": asdict(options),
        "fragment_s": fragment_s,
        "motion": {
            "engine": engine.motion.engine,
            "version": metadata.version(engine.motion.engine),
            "device": engine.motion.device,
            "weights": engine.weights,
        },
    }


def _prepare(folder: Path, inputs: dict[str, Any], settings: EncoderSettings) -> EncoderSettings:
    """The settings with the plan's digest; the folder then holds nothing of another plan.

    An earlier attempt may have lost the hardware encoder and gone on without: its fragments are not thrown away.
    """
    stored = _stored(folder)
    software = replace(settings, codec=SOFTWARE_ENCODER)
    chosen = software if stored == _plan(inputs, software) else settings
    plan = _plan(inputs, chosen)
    if stored != plan:
        with writing(folder / PLAN):
            _empty(folder)
            atomic.write_bytes(folder / PLAN, plan)
    return replace(chosen, plan=hashlib.sha256(plan).hexdigest())


def _plan(inputs: dict[str, Any], settings: EncoderSettings) -> bytes:
    return json.dumps(inputs | {"encoder": settings.header}, indent=1, sort_keys=True).encode()


def _stored(folder: Path) -> bytes | None:
    try:
        return (folder / PLAN).read_bytes()
    except OSError:
        return None


def _empty(folder: Path) -> None:
    """Remove what a render makes, and nothing that somebody else may have put there."""
    for entry in [*folder.glob("*.fragment"), folder / "sound.mp4", folder / PLAN]:
        entry.unlink(missing_ok=True)
