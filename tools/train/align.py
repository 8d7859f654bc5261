"""Where each sound of a known utterance lies: Viterbi over the network's own phone posteriors.

`forced` takes frame-wise log posteriors [T, phones] and what was said, and returns the phone of every frame. Silence
may stand before, after and, where `breaks` says so, between sounds. A sound lasts at least `SHORTEST` frames.
Where it is known about when each sound is said, that bounds the search.
`free` finds the best sequence without being told, for speech whose words nobody wrote down: switching phones costs
`SWITCH_COST`, which keeps it from flickering.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tools.train.phones import INDEX

SHORTEST: Final = 2
SWITCH_COST: Final = 4.0
_SILENCE: Final = INDEX["sil"]
_ELSEWHERE: Final = -30.0
"""Added to the log posterior of a sound outside of its span."""

Posteriors = NDArray[np.float32]
Labels = NDArray[np.uint8]
Spans = NDArray[np.int64]


def forced(
    posteriors: Posteriors, phones: list[str], breaks: set[int], about: Spans | None = None
) -> tuple[Labels, float]:
    """The labels and the mean log posterior of the path; `breaks` are places in `phones` before which one may pause.

    `about` [phones, 2], in frames, is where each sound may lie at all. The states are the sounds, each as `SHORTEST`
    states in a row, with optional silences between. Raises `ValueError` when the utterance is too short for its sounds.
    """
    states: list[int] = [_SILENCE]
    owners = [-1]
    optional = {0}
    for place, phone in enumerate(phones):
        if place in breaks:
            optional.add(len(states))
            states.append(_SILENCE)
            owners.append(-1)
        states += [INDEX[phone]] * SHORTEST
        owners += [place] * SHORTEST
    optional.add(len(states))
    states.append(_SILENCE)
    owners.append(-1)
    frames, count = len(posteriors), len(states)
    if frames < len(phones) * SHORTEST:
        raise ValueError("too short for its sounds")
    stay = np.array([state == _SILENCE or count - 1 == i or states[i + 1] != state for i, state in enumerate(states)])
    skip = np.array([i >= 2 and i - 1 in optional for i in range(count)])
    emit = posteriors[:, states]
    if about is not None:
        first, last = np.array([(0, frames) if owner < 0 else about[owner] for owner in owners]).T
        time = np.arange(frames)[:, None]
        emit = emit + np.where((time < first) | (time >= last), np.float32(_ELSEWHERE), np.float32(0))
    best = np.full(count, -np.inf)
    best[0] = emit[0, 0]
    best[1] = emit[0, 1]
    came = np.zeros((frames, count), np.int8)
    for t in range(1, frames):
        options = np.full((3, count), -np.inf)
        options[0] = np.where(stay, best, -np.inf)
        options[1, 1:] = best[:-1]
        options[2, 2:] = np.where(skip[2:], best[:-2], -np.inf)
        came[t] = options.argmax(axis=0)
        best = options.max(axis=0) + emit[t]
    state = count - 1 if best[count - 1] >= best[count - 2] else count - 2
    total = float(best[state])
    labels = np.zeros(frames, np.uint8)
    for t in range(frames - 1, -1, -1):
        labels[t] = states[state]
        state -= int(came[t, state])
    return labels, total / frames


def free(posteriors: Posteriors) -> Labels:
    """The best labels when nobody says what was said."""
    frames, count = posteriors.shape
    best = posteriors[0].astype(np.float64)
    came = np.zeros((frames, count), np.int16)
    for t in range(1, frames):
        source = int(best.argmax())
        stays = best >= best[source] - SWITCH_COST
        came[t] = np.where(stays, np.arange(count), source)
        best = np.where(stays, best, best[source] - SWITCH_COST) + posteriors[t]
    labels = np.zeros(frames, np.uint8)
    state = int(best.argmax())
    for t in range(frames - 1, -1, -1):
        labels[t] = state
        state = int(came[t, state])
    return labels
