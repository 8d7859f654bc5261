"""How well a motion track follows what was said: the field's plain measures.

Truth is segments in seconds; a track shows frame i at (i + 0.5) / fps. Curves are compared at 100 Hz.

Closures: p, b and m that touch are one interval. A predicted closure is a run of `closure > 0.5`; one is found when a
run overlaps it widened by `TOLERANCE_S`, unless the run is more than 0.25 s longer than it. A run that meets none is
false, but does not count when it lies mostly in silence or touches an f or v. Lip-teeth contact likewise, by the
viseme. A mouth opens before the sound and closes after it, so the opening in silence is what it is `APART_S` from any
sound. Sums of several files are made before dividing.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from appliance.pipeline.mel import FRAME_HZ
from appliance.pipeline.track import VISEMES, MotionTrack
from tools.train.phones import VISEME_OF, Segment

TOLERANCE_S: Final = 0.04
APART_S: Final = 0.05
_LONGER_S: Final = 0.25

Curve = NDArray[np.float32]
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Truth:
    """What was said: segments, and the mouth curves that training aims at, at 100 Hz."""

    segments: list[Segment]
    opening: Curve
    rounding: Curve
    viseme: NDArray[np.int64]


def truth_of(phone: NDArray[np.uint8]) -> Truth:
    """The truth of phones at 100 Hz."""
    import torch

    from tools.train.phones import PHONES
    from tools.train.targets import targets

    want = targets(torch.from_numpy(phone.astype(np.int64))[None])
    edges = np.flatnonzero(np.diff(phone)) + 1
    bounds = np.concatenate([[0], edges, [len(phone)]])
    segments = [Segment(a / FRAME_HZ, b / FRAME_HZ, PHONES[phone[a]]) for a, b in itertools.pairwise(bounds)]
    return Truth(segments, want.opening[0].numpy(), want.rounding[0].numpy(), np.asarray(VISEME_OF)[phone])


@dataclass(slots=True)
class Count:
    """Intervals found of those there are, and right and wrong ones among the predicted."""

    found: int = 0
    there: int = 0
    right: int = 0
    wrong: int = 0

    def add(self, other: Count) -> None:
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))

    @property
    def recall(self) -> float:
        return self.found / self.there if self.there else float("nan")

    @property
    def precision(self) -> float:
        return self.right / (self.right + self.wrong) if self.right + self.wrong else float("nan")


@dataclass(slots=True)
class Score:
    """The measures of one file."""

    seconds: float
    closure: Count
    contact: Count
    speech: Count
    opening_r: float
    rounding_r: float
    lag_ms: float
    opening_in_silence: Curve
    opening_in_speech: Curve
    viseme: float


def correlation(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / scale if scale > 1e-9 else 0.0


def lag_ms(predicted: Curve, true: Curve, reach: int = 30) -> float:
    """Where the cross-correlation peaks; positive when the prediction is late."""

    def at(k: int) -> float:
        a, b = (predicted[k:], true[: len(true) - k]) if k >= 0 else (predicted[:k], true[-k:])
        return correlation(a, b)

    return 10.0 * max(range(-reach, reach + 1), key=at)


def _runs(mask: NDArray[np.bool_]) -> list[Interval]:
    change = np.diff(np.concatenate([[0], mask.astype(np.int8), [0]]))
    starts, ends = np.flatnonzero(change == 1), np.flatnonzero(change == -1)
    return [(a / FRAME_HZ, b / FRAME_HZ) for a, b in zip(starts, ends, strict=True)]


def _merged(segments: Iterable[Segment], phones: set[str]) -> list[Interval]:
    merged: list[Interval] = []
    for start, end, phone in segments:
        if phone not in phones:
            continue
        if merged and start - merged[-1][1] <= 0.02:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return merged


def _events(mask: NDArray[np.bool_], true: list[Interval], pardoned: list[Interval], silent: Curve) -> Count:
    """Match runs of a mask with the true intervals; runs over `pardoned` or in silence are not held against it."""
    runs = _runs(mask)

    def meet(run: Interval, interval: Interval) -> bool:
        return run[0] < interval[1] + TOLERANCE_S and run[1] > interval[0] - TOLERANCE_S

    def length(run: Interval) -> float:
        return run[1] - run[0] - float(silent[int(run[0] * FRAME_HZ) : int(run[1] * FRAME_HZ)].sum()) / FRAME_HZ

    count = Count(there=len(true))
    for interval in true:
        limit = interval[1] - interval[0] + _LONGER_S
        count.found += any(meet(run, interval) and length(run) < limit for run in runs)
    for run in runs:
        inside = silent[int(run[0] * FRAME_HZ) : max(int(run[1] * FRAME_HZ), int(run[0] * FRAME_HZ) + 1)]
        if any(meet(run, interval) for interval in true):
            count.right += 1
        elif inside.mean() <= 0.5 and not any(meet(run, interval) for interval in pardoned):
            count.wrong += 1
    return count


def apart(voiced: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The frames that are `APART_S` or more from any sound."""
    reach = round(APART_S * FRAME_HZ)
    return np.asarray(np.convolve(voiced, np.ones(2 * reach + 1), mode="same")[: len(voiced)] == 0)


def score(track: MotionTrack, truth: Truth) -> Score:
    """One track against its truth."""
    frames = len(truth.opening)
    at, shown = (np.arange(frames) + 0.5) / FRAME_HZ, (np.arange(len(track)) + 0.5) / track.fps

    def curve(values: Curve) -> Curve:
        return np.asarray(np.interp(at, shown, values), np.float32)

    opening = curve(track.opening)
    voiced = truth.viseme > 0
    silent = (~voiced).astype(np.float32)
    viseme = track.viseme[np.clip((at * track.fps).astype(int), 0, len(track) - 1)]
    lips, teeth = _merged(truth.segments, {"p", "b", "m"}), _merged(truth.segments, {"f", "v"})
    heard = curve(track.vad) > 0.5
    return Score(
        seconds=frames / FRAME_HZ,
        closure=_events(curve(track.closure) > 0.5, lips, teeth, silent),
        contact=_events(viseme == VISEMES.index("FV"), teeth, lips, silent),
        speech=Count(
            int((heard & voiced).sum()), int(voiced.sum()), int((heard & voiced).sum()), int((heard & ~voiced).sum())
        ),
        opening_r=correlation(opening, truth.opening),
        rounding_r=correlation(curve(track.rounding), truth.rounding),
        lag_ms=lag_ms(opening, truth.opening),
        opening_in_silence=opening[apart(voiced)],
        opening_in_speech=opening[voiced],
        viseme=float((viseme == truth.viseme).mean()),
    )


def summary(scores: list[Score]) -> dict[str, float]:
    """The figures of a set of files."""
    closure, contact, speech = Count(), Count(), Count()
    for each in scores:
        closure.add(each.closure)
        contact.add(each.contact)
        speech.add(each.speech)
    silent = np.concatenate([each.opening_in_silence for each in scores])
    speaking = np.concatenate([each.opening_in_speech for each in scores])
    f1 = 2 * speech.recall * speech.precision / (speech.recall + speech.precision)
    return {
        "closure_recall": closure.recall,
        "closure_precision": closure.precision,
        "contact_recall": contact.recall,
        "contact_precision": contact.precision,
        "opening_r": float(np.mean([each.opening_r for each in scores])),
        "rounding_r": float(np.mean([each.rounding_r for each in scores])),
        "lag_ms": float(np.median([each.lag_ms for each in scores])),
        "vad_f1": f1,
        "silence_ratio": float(silent.mean() / speaking.mean()) if len(silent) else 0.0,
        "viseme": float(np.mean([each.viseme for each in scores])),
        "false_per_10s": 10 * closure.wrong / sum(each.seconds for each in scores),
        "closures": float(closure.there),
    }
