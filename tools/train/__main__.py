"""`python -m tools.train --out DIR`: from nothing to the shipped weights, reproducible by `--seed`.

First a network learns from synthetic voices. Then, in rounds, it labels the recordings of real people and goes on
learning from both. Voices, labels and networks are kept in `--work` under names that say what they were made by, so a
cut run goes on with the stage that was cut, and a change of code or texts makes anew what depends on it.
`python -m tests.bench.motion_score` says how the result does on voices that no stage has heard.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import torch

from appliance.pipeline import mel, motion_net
from appliance.pipeline.motion_net import OUTPUTS, VAD, MotionNet
from appliance.pipeline.progress import Job
from appliance.terminal import ProgressLine
from tools.train import (
    align,
    augment,
    corpus,
    dialogues,
    espeak,
    export,
    fit,
    kept,
    label,
    people,
    phones,
    relabel,
    sound,
    stamps,
    steel_sky,
    takes,
    targets,
)
from tools.train.corpus import Utterances
from tools.train.phones import PHONES

_Voice = TypeVar("_Voice")

_THREADS: Final = 2
VOICE_MARGIN: Final = 0.25
"""Added to the log-odds of voice activity in the shipped weights: to begin late is a recording's worse fault."""


class Stage(NamedTuple):
    """A stretch of training: how long, and how often a crop comes from each group of voices."""

    steps: int
    shares: dict[str, float]


SYNTHETIC: Final = Stage(3000, {"espeak": 0.3, "festival in English": 0.2, "festival": 0.5})
_EVERYONE: Final = {
    "espeak": 0.08,
    "festival in English": 0.1,
    "festival": 0.1,
    "statistical": 0.07,
    relabel.PICO: 0.05,
    relabel.NEURAL: 0.35,
    "people": 0.05,
    "stamps": 0.08,
    "dialogues": 0.16,
}
ROUNDS: Final = (Stage(6000, _EVERYONE), Stage(36_000, _EVERYONE | {"dialogues": 0.24}))
_COLOUR_DB: Final = 3.0
"""How far the rounds move the colours of a speaker's vowels, murmurs and noises against each other."""
_LEARNING: Final = (mel, motion_net, augment, fit, phones, targets)
_LABELLING: Final = (align, dialogues, espeak, label, people, sound, stamps, steel_sky)


class _Told:
    """Lines about what is done, and on a terminal how long the rest will take."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._line = ProgressLine()

    def say(self, text: str) -> None:
        self._line.close()
        print(f"{text} after {time.monotonic() - self._started:.0f} s", flush=True)

    def part(self) -> Job:
        """What a part of the work reports to."""
        return Job(self._line.show)

    def close(self) -> None:
        """Whatever comes next begins on a line of its own."""
        self._line.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.train", description="Train the motion network.")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for base.safetensors, base.onnx and base.int8.onnx"
    )
    parser.add_argument("--work", type=Path, default=Path("build/train"), help="folder for what is kept between runs")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(min(_THREADS, torch.get_num_threads()))
    with contextlib.closing(_Told()) as told:
        _train(options.work / f"seed{options.seed}", options.out, options.seed, told)


def _train(work: Path, out: Path, seed: int, told: _Told) -> None:
    synthetic, names = _prepare(work, corpus.TRAINING, seed, told)
    later, later_names = _prepare(work, corpus.LATER, seed, told)
    neural = _at_once(partial(takes.prepare, folder=work, seed=seed), takes.names(work.parent / "kokoro"), told)
    told.say("synthetic voices ready")
    learnt = kept.key(_LEARNING, names, seed, SYNTHETIC)
    last = work / f"synthetic-{learnt}.npz"
    _stage(last, None, synthetic, SYNTHETIC, seed, told)
    told.say("trained on synthetic voices")
    everyone = later | {group: voices + later.get(group, []) for group, voices in synthetic.items()}
    for number, stage in enumerate(ROUNDS, 1):
        labelled = kept.key(_LABELLING, learnt, [path.name for path in neural])
        everyone |= relabel.relabelled(last, work / f"people-{labelled}", neural, _THREADS, told.part())
        told.say(f"labelled for round {number}")
        learnt = kept.key(_LEARNING, labelled, later_names, seed, stage)
        before, last = last, work / f"round{number}-{learnt}.npz"
        _stage(last, before, everyone, stage, seed + number, told)
        told.say(f"round {number} done")
    tensors = export.folded(fit.loaded(last))
    tensors["exit.bias"][VAD::OUTPUTS] += VOICE_MARGIN
    out.mkdir(parents=True, exist_ok=True)
    export.write(tensors, out / "base.safetensors")
    # A process of its own, on one thread: how many there are shows in the last digits.
    quantise = [sys.executable, "-m", "tools.train.int8", "--seed", str(seed)]
    weights, small = out / "base.safetensors", out / "base.int8.onnx"
    alone = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([*quantise, "--weights", str(weights), "--out", str(small)], env=alone, check=True)
    told.say(f"wrote {out / 'base.safetensors'}")


def _prepare(
    work: Path, wanted: tuple[corpus.Voice, ...], seed: int, told: _Told
) -> tuple[dict[str, list[Utterances]], list[str]]:
    """Synthetic voices by the groups of `SYNTHETIC` and `ROUNDS`, and the names of their files."""
    paths = _at_once(partial(corpus.prepare, folder=work, seed=seed), wanted, told)
    voices: dict[str, list[Utterances]] = {}
    for voice, path in zip(wanted, paths, strict=True):
        group = {"rhvoice": "statistical", "rab": "festival in English"}.get(voice.kind, voice.kind)
        if (voice.kind, voice.language) == ("festival", "en"):
            group = "festival in English"
        voices.setdefault(group, []).append(Utterances.load(path))
    return voices, [path.name for path in paths]


def _at_once(make: Callable[[_Voice], Path], wanted: Sequence[_Voice], told: _Told) -> list[Path]:
    """What `make` makes, in a process each: espeak carries state along, and a fresh one always speaks the same."""
    made: list[Path] = []
    job = told.part()
    job.step("speaking", 0, len(wanted))
    context = multiprocessing.get_context("spawn")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        with ProcessPoolExecutor(_THREADS, mp_context=context, max_tasks_per_child=1) as pool:
            for path in pool.map(make, wanted):
                made.append(path)
                job.step("speaking", len(made), len(wanted))
            return made
    finally:
        del os.environ["OMP_NUM_THREADS"]


def _stage(
    path: Path,
    start: Path | None,
    voices: dict[str, list[Utterances]],
    stage: Stage,
    seed: int,
    told: _Told,
) -> None:
    """Trains a network on `voices`, beginning where the one at `start` ended, and keeps it at `path`."""
    if path.is_file():
        return
    torch.manual_seed(seed)
    net = MotionNet(extra=len(PHONES)) if start is None else fit.loaded(start)
    everyone, weights = [], []
    for group, share in stage.shares.items():
        total = sum(len(voice.phone) for voice in voices[group])
        everyone += voices[group]
        weights += [share * len(voice.phone) / total for voice in voices[group]]
    job = told.part()
    job.step("learning", 0, stage.steps)

    def learning(step: int, loss: float) -> None:
        told.say(f"step {step}/{stage.steps} loss {loss:.4f}")
        job.step("learning", step, stage.steps)

    fit.fit(
        net,
        fit.Crops(everyone, weights, seed),
        steps=stage.steps,
        seed=seed,
        fade=start is not None,
        colour_db=0.0 if start is None else _COLOUR_DB,
        report=learning,
    )
    fit.saved(net, path)


if __name__ == "__main__":
    main()
