"""`python -m tools.train --out DIR`: from nothing to the shipped weights, reproducible by `--seed`.

First a network learns from synthetic voices. Then, in rounds, it labels the recordings of real people and goes on
learning from both. Voices, labels and networks are kept in `--work` under names that say what they were made by, so a
cut run goes on with the stage that was cut, and a change of code or texts makes anew what depends on it.
`python -m tests.bench.motion_score` says how the result does on voices that no stage has heard.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import torch

from appliance.errors import UnhealthyError
from appliance.pipeline import mel, motion_net
from appliance.pipeline.motion_net import CLOSURE, OUTPUTS, VAD, MotionNet
from appliance.storage import atomic
from tools.train import (
    align,
    augment,
    corpus,
    dialogues,
    espeak,
    export,
    fit,
    int8,
    kept,
    label,
    people,
    phones,
    sound,
    stamps,
    targets,
)
from tools.train.corpus import Utterances
from tools.train.phones import PHONES

_THREADS: Final = 2
CLOSURE_MARGIN: Final = 0.5
"""Added to the log-odds of closure in the shipped weights: an open mouth on p, b or m is the worse fault."""
VOICE_MARGIN: Final = 0.5
"""The same of voice activity: to begin a recording after the first sound is the worse fault."""


class Stage(NamedTuple):
    """A stretch of training: how long, how often a crop comes from each group of voices, `fit.fit`'s `colour_db`.

    `listener` is the round whose network teaches the voice activity, 0 for none.
    """

    steps: int
    shares: dict[str, float]
    colour_db: float = 0.0
    listener: int = 0


_MOSTLY_PEOPLE: Final = {
    "espeak": 0.1,
    "festival in English": 0.1,
    "festival": 0.14,
    "statistical": 0.06,
    "people": 0.08,
    "stamps": 0.17,
    "dialogues": 0.35,
}
SYNTHETIC: Final = Stage(10_000, {"espeak": 0.3, "festival in English": 0.2, "festival": 0.5})
ROUNDS: Final = (
    Stage(4000, {"espeak": 0.25, "festival in English": 0.2, "festival": 0.35, "people": 0.2}),
    Stage(
        7000,
        {"espeak": 0.2, "festival in English": 0.2, "festival": 0.3, "statistical": 0.12, "people": 0.18},
        colour_db=3.0,
    ),
    *(Stage(steps, _MOSTLY_PEOPLE, colour_db=3.0) for steps in (4000, 2500, 5000, 6500)),
    Stage(4000, _MOSTLY_PEOPLE, colour_db=3.0, listener=2),
)
_LEARNING: Final = (mel, motion_net, augment, fit, phones, targets)
_LABELLING: Final = (align, dialogues, espeak, label, people, sound, stamps)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.train", description="Train the motion network.")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for base.safetensors, base.onnx and base.int8.onnx"
    )
    parser.add_argument("--work", type=Path, default=Path("build/train"), help="folder for what is kept between runs")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    work = options.work / f"seed{options.seed}"
    torch.set_num_threads(min(_THREADS, torch.get_num_threads()))
    started = time.monotonic()
    synthetic, names = _prepare(work, corpus.TRAINING, options.seed)
    later, later_names = _prepare(work, corpus.LATER, options.seed)
    print(f"synthetic voices ready after {time.monotonic() - started:.0f} s", flush=True)
    learnt = kept.key(_LEARNING, names, options.seed, SYNTHETIC)
    last = _stage(work / f"synthetic-{learnt}.npz", None, synthetic, SYNTHETIC, options.seed)
    print(f"trained on synthetic voices after {time.monotonic() - started:.0f} s", flush=True)
    everyone = later | {group: voices + later.get(group, []) for group, voices in synthetic.items()}
    rounds: list[MotionNet] = []
    for number, stage in enumerate(ROUNDS, 1):
        labelled = kept.key(_LABELLING, learnt)
        everyone |= _people(work / f"people-{labelled}", last, set(stage.shares) & set(people.GROUPS))
        learnt = kept.key(_LEARNING, labelled, later_names, options.seed, stage)
        listener = rounds[stage.listener - 1] if stage.listener else None
        last = _stage(work / f"round{number}-{learnt}.npz", last, everyone, stage, options.seed + number, listener)
        rounds.append(last)
        print(f"round {number} done after {time.monotonic() - started:.0f} s", flush=True)
    tensors = export.folded(last)
    tensors["exit.bias"][CLOSURE::OUTPUTS] += CLOSURE_MARGIN
    tensors["exit.bias"][VAD::OUTPUTS] += VOICE_MARGIN
    options.out.mkdir(parents=True, exist_ok=True)
    export.write(tensors, options.out / "base.safetensors")
    int8.write(options.out / "base.safetensors", options.out / "base.int8.onnx", seed=options.seed)
    print(f"wrote {options.out / 'base.safetensors'} after {time.monotonic() - started:.0f} s", flush=True)


def _prepare(work: Path, wanted: tuple[corpus.Voice, ...], seed: int) -> tuple[dict[str, list[Utterances]], list[str]]:
    """Synthetic voices by the groups of `SYNTHETIC` and `ROUNDS`, and the names of their files."""
    os.environ["OMP_NUM_THREADS"] = "1"
    # A process a voice: espeak carries state from one utterance to the next, and a fresh one always speaks the same.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(_THREADS, mp_context=context, max_tasks_per_child=1) as pool:
        make = partial(corpus.prepare, folder=work, seed=seed)
        paths = list(pool.map(make, wanted))
    voices: dict[str, list[Utterances]] = {}
    for voice, path in zip(wanted, paths, strict=True):
        group = "festival in English" if (voice.kind, voice.language) == ("festival", "en") else voice.kind
        voices.setdefault(group, []).append(Utterances.load(path))
    return voices, [path.name for path in paths]


def _people(work: Path, net: MotionNet, groups: set[str]) -> dict[str, list[Utterances]]:
    """The real voices by group as `net` labels them; the held-out go into files of their own and are not returned."""
    voices: dict[str, list[Utterances]] = {}
    every = people.clips(groups)
    for (group, speaker), clips in itertools.groupby(every, key=lambda clip: (clip.group, clip.speaker)):
        path = work / f"{speaker}.npz"
        if not path.is_file():
            found = label.labelled(net, list(clips))
            if found is None:
                continue
            found.save(path)
        if speaker not in people.HELD_OUT:
            voices.setdefault(group, []).append(Utterances.load(path))
    if missing := groups - set(voices):
        raise UnhealthyError(
            f"recordings of real voices are missing: {', '.join(sorted(missing))}",
            hint="install tools/train/packages.txt",
        )
    return voices


def _stage(
    path: Path,
    start: MotionNet | None,
    voices: dict[str, list[Utterances]],
    stage: Stage,
    seed: int,
    listener: MotionNet | None = None,
) -> MotionNet:
    """A network trained on `voices`, beginning where `start` ended; kept at `path`."""
    torch.manual_seed(seed)
    net = MotionNet(extra=len(PHONES))
    if path.is_file():
        with np.load(path, allow_pickle=False) as stored:
            net.load_state_dict({name: torch.from_numpy(stored[name]) for name in stored.files})
        return net.eval()
    if start is not None:
        net.load_state_dict(start.state_dict())
    everyone, weights = [], []
    for group, share in stage.shares.items():
        total = sum(len(voice.phone) for voice in voices[group])
        everyone += voices[group]
        weights += [share * len(voice.phone) / total for voice in voices[group]]
    crops, fade = fit.Crops(everyone, weights, seed), start is not None
    fit.fit(net, crops, steps=stage.steps, seed=seed, fade=fade, colour_db=stage.colour_db, listener=listener)
    with atomic.replaced_file(path, suffix=".npz") as temporary:
        np.savez(temporary, **{name: tensor.numpy() for name, tensor in net.state_dict().items()})
    return net.eval()


if __name__ == "__main__":
    main()
