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
