"""The motion network, as PyTorch sees it. Imported only where torch is asked for, and by training.

A stack of dilated convolutions at 50 steps a second: one step hears two log-mel frames (10 ms each, as `mel.Channel`
gives them) and answers for the two frames `DELAY` earlier. Looking ahead is done by answering late: a block that looks
ahead passes its middle tap on, so that what it adds belongs to the same instant, and is as late as its reach. Streaming
and offline are thus one computation: every layer carries the last inputs that its kernel reaches back to, zero at the
start. Those tensors are the state; `state_shapes` says what they look like.

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
OUTPUTS: Final = 5 + len(VISEMES)
VAD: Final = 4
"""Its place among the outputs."""
CHANNELS: Final = 200
HIDDEN: Final = 152
KERNEL: Final = 3
BLOCKS: Final = ((1, 1), (2, 2), (4, 4), (8, 0), (16, 0), (1, 1), (2, 2))
"""Dilation of every block, and how many steps of it look ahead: all or none."""
DELAY: Final = STRIDE * (1 + sum(ahead for _, ahead in BLOCKS))
SHIFT: Final = 4.0
SCALE: Final = 0.25
"""Bring the relative log-mel near zero mean and unit spread."""


def state_shapes() -> list[tuple[int, int, int]]:
    """One tensor for the input layer and one for each block, for a batch of one."""
    reach = KERNEL - 1
    return [(1, BANDS * STRIDE, reach)] + [(1, CHANNELS, reach * dilation) for dilation, _ in BLOCKS]


class MotionNet(nn.Module):
    """The network. With `extra` it is the one that learns: so many more outputs a frame, and batch normalisation.

    Neither is in the shipped weights: `tools.train.export.folded` multiplies the normalisation into the convolutions.
    """

    def __init__(self, extra: int = 0) -> None:
        super().__init__()
        self.extra = extra
        self.entry = nn.Conv1d(BANDS * STRIDE, CHANNELS, KERNEL)
        self.reach = nn.ModuleList(nn.Conv1d(CHANNELS, HIDDEN, KERNEL, dilation=dilation) for dilation, _ in BLOCKS)
        self.norm = nn.ModuleList(nn.BatchNorm1d(HIDDEN) if extra else nn.Identity() for _ in BLOCKS)
        self.mix = nn.ModuleList(nn.Conv1d(HIDDEN, CHANNELS, 1) for _ in BLOCKS)
        self.exit = nn.Conv1d(CHANNELS, STRIDE * OUTPUTS, 1)
        self.helper = nn.Conv1d(CHANNELS, STRIDE * extra, 1) if extra else None

    def initial(self, batch: int = 1) -> list[Tensor]:
        """The state before the first sample."""
        device = self.entry.weight.device
        return [torch.zeros(batch, channels, steps, device=device) for _, channels, steps in state_shapes()]

    def hidden(self, mel: Tensor, *state: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The last layer's activations [batch, CHANNELS, n] and the new state."""
        batch, frames, _ = mel.shape
        steps = frames // STRIDE
        x = ((mel + SHIFT) * SCALE).reshape(batch, steps, BANDS * STRIDE).transpose(1, 2)
        x = torch.cat([state[0], x], dim=2)
        after = [x[:, :, steps:]]
        x = torch.relu(self.entry(x))
        layers = zip(BLOCKS, self.reach, self.norm, self.mix, state[1:], strict=True)
        for (dilation, ahead), reach, norm, mix, past in layers:
            whole = torch.cat([past.to(x.dtype), x], dim=2)
            after.append(whole[:, :, steps:])
            first = (KERNEL - 1) * dilation - ahead
            x = whole[:, :, first : first + steps] + mix(torch.relu(norm(reach(whole))))
        return torch.relu(x), after

    def forward(self, mel: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        x, after = self.hidden(mel, *state)
        return curves_of(frames_of(self.exit(x), OUTPUTS)), *after


def curves_of(raw: Tensor) -> Tensor:
    """The curves [..., OUTPUTS] of the last layer's numbers: all but the visemes bounded."""
    unit = torch.sigmoid(raw[..., [0, 1, 3, 4]])
    opening, closure, rounding, vad = unit.unbind(-1)
    curves = torch.stack([opening, closure, torch.tanh(raw[..., 2]), rounding, vad], dim=-1)
    return torch.cat([curves, raw[..., 5:]], dim=-1)


def frames_of(steps: Tensor, outputs: int) -> Tensor:
    """From [batch, STRIDE * outputs, n] to [batch, STRIDE * n, outputs]."""
    return steps.transpose(1, 2).reshape(steps.shape[0], -1, outputs)
