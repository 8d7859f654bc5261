"""The motion network, as PyTorch sees it. Imported only where torch is asked for, and by training.

A causal stack of dilated convolutions at 50 steps a second: one step hears two log-mel frames (10 ms each, relative
to the running level) and answers for the two frames `DELAY` earlier. Looking ahead is done by answering late, so
streaming and offline are one computation: every layer carries the last inputs that its kernel reaches back to, zero
at the start. Those tensors are the state; `state_shapes` says what they look like.

`forward(mel [batch, 2n, 40], *state) -> (curves [batch, 2n, OUTPUTS], *state)`. Curves: opening, closure, width,
rounding, vad as the track has them, then the log-odds of the visemes.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

from appliance.pipeline.mel import BANDS
from appliance.pipeline.track import VISEMES

STRIDE: Final = 2
DELAY: Final = 3 * STRIDE
OUTPUTS: Final = 5 + len(VISEMES)
CHANNELS: Final = 160
HIDDEN: Final = 96
KERNEL: Final = 3
DILATIONS: Final = (1, 2, 4, 1, 8, 16)
SHIFT: Final = 4.0
SCALE: Final = 0.25
"""Bring the relative log-mel near zero mean and unit spread."""


def state_shapes() -> list[tuple[int, int, int]]:
    """One tensor for the input layer and one for each block, for a batch of one."""
    reach = KERNEL - 1
    return [(1, BANDS * STRIDE, reach)] + [(1, CHANNELS, reach * dilation) for dilation in DILATIONS]


class MotionNet(nn.Module):
    """The network; `extra` outputs a frame are a teacher's helper heads, absent from the shipped weights."""

    def __init__(self, extra: int = 0) -> None:
        super().__init__()
        self.extra = extra
        self.entry = nn.Conv1d(BANDS * STRIDE, CHANNELS, KERNEL)
        self.reach = nn.ModuleList(nn.Conv1d(CHANNELS, HIDDEN, KERNEL, dilation=dilation) for dilation in DILATIONS)
        self.mix = nn.ModuleList(nn.Conv1d(HIDDEN, CHANNELS, 1) for _ in DILATIONS)
        self.exit = nn.Conv1d(CHANNELS, STRIDE * OUTPUTS, 1)
        self.helper = nn.Conv1d(CHANNELS, STRIDE * extra, 1) if extra else None
        self.dropout = nn.Dropout(0.1)

    def initial(self, batch: int = 1) -> list[Tensor]:
        """The state before the first sample."""
        device = self.entry.weight.device
        return [torch.zeros(batch, channels, steps, device=device) for _, channels, steps in state_shapes()]

    def hidden(self, mel: Tensor, *state: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The last layer's activations [batch, CHANNELS, n] and the new state."""
        batch, frames, _ = mel.shape
        x = ((mel + SHIFT) * SCALE).reshape(batch, frames // STRIDE, BANDS * STRIDE).transpose(1, 2)
        x = torch.cat([state[0], x], dim=2)
        after = [x[:, :, x.shape[2] - state[0].shape[2] :]]
        x = torch.relu(self.entry(x))
        for reach, mix, past in zip(self.reach, self.mix, state[1:], strict=True):
            whole = torch.cat([past, x], dim=2)
            after.append(whole[:, :, whole.shape[2] - past.shape[2] :])
            x = x + mix(self.dropout(torch.relu(reach(whole))))
        return torch.relu(x), after

    def forward(self, mel: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        x, after = self.hidden(mel, *state)
        raw = frames_of(self.exit(x), OUTPUTS)
        unit = torch.sigmoid(raw[..., [0, 1, 3, 4]])
        opening, closure, rounding, vad = unit.unbind(-1)
        curves = torch.stack([opening, closure, torch.tanh(raw[..., 2]), rounding, vad], dim=-1)
        return torch.cat([curves, raw[..., 5:]], dim=-1), *after


def frames_of(steps: Tensor, outputs: int) -> Tensor:
    """From [batch, STRIDE * outputs, n] to [batch, STRIDE * n, outputs]."""
    return steps.transpose(1, 2).reshape(steps.shape[0], -1, outputs)
