"""What augmentation does to log-mels is what happens to sound: compared with noise in samples."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from appliance.pipeline.mel import BANDS
from tools.train import corpus
from tools.train.augment import Augmenter

FRAMES = 300


def noise(seed: int, seconds: float) -> NDArray[np.float32]:
    return 0.05 * np.random.default_rng(seed).standard_normal(int(seconds * 16000)).astype(np.float32)


def test_an_empty_room_flickers_as_noise_does() -> None:
    real = corpus.heard(noise(1, 20.0))
    crops = torch.zeros(200, FRAMES, BANDS)
    rooms, _ = Augmenter(torch.Generator().manual_seed(0)).emptied(crops, torch.ones(200, FRAMES, dtype=torch.long))
    empty = rooms[rooms.std(dim=(1, 2)) > 0].numpy()
    assert 3 < len(empty) < 30
    low, high = slice(0, 8), slice(BANDS - 8, BANDS)
    for bands, near in ((low, 0.3), (high, 0.15)):
        assert abs(empty[..., bands].std(axis=1).mean() - real[:, bands].std(axis=0).mean()) < near
    assert empty[..., low].std(axis=1).mean() > 1.3 * empty[..., high].std(axis=1).mean()


def test_hiss_is_new_in_every_frame_and_a_tail_is_not() -> None:
    def lasting(mel: NDArray[np.float32]) -> float:
        """How alike frames are to the next ones, of log-mels [..., T, bands]."""
        moved = mel - mel.mean(axis=-2, keepdims=True)
        return float((moved[..., 1:, :] * moved[..., :-1, :]).mean() / moved.var())

    steady, nothing = torch.ones(20, FRAMES, BANDS), torch.zeros(())
    augmenter = Augmenter(torch.Generator().manual_seed(0))
    hiss = augmenter._beside(nothing, nothing, steady, nothing).numpy()
    tail = augmenter._beside(nothing, steady, torch.zeros_like(steady), nothing).numpy()
    assert abs(lasting(hiss) - lasting(corpus.heard(noise(1, 20.0)))) < 0.2
    assert lasting(tail) > lasting(hiss) + 0.2
