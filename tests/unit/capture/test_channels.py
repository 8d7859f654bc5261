"""Which channels make the one that is kept."""

from __future__ import annotations

import numpy as np

from appliance.capture.channels import alive, mixed

RANDOM = np.random.default_rng(2)
NOISE = RANDOM.standard_normal((4800, 4)).astype(np.float32)


def test_all_that_hear_the_room_are_mixed() -> None:
    assert alive(0.01 * NOISE) == [0, 1, 2, 3]


def test_a_dead_channel_and_a_humming_one_are_left_out() -> None:
    loudness = np.array([0.01, 0.0, 0.012, 0.3], np.float32)
    assert alive(loudness * NOISE) == [0, 2]


def test_digital_silence_everywhere_leaves_all() -> None:
    assert alive(np.zeros((100, 2), np.float32)) == [0, 1]


def test_the_mix_is_the_mean_of_the_chosen() -> None:
    samples = np.array([[0.2, 0.4, 1.0], [-0.2, 0.0, 1.0]], np.float32)
    assert np.allclose(mixed(samples, [0, 1]), [0.3, -0.1])
    assert mixed(samples, [0]).dtype == np.float32
