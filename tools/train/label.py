"""Labels voices with a network that was trained on synthetic ones.

`labelled` takes recordings of real people. Where it is written down what is said, the sounds are aligned; a clip that
fits its text badly (mean log posterior under `POOR_FIT`: a wrong transcript, a slip of the tongue) is left out. A
silence that is louder than the quietest fifth of the sounds around it is none, but a voice that the network does not
take for one: it carries no trust, and with more than a tenth of it the clip is left out, or the network would learn to
be deaf to that voice. Where nobody wrote down what is said, the network's own best path is taken, and frames in which
it was unsure carry no trust. When a person is silent such labels say too badly to learn it from them.

`placed` takes what a neural synthesiser said, with its plan: a sound lies within `SLACK_S` of where it was planned.

Every speaker becomes a file like a synthetic voice's.
"""

from __future__ import annotations

import itertools
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from appliance.pipeline.mel import BANDS, FRAME_HZ
from appliance.pipeline.motion_net import DELAY, STRIDE, MotionNet, frames_of
from tools.train import align, corpus
from tools.train.corpus import NOT_WHEN, Utterances
from tools.train.fit import heard
from tools.train.people import Clip
from tools.train.phones import INDEX, PHONES
from tools.train.sound import decoded, levelled
from tools.train.takes import Takes

POOR_FIT: Final = -2.5
SLACK_S: Final = 0.06
_SURE: Final = 0.5
_DEAF: Final = 0.1
_QUIETEST_PERCENT: Final = 20.0
_SILENCE: Final = INDEX["sil"]
_QUIET: Final = float(np.log(1e-10))


def padded(mel: NDArray[np.float32]) -> torch.Tensor:
    """A batch of one, relative to the level, with the silence that lets the network answer for the last frame."""
    missing = DELAY + len(mel) % STRIDE
    tail = np.full((missing, BANDS), _QUIET, np.float32)
    return heard(torch.from_numpy(np.concatenate([mel, tail]))[None])


def posteriors(net: MotionNet, mel: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log posteriors [T, phones] of raw log-mels [T, bands], on time."""
    assert net.helper is not None  # noqa: S101
    with torch.inference_mode():
        hidden, _ = net.hidden(padded(mel), *net.initial())
        logits = frames_of(net.helper(hidden), len(PHONES))[0, DELAY : DELAY + len(mel)]
        return np.asarray(torch.log_softmax(logits, dim=1).numpy(), np.float32)


def _missed(mel: NDArray[np.float32], phone: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Where what is labelled silence is too loud for it."""
    loudness, silent = mel.mean(axis=1), phone == _SILENCE
    enough = np.percentile(loudness[~silent], _QUIETEST_PERCENT)
    return np.asarray(silent & (loudness > enough))


def labelled(net: MotionNet, clips: list[Clip]) -> Utterances | None:
    """The clips of one speaker with the labels that `net` finds; None if not one is usable."""
    net.eval()
    mels: list[NDArray[np.float16]] = []
    phones: list[NDArray[np.uint8]] = []
    trusts: list[NDArray[np.uint8]] = []
    for clip in clips:
        try:
            mel = corpus.heard(levelled(decoded(clip.sound)))
        except ValueError:  # a recording that this decoder cannot read
            continue
        if len(mel) < 10:
            continue
        logs = posteriors(net, mel)
        trust = np.full(len(mel), NOT_WHEN, np.uint8)
        if clip.script is None:
            phone = align.free(logs)
            trust[logs.max(axis=1) <= np.log(_SURE)] = 0
        else:
            try:
                phone, fit = align.forced(logs, clip.script.phones, clip.script.breaks)
            except ValueError:
                continue
            missed = _missed(mel, phone)
            if fit < POOR_FIT or missed.mean() > _DEAF:
                continue
            trust[missed] = 0
        mels.append(mel.astype(np.float16))
        phones.append(phone)
        trusts.append(trust)
    return _joined(mels, phones, trusts) if mels else None


def placed(net: MotionNet, takes: Takes, *, when: bool) -> Utterances | None:
    """The takes of one voice with every sound where `net` finds it; None if not one fits.

    Without a plan nobody knows where a synthesiser pauses, so then it does not say `when` its voice is silent.
    """
    net.eval()
    mels: list[NDArray[np.float16]] = []
    phones: list[NDArray[np.uint8]] = []
    for number, (first, last) in enumerate(itertools.pairwise(takes.bounds)):
        mel, sounds = takes.mel[first:last], slice(*takes.sounds[number : number + 2])
        names = [PHONES[index] for index in takes.phone[sounds]]
        breaks = {int(place) for place in np.flatnonzero(takes.pause[sounds]) if place}
        about = np.stack([takes.start[sounds] - SLACK_S, takes.end[sounds] + SLACK_S], axis=1) * FRAME_HZ
        phone, fit = align.forced(
            posteriors(net, mel.astype(np.float32)), names, breaks, about.round().astype(np.int64)
        )
        if fit >= POOR_FIT:
            mels.append(mel)
            phones.append(phone)
    trust = 1 if when else NOT_WHEN
    return _joined(mels, phones, [np.full(len(phone), trust, np.uint8) for phone in phones]) if mels else None


def _joined(
    mels: list[NDArray[np.float16]], phones: list[NDArray[np.uint8]], trusts: list[NDArray[np.uint8]]
) -> Utterances:
    bounds = np.array([0, *itertools.accumulate(len(phone) for phone in phones)])
    return Utterances(np.concatenate(mels), np.concatenate(phones), bounds, np.concatenate(trusts))
