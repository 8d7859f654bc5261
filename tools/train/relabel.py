"""What people and the speakers of `takes` say, labelled anew by a network that has learnt more, in several processes.

Every speaker becomes a file of `corpus.Utterances` in the folder, made if it is not there yet. The held-out speakers
have files of their own too, which no training reads.
"""

from __future__ import annotations

import itertools
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

import torch

from appliance.errors import UnhealthyError
from appliance.pipeline.progress import Job
from tools.train import fit, label, people
from tools.train.corpus import Utterances
from tools.train.takes import Takes

NEURAL: Final = "neural"
PICO: Final = "pico"
Labelled = list[tuple[str, Path]]
"""The group of every speaker, and the file."""


def relabelled(net: Path, folder: Path, takes: list[Path], processes: int, job: Job) -> dict[str, list[Utterances]]:
    """The speakers to learn from, by group; `net` is what `fit.saved` kept, `takes` what `takes.prepare` made."""
    context = multiprocessing.get_context("spawn")
    # The largest groups first, so that no process ends long before another.
    works = [
        *(partial(_people, group, net, folder) for group in reversed(people.GROUPS)),
        *(partial(_takes, path, net, folder) for path in takes),
    ]
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        done = [pool.submit(work) for work in works]
        speakers: Labelled = []
        job.step("labelling", 0, len(done))
        for count, each in enumerate(done, 1):
            speakers += each.result()
            job.step("labelling", count, len(done))
    voices: dict[str, list[Utterances]] = {}
    for group, path in speakers:
        if path.stem not in people.HELD_OUT:
            voices.setdefault(group, []).append(Utterances.load(path))
    if missing := {*people.GROUPS, NEURAL, PICO} - set(voices):
        raise UnhealthyError(
            f"voices to learn from are missing: {', '.join(sorted(missing))}",
            hint="install tools/train/packages.txt",
        )
    return voices


def _people(group: str, net: Path, folder: Path) -> Labelled:
    torch.set_num_threads(1)
    reader, found = fit.loaded(net), []
    for speaker, clips in itertools.groupby(people.clips({group}), key=lambda clip: clip.speaker):
        path = folder / f"{speaker}.npz"
        if not path.is_file():
            utterances = label.labelled(reader, list(clips))
            if utterances is None:
                continue
            utterances.save(path)
        found.append((group, path))
    return found


def _takes(takes: Path, net: Path, folder: Path) -> Labelled:
    torch.set_num_threads(1)
    path, group = folder / takes.name, PICO if takes.stem.startswith(PICO) else NEURAL
    if not path.is_file():
        utterances = label.placed(fit.loaded(net), Takes.load(takes), when=group == NEURAL)
        if utterances is None:
            return []
        utterances.save(path)
    return [(group, path)]
