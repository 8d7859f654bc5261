"""From phones to what the mouth does, frame by frame at 100 Hz, for a batch.

The lips and the jaw are slow: opening, width and rounding are the phones' looks blurred by a Gaussian of
`BLUR_FRAMES` (coarticulation), opening pressed down where the lips are sealed and in silence. `closure` is 1 while they
are sealed; where nobody can say (the first frame of a closure, a stop from its burst on) it has no weight. A viewer
sees an open mouth on a short b as well as on a long m: each closure weighs as much as one that is judged for
`_USUAL` frames, within bounds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from tools.train.phones import INDEX, LOOKS, PHONES, SEALED, VISEME_OF

BLUR_FRAMES: Final = 2.5
_IN_SILENCE: Final = 0.1
_CLOSED_SHARE: Final = {"p": 0.5, "b": 0.7}
"""How much of a stop is surely closed; the rest is its burst and, after p, breath."""
_USUAL: Final = 5.0
_LIGHTEST, _HEAVIEST = 0.5, 3.0

_LOOK = torch.tensor([LOOKS[phone][1:] for phone in PHONES])
_VISEME = torch.tensor(VISEME_OF)
_SEALED = torch.zeros(len(PHONES), dtype=torch.bool)
_SEALED[[INDEX[phone] for phone in SEALED]] = True
_CLOSED = torch.tensor([_CLOSED_SHARE.get(phone, 1.0) for phone in PHONES])


@dataclass(frozen=True, slots=True)
class Targets:
    """All [batch, T]."""

    opening: Tensor
    width: Tensor
    rounding: Tensor
    closure: Tensor
    closure_weight: Tensor
    vad: Tensor
    viseme: Tensor
    phone: Tensor


def _blur(curves: Tensor) -> Tensor:
    """A Gaussian over time; curves [batch, n, T]."""
    reach = 8
    taps = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / BLUR_FRAMES) ** 2)
    kernel = (taps / taps.sum()).expand(curves.shape[1], 1, -1)
    padded = functional.pad(curves, (reach, reach), mode="replicate")
    return functional.conv1d(padded, kernel, groups=curves.shape[1])


def _since(phone: Tensor) -> Tensor:
    """How many frames ago each sound began."""
    place = torch.arange(phone.shape[1]).expand(phone.shape)
    begins = functional.pad(phone[:, 1:] != phone[:, :-1], (1, 0), value=True)
    return place - torch.where(begins, place, 0).cummax(dim=1).values


def _judged_of(phone: Tensor, judged: Tensor) -> Tensor:
    """How many of each sound's frames are judged, at every one of its frames; one at least."""
    sound = functional.pad(phone[:, 1:] != phone[:, :-1], (1, 0)).cumsum(dim=1)
    frames = torch.zeros(phone.shape).scatter_add_(1, sound, judged.float())
    return frames.gather(1, sound).clamp_min(1)


def targets(phone: Tensor) -> Targets:
    """The targets of phones [batch, T] int64."""
    look = _LOOK[phone].transpose(1, 2)
    sealed = _SEALED[phone]
    smooth = _blur(torch.cat([look, sealed[:, None].float()], dim=1))
    silent = phone == INDEX["sil"]
    opening = (
        smooth[:, 0] * torch.where(sealed, 0.15, 1.0) * torch.where(silent, _IN_SILENCE, 1.0) * (1 - 0.5 * smooth[:, 3])
    )
    since, left = _since(phone), _since(phone.flip(1)).flip(1)
    burst = sealed & (since >= _CLOSED[phone] * (since + left + 1))
    before = functional.pad(sealed, (1, 0), value=False)[:, :-1]
    follows = functional.pad(sealed, (0, 1), value=False)[:, 1:]
    edge = (sealed & ~before) | (~sealed & follows) | (~sealed & before)
    judged = ~(burst | edge)
    weight = torch.where(sealed, (_USUAL / _judged_of(phone, judged)).clamp(_LIGHTEST, _HEAVIEST), 1.0)
    return Targets(
        opening=opening,
        width=smooth[:, 1],
        rounding=smooth[:, 2],
        closure=sealed.float(),
        closure_weight=weight * judged,
        vad=(~silent).float(),
        viseme=_VISEME[phone],
        phone=phone,
    )
