"""The engines that can run the motion network: ONNX Runtime (default) and torch.

An engine is a pure function of log-mels and state, both in host memory, so a stream can change engines between two
blocks and lose nothing. Raises `InputError` for an engine or device that this box lacks, whatever the libraries raise
while running.
"""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from appliance.errors import InputError
from appliance.pipeline.motion_weights import Weights, refusal

Array = NDArray[np.float32]
State = list[Array]
NAMES: Final = ("onnxruntime", "torch")
DEVICES: Final = ("cpu", "cuda")


class Engine(Protocol):
    """One loaded network on one device."""

    def initial(self) -> State:
        """The state before the first frame."""

    def run(self, mel: Array, state: State) -> tuple[Array, State]:
        """Frames [n, 40], n even, to raw outputs [n, 17] and the state after them."""


class OnnxEngine:
    """ONNX Runtime; one thread, because one is plenty and the encoder wants the others."""

    def __init__(self, weights: Weights, device: str) -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        provider = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}[device]
        if provider not in ort.get_available_providers():
            raise InputError(
                f"this ONNX Runtime has no {provider}", hint="use --device cpu, or install onnxruntime-gpu"
            )
        try:
            self._session = ort.InferenceSession(str(weights.graph), options, providers=[provider])
        except Exception as error:  # ONNX Runtime's exceptions share no base but this
            raise refusal(weights.graph, f"cannot be loaded: {str(error)[:200]}") from error
        if provider not in self._session.get_providers():
            raise InputError("ONNX Runtime cannot use the GPU", hint="`mouthpiece doctor` says why")
        if self._session.get_modelmeta().custom_metadata_map.get("sha256") != weights.sha256:
            raise refusal(weights.graph, f"does not belong to {weights.path.name}")
        self._names = [value.name for value in self._session.get_inputs()]
        self._shapes = [value.shape for value in self._session.get_inputs()[1:]]

    def initial(self) -> State:
        return [np.zeros(shape, np.float32) for shape in self._shapes]

    def run(self, mel: Array, state: State) -> tuple[Array, State]:
        curves, *after = self._session.run(None, dict(zip(self._names, [mel[None], *state], strict=True)))
        return curves[0], after


class TorchEngine:
    """PyTorch, where it is installed; one thread here too, because torch's are busy while they wait for each other."""

    def __init__(self, weights: Weights, device: str) -> None:
        try:
            import torch
        except ImportError as error:
            raise InputError("torch is not installed", hint="use the onnxruntime engine") from error
        from appliance.pipeline.motion_net import MotionNet, state_shapes
        from appliance.pipeline.motion_torch import MotionProducts

        if device == "cuda" and not torch.cuda.is_available():
            raise InputError("torch finds no CUDA device", hint="use --device cpu; `mouthpiece doctor` says why")
        self._torch, self._device, self._shapes = torch, device, state_shapes()
        torch.set_num_threads(1)
        net = MotionNet()
        try:
            net.load_state_dict({name: torch.from_numpy(tensor) for name, tensor in weights.tensors.items()})
        except RuntimeError as error:
            raise refusal(weights.path, "does not fit this version's network") from error
        self._run = MotionProducts(net.to(device).eval())

    def initial(self) -> State:
        return [np.zeros(shape, np.float32) for shape in self._shapes]

    def run(self, mel: Array, state: State) -> tuple[Array, State]:
        with self._torch.inference_mode():
            inputs = [self._torch.from_numpy(array).to(self._device) for array in (mel[None], *state)]
            curves, *after = self._run(*inputs)
            return curves[0].cpu().numpy(), [tensor.cpu().numpy() for tensor in after]


def load(weights: Weights, engine: str, device: str) -> Engine:
    """The named engine on the named device."""
    if engine not in NAMES:
        raise InputError(f"there is no engine {engine!r}", hint=f"choose one of {', '.join(NAMES)}")
    if device not in DEVICES:
        raise InputError(f"there is no device {device!r}", hint=f"choose one of {', '.join(DEVICES)}")
    return OnnxEngine(weights, device) if engine == "onnxruntime" else TorchEngine(weights, device)
