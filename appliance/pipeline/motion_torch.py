"""The motion network as torch runs it: what `motion_net.MotionNet` computes, each convolution as a matrix product.

On blocks as short as a stream's torch's own convolutions take five times as long. Imported only where torch is.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from appliance.pipeline.mel import BANDS
from appliance.pipeline.motion_net import BLOCKS, KERNEL, OUTPUTS, SCALE, SHIFT, STRIDE, MotionNet, curves_of


class _Product:
    """A convolution over steps [n, channels], without padding."""

    def __init__(self, layer: nn.Conv1d) -> None:
        assert layer.bias is not None  # noqa: S101
        self._matrix = layer.weight.detach().permute(2, 1, 0).flatten(0, 1).contiguous()
        self._bias = layer.bias.detach()
        self._taps, self._dilation = layer.kernel_size[0], layer.dilation[0]

    def __call__(self, x: Tensor) -> Tensor:
        steps = len(x) - (self._taps - 1) * self._dilation
        seen = [x[tap * self._dilation :][:steps] for tap in range(self._taps)]
        return torch.addmm(self._bias, torch.cat(seen, dim=1), self._matrix)


class MotionProducts:
    """A network that has learnt, for one stream at a time: `forward` of `MotionNet` for a batch of one."""

    def __init__(self, net: MotionNet) -> None:
        self._entry, self._exit = _Product(net.entry), _Product(net.exit)
        self._blocks = [
            (_Product(reach), _Product(mix), (KERNEL - 1) * dilation - ahead)  # type: ignore[arg-type]
            for (dilation, ahead), reach, mix in zip(BLOCKS, net.reach, net.mix, strict=True)
        ]

    def __call__(self, mel: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        steps = mel.shape[1] // STRIDE
        x = torch.cat([state[0][0].T, ((mel[0] + SHIFT) * SCALE).reshape(steps, BANDS * STRIDE)])
        after = [x[steps:]]
        x = self._entry(x).relu_()
        for (reach, mix, first), past in zip(self._blocks, state[1:], strict=True):
            whole = torch.cat([past[0].T, x])
            after.append(whole[steps:])
            x = whole[first : first + steps] + mix(reach(whole).relu_())
        curves = curves_of(self._exit(x.relu_()).reshape(1, steps * STRIDE, OUTPUTS))
        return curves, *(part.T[None] for part in after)
