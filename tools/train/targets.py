"""From phones to what the mouth does, frame by frame at 100 Hz, for a batch.

The lips and the jaw are slow: opening, width and rounding are the phones' looks blurred by a Gaussian of
`BLUR_FRAMES` (coarticulation), and pressed down where the lips are sealed. `closure` is 1 while they are; the frames
where nobody can say (the first of a closure, the burst of a stop) carry no weight.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from tools.train.phones import INDEX, LOOKS, PHONES, SEALED, VISEME_OF

BLUR_FRAMES: Final = 2.5
_BURST_FRAMES: Final = 2

_LOOK = torch.tensor([LOOKS[phone][1:] for phone in PHONES])
_VISEME = torch.tensor(VISEME_OF)
_SEALED = torch.zeros(len(PHONES), dtype=torch.bool)
_SEALED[[INDEX[phone] for phone in SEALED]] = True
_STOPPED = torch.zeros(len(PHONES), dtype=torch.bool)
_STOPPED[[INDEX["p"], INDEX["b"]]] = True


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


def targets(phone: Tensor) -> Targets:
    """The targets of phones [batch, T] int64."""
    look = _LOOK[phone].transpose(1, 2)
    sealed = _SEALED[phone]
    smooth = _blur(torch.cat([look, sealed[:, None].float()], dim=1))
    opening = smooth[:, 0] * torch.where(sealed, 0.15, 1.0) * (1 - 0.5 * smooth[:, 3])
    after = functional.pad(phone, (0, _BURST_FRAMES), value=INDEX["sil"])
    burst = _STOPPED[phone] & (after[:, _BURST_FRAMES:] != phone)
    before = functional.pad(sealed, (1, 0), value=False)[:, :-1]
    follows = functional.pad(sealed, (0, 1), value=False)[:, 1:]
    edge = (sealed & ~before) | (~sealed & follows) | (~sealed & before)
    return Targets(
        opening=opening,
        width=smooth[:, 1],
        rounding=smooth[:, 2],
        closure=sealed.float(),
        closure_weight=torch.where(burst | edge, 0.0, 1.0),
        vad=(phone != INDEX["sil"]).float(),
        viseme=_VISEME[phone],
        phone=phone,
    )
