"""Matrix products compute what the network's convolutions do, and carry the same state."""

from __future__ import annotations

import pytest
import torch

from appliance.pipeline.mel import BANDS
from appliance.pipeline.motion_net import MotionNet
from appliance.pipeline.motion_torch import MotionProducts


@pytest.mark.parametrize("frames", [2, 20, 400])
def test_products_are_the_convolutions(frames: int) -> None:
    torch.manual_seed(frames)
    net = MotionNet().eval()
    state = [torch.randn_like(part) for part in net.initial()]
    mel = torch.randn(1, frames, BANDS)
    with torch.inference_mode():
        for ours, theirs in zip(MotionProducts(net)(mel, *state), net(mel, *state), strict=True):
            torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)
