"""What a kiosk does to a voice, done to log-mels: cheap, and different for every crop.

In the order of the real chain: another vocal tract, the room, steady noise and other people talking, the microphone's
response, the telephone's band, a comb of the room, gain. All by a torch generator.

Where sounds meet, their powers do not just add. The tail of a room and a hiss are many waves of any phase: in a band of
the spectrum a complex Gaussian, whose power flickers, and which strengthens what is in phase and weakens what is not.
A network that learnt from sums of powers alone finds fewer closures in a real room than in one of that kind.
"""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from appliance.pipeline.mel import BANDS
from tools.train.phones import PHONES

_DB: Final = math.log(10) / 10
_QUIETEST: Final = math.log(1e-10)
_LASTING: Final = 0.3
"""How much of the power of a tail's waves stands still while the voice does: the colour of the place."""
_ALONE: Final = torch.linspace(0.92, 0.42, BANDS)
"""How much of a band one wave makes: a low one is narrower than the window resolves, a high one holds several."""

_MURMURS: Final = ("m", "n", "ng", "l", "r", "rr", "w", "j", "v", "dh", "z", "zh", "b", "d", "g")
_NOISES: Final = ("p", "t", "k", "f", "th", "s", "sh", "h")
_MANNER: Final = torch.tensor([1 if phone in _MURMURS else 2 if phone in _NOISES else 0 for phone in PHONES])


def _broad(spread: float) -> Tensor:
    """The matrix that blurs a spectrum over its bands."""
    place = torch.arange(BANDS)
    near = torch.exp(-0.5 * ((place[:, None] - place) / spread) ** 2)
    return near / near.sum(dim=0)


_BROAD: Final = _broad(3.0)
_SHARED: Final = functional.normalize(_broad(1.0), dim=0)
"""What neighbouring bands have of each other's waves."""
_OVERLAP: Final = (0.45, 0.77)
"""What neighbouring frames of a tail have of each other's, this one last. A hiss is new in every frame, almost."""


class Augmenter:
    """Random changes for batches of raw log-mels [batch, T, bands]."""

    def __init__(self, generator: torch.Generator) -> None:
        self._random = generator

    def _uniform(self, low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(*shape, generator=self._random)

    def _chosen(self, probability: float, batch: int) -> Tensor:
        return (torch.rand(batch, generator=self._random) < probability)[:, None, None]

    def __call__(self, mel: Tensor) -> Tensor:
        batch = mel.shape[0]
        mel = self._vocal_tract(mel)
        mel = torch.where(self._chosen(0.6, batch), self._manner(mel), mel)
        power = mel.exp()
        peak = mel.mean(dim=2, keepdim=True).amax(dim=1, keepdim=True).exp()
        tail = self._tail(power) * self._chosen(0.55, batch)
        hiss = peak * self._hiss(batch) * self._chosen(0.6, batch)
        crowd = peak * self._babble((power + tail) / peak) * self._chosen(0.6, batch)
        mel = self._beside(power, tail, hiss.expand_as(power), crowd)
        mel = mel + self._response(mel)
        mel = mel + torch.where(self._chosen(0.15, batch), self._band(mel), torch.zeros(()))
        mel = mel + self._notch(mel)
        mel = mel + self._uniform(-45, 10, batch, 1, 1) * _DB
        return torch.logaddexp(mel, torch.full((), _QUIETEST))

    def emptied(self, mel: Tensor, phone: Tensor) -> tuple[Tensor, Tensor]:
        """A few crops become a room in which nobody speaks: their mean spectrum, flickering, and silent labels."""
        batch, frames, _ = mel.shape
        empty = self._chosen(0.06, batch)[:, 0, 0]
        hiss = (mel.mean(dim=1, keepdim=True) - self._uniform(0, 60, batch, 1, 1) * _DB)[empty].exp()
        room = mel.clone()
        nothing = torch.zeros(())
        room[empty] = self._beside(nothing, nothing, hiss.expand(-1, frames, -1), nothing)
        return room, torch.where(empty[:, None], 0, phone)

    def coloured(self, mel: Tensor, phone: Tensor, spread_db: float) -> Tensor:
        """Vowels, murmurs and noises of a crop each through a response of their own: speakers differ in that too."""
        batch, _, bands = mel.shape
        curves = torch.cat([self._smooth_curve(batch, bands, spread_db) for _ in range(3)], dim=1)
        return mel + curves.gather(1, _MANNER[phone][:, :, None].expand(-1, -1, bands))

    def _vocal_tract(self, mel: Tensor) -> Tensor:
        """Stretch the frequency axis: a longer or shorter throat."""
        batch, frames, bands = mel.shape
        factor = torch.exp(self._uniform(-0.12, 0.12, batch, 1))
        place = (torch.arange(bands) * factor).clamp(0, bands - 1)
        below = place.floor().long().clamp(max=bands - 2)
        part = (place - below)[:, None, :]
        low = mel.gather(2, below[:, None, :].expand(-1, frames, -1))
        high = mel.gather(2, (below + 1)[:, None, :].expand(-1, frames, -1))
        return low + (high - low) * part

    def _manner(self, mel: Tensor) -> Tensor:
        """Duller or sharper formants, and movements that a statistical synthesiser has smoothed."""
        batch = mel.shape[0]
        broad = mel @ _BROAD
        mel = broad + (mel - broad) * torch.exp(self._uniform(-0.35, 0.3, batch, 1, 1))
        reach = 4
        taps = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / self._uniform(0.2, 1.3, batch, 1)) ** 2)
        kernel = (taps / taps.sum(dim=1, keepdim=True))[:, None]
        padded = functional.pad(mel.permute(2, 0, 1), (reach, reach), mode="replicate")
        slow = functional.conv1d(padded, kernel, groups=batch).permute(1, 2, 0)
        return torch.where(self._chosen(0.3, batch), slow, mel)

    def _tail(self, power: Tensor) -> Tensor:
        """The mean power of an exponential tail of 0.15 to 0.7 s, -18 to 0 dB of the direct sound's."""
        batch = power.shape[0]
        taps = 45
        decay = 13.8 / (self._uniform(0.15, 0.7, batch, 1) * 100)
        tail = torch.exp(-decay * torch.arange(taps + 1))
        tail = tail / tail.sum(dim=1, keepdim=True) * torch.exp(self._uniform(-18, 0, batch, 1) * _DB)
        padded = functional.pad(power.permute(2, 0, 1), (taps, 0))
        return functional.conv1d(padded, tail.flip(1)[:, None], groups=batch).permute(1, 2, 0).clamp_min(0)

    def _beside(self, voice: Tensor, tail: Tensor, hiss: Tensor, others: Tensor) -> Tensor:
        """The log power of a voice beside a room's tail and hiss, which are Gaussians, and others, of unknown phase."""
        batch, frames, bands = hiss.shape
        beside, own = _OVERLAP
        colour = _SHARED * math.sqrt(0.5)
        lasting = torch.randn(2, batch, 1, bands, generator=self._random) @ colour
        noise = torch.randn(2, batch, frames + 2, bands, generator=self._random) @ colour
        drawn = lasting * math.sqrt(_LASTING) / (2 * beside + own) + noise * math.sqrt(1 - _LASTING)
        wave = beside * (drawn[:, :, :-2] + drawn[:, :, 2:]) + own * drawn[:, :, 1:-1]
        # Any other waves would do for the hiss and the others; those of another crop and of another time are at hand.
        noise, phase = noise[:, :, 1:-1].roll(1, 1), wave.flip(2)
        phase = phase * (phase[0].square() + phase[1].square()).clamp_min(1e-6).rsqrt()
        along, across = tail.sqrt() * wave + hiss.sqrt() * noise + others.sqrt() * phase
        one: Tensor = (voice.sqrt() + along).square() + across.square()
        return (_ALONE * one + (1 - _ALONE) * (voice + tail + hiss + others)).clamp_min(1e-12).log()

    def _babble(self, relative: Tensor) -> Tensor:
        """Three other crops at once, 3 to 22 dB under this one; powers relative to a crop's peak."""
        batch = relative.shape[0]
        crowd = torch.stack([relative.roll(shift, 0) for shift in (1, 2, max(batch // 2, 1))]).mean(dim=0)
        return crowd * torch.exp(-self._uniform(3, 22, batch, 1, 1) * _DB)

    def _hiss(self, batch: int) -> Tensor:
        """The mean power of a steady hiss or hum of random colour, 8 to 50 dB under the peak."""
        return (self._smooth_curve(batch, BANDS, 6.0) - self._uniform(8, 50, batch, 1, 1) * _DB).exp()

    def _smooth_curve(self, batch: int, bands: int, spread_db: float) -> Tensor:
        """Random smooth curves over frequency [batch, 1, bands], in log power."""
        place = (torch.arange(bands) + 0.5) / bands * math.pi
        waves = torch.stack([torch.cos(k * place) for k in range(1, 5)])
        weights = torch.randn(batch, 4, generator=self._random) * torch.tensor([1.0, 0.7, 0.5, 0.4])
        return (weights @ waves)[:, None] * spread_db * _DB

    def _response(self, mel: Tensor) -> Tensor:
        return self._smooth_curve(mel.shape[0], mel.shape[2], 5.0)

    def _notch(self, mel: Tensor) -> Tensor:
        """A stretch of up to eight bands fades in every other crop, so that no single formant is relied on."""
        batch, _, bands = mel.shape
        place, width = self._uniform(0, bands, batch, 1), self._uniform(0, 8, batch, 1)
        hit = ((torch.arange(bands) - place).abs() * 2 < width) & self._chosen(0.5, batch)[:, :, 0]
        return -hit.float()[:, None] * self._uniform(5, 25, batch, 1, 1) * _DB

    def _band(self, mel: Tensor) -> Tensor:
        """Cut under and over random corners, by 15 to 50 dB."""
        batch, _, bands = mel.shape
        place = torch.arange(bands)
        low, high = self._uniform(0, 6, batch, 1), self._uniform(24, 36, batch, 1)
        outside = ((place < low) | (place > high)).float()[:, None]
        return -outside * self._uniform(15, 50, batch, 1, 1) * _DB
