"""What a kiosk does to a voice, done to log-mels: cheap, and different for every crop.

In the order of the real chain: another vocal tract, the room, other people talking, steady noise, the microphone's
response, the telephone's band, a comb of the room, gain. Powers add, so noise is mixed as the logarithm of a sum of
powers. All by a torch generator.
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


_MURMURS: Final = ("m", "n", "ng", "l", "r", "rr", "w", "j", "v", "dh", "z", "zh", "b", "d", "g")
_NOISES: Final = ("p", "t", "k", "f", "th", "s", "sh", "h")
_MANNER: Final = torch.tensor([1 if phone in _MURMURS else 2 if phone in _NOISES else 0 for phone in PHONES])


def _broad(spread: float) -> Tensor:
    """The matrix that blurs a spectrum over its bands."""
    place = torch.arange(BANDS)
    near = torch.exp(-0.5 * ((place[:, None] - place) / spread) ** 2)
    return near / near.sum(dim=0)


_BROAD: Final = _broad(3.0)


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
        mel = torch.where(self._chosen(0.5, batch), self._room(mel), mel)
        loudness = mel.mean(dim=2, keepdim=True).amax(dim=1, keepdim=True)
        clean = mel
        mel = torch.where(self._chosen(0.55, batch), torch.logaddexp(mel, self._babble(clean, loudness)), mel)
        mel = torch.where(self._chosen(0.6, batch), torch.logaddexp(mel, self._noise(mel, loudness)), mel)
        mel = mel + self._response(mel)
        mel = mel + torch.where(self._chosen(0.15, batch), self._band(mel), torch.zeros(()))
        mel = mel + self._notch(mel)
        mel = mel + self._uniform(-45, 10, batch, 1, 1) * _DB
        return torch.logaddexp(mel, torch.full((), _QUIETEST))

    def emptied(self, mel: Tensor, phone: Tensor) -> tuple[Tensor, Tensor]:
        """A few crops become a room in which nobody speaks: their mean spectrum, flickering, and silent labels."""
        batch = mel.shape[0]
        empty = self._chosen(0.06, batch)
        flicker = 0.4 * torch.randn(mel.shape, generator=self._random)
        room = mel.mean(dim=1, keepdim=True) + flicker - self._uniform(0, 60, batch, 1, 1) * _DB
        return torch.where(empty, room, mel), torch.where(empty[:, :, 0], torch.zeros_like(phone), phone)

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

    def _room(self, mel: Tensor) -> Tensor:
        """An exponential tail of 0.15 to 0.7 s, its power -18 to 0 dB of the direct sound."""
        batch = mel.shape[0]
        taps = 45
        decay = 13.8 / (self._uniform(0.15, 0.7, batch, 1) * 100)
        tail = torch.exp(-decay * torch.arange(1, taps + 1))
        tail = tail / tail.sum(dim=1, keepdim=True) * torch.exp(self._uniform(-18, 0, batch, 1) * _DB)
        kernel = torch.cat([tail.flip(1), torch.ones(batch, 1)], dim=1)[:, None]
        power = mel.exp().permute(2, 0, 1)
        padded = functional.pad(power, (taps, 0))
        return functional.conv1d(padded, kernel, groups=batch).permute(1, 2, 0).clamp_min(1e-12).log()

    def _babble(self, mel: Tensor, loudness: Tensor) -> Tensor:
        """Three other crops at once, 4 to 25 dB under this one."""
        batch = mel.shape[0]
        crowd = torch.stack([(mel - loudness).roll(shift, 0) for shift in (1, 2, max(batch // 2, 1))])
        return torch.logsumexp(crowd, dim=0) - math.log(3) + loudness - self._uniform(3, 22, batch, 1, 1) * _DB

    def _noise(self, mel: Tensor, loudness: Tensor) -> Tensor:
        """A steady hiss or hum of random colour, 8 to 50 dB under the voice."""
        batch, frames, bands = mel.shape
        colour = self._smooth_curve(batch, bands, 6.0)
        flicker = 0.35 * torch.randn(batch, frames, bands, generator=self._random)
        return loudness + colour + flicker - self._uniform(8, 50, batch, 1, 1) * _DB

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
