"""`python -m tools.train.int8`: the shipped network again, in int8.

Static quantisation by ONNX Runtime (QDQ): the weights of every convolution with a scale a channel, its activations
with one scale each, symmetric, from the largest values that they reach on calibration speech: some seconds of every
training voice, every other one as it sounds in the kiosk. Validation voices calibrate nothing. The last layer stays
float32: its outputs are curves and log-odds of very different reach, which one scale would make coarse.
`appliance.pipeline.motion_int8` says what is in the file. The same seed and voices on as many threads (`make train`:
`OMP_NUM_THREADS=1`) give the same bytes.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from appliance.pipeline import motion_engines, motion_int8, motion_weights
from appliance.pipeline.motion import MotionStream
from appliance.pipeline.motion_engines import Array, State
from appliance.pipeline.motion_guard import GuardedEngine
from appliance.storage import atomic
from tools.train import corpus, export
from tools.train.baselines import kiosk
from tools.train.sound import Samples

_SECONDS: Final = 5.0
"""Of every voice; festival's utterances are some seconds long."""
_FPS: Final = 25.0
_BLOCK: Final = 32_000
"""Samples; a state must come into the calibration now and then."""
_FILTERS: Final = ("Conv", "Gemm", "MatMul")


def write(weights: Path, target: Path, *, seed: int = 0) -> None:
    """Quantise the float pair at `weights` (either file of it) into `target`, which ends on `.int8.onnx`."""
    import onnx

    read = motion_weights.read(weights)
    voices = [replace(voice, seconds=_SECONDS) for voice in corpus.TRAINING]
    sounds = [samples for voice in voices for samples, _ in corpus.spoken(voice, seed)]
    heard = [*sounds[::2], *kiosk(sounds[1::2], seed)]
    graph = _plain(read)
    last = [node.name for node in graph.graph.node if node.op_type in _FILTERS][-1]
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "quantised.onnx"
        quantize_static(
            graph,
            made,
            _Calibration(read, heard),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(_FILTERS),
            nodes_to_exclude=[last],
            per_channel=True,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
            extra_options={"ActivationSymmetric": True},
        )
        model = onnx.load(made)
    onnx.helper.set_model_props(model, {"format": motion_weights.FORMAT, "made_from": read.sha256})
    with atomic.replaced_file(target, suffix=motion_int8.SUFFIX) as temporary:
        temporary.write_bytes(motion_int8.sealed(model.SerializeToString(deterministic=True)))
        onnx.checker.check_model(str(temporary))


def _plain(weights: motion_weights.Weights) -> Any:
    """The graph with its weights as float32 constants, where the shipped one scales them from int8 as it runs."""
    import onnx

    model = onnx.load(weights.graph, load_external_data=False)
    inside = [tensor for tensor in model.graph.initializer if tensor.data_location != onnx.TensorProto.EXTERNAL]
    kept = [node for node in model.graph.node if not set(node.output) & {*weights.tensors, *_whole(weights)}]
    for node in kept:
        node.name = node.output[0]
    del model.graph.node[:], model.graph.initializer[:]
    model.graph.node.extend(kept)
    constants = [onnx.numpy_helper.from_array(values, name) for name, values in weights.tensors.items()]
    model.graph.initializer.extend([*inside, *constants])
    return model


def _whole(weights: motion_weights.Weights) -> list[str]:
    """What the graph calls the weights before they are scaled."""
    return [name + export.WHOLE for name in weights.tensors]


class _Listener:
    """The float network, which remembers what it was asked."""

    def __init__(self, weights: motion_weights.Weights) -> None:
        self._engine = motion_engines.load(weights, "onnxruntime", "cpu")
        self.asked: list[tuple[Array, State]] = []

    def initial(self) -> State:
        return self._engine.initial()

    def run(self, mel: Array, state: State) -> tuple[Array, State]:
        self.asked.append((mel, state))
        return self._engine.run(mel, state)


class _Calibration(CalibrationDataReader):  # type: ignore[misc]
    """What the network is asked while it follows each sound, with the state that it had reached."""

    def __init__(self, weights: motion_weights.Weights, sounds: list[Samples]) -> None:
        self._inputs = self._asked(_Listener(weights), sounds)

    @staticmethod
    def _asked(listener: _Listener, sounds: list[Samples]) -> Iterator[dict[str, Array]]:
        guarded = GuardedEngine(listener, "cpu", lambda: listener, [])
        for sound in sounds:
            stream = MotionStream(guarded, _FPS)
            for start in range(0, len(sound), _BLOCK):
                stream.push(sound[start : start + _BLOCK])
            stream.finish()
            for mel, state in listener.asked:
                yield {"mel": mel[None], **{f"state_{place}": each for place, each in enumerate(state)}}
            listener.asked.clear()

    def get_next(self) -> dict[str, Array] | None:
        return next(self._inputs, None)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.train.int8", description="Quantise the motion network.")
    parser.add_argument("--weights", type=Path, default=motion_weights.SHIPPED, help="the float network")
    parser.add_argument("--out", type=Path, help="the file to write (default: beside the float network)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    target = options.out or options.weights.with_suffix(motion_int8.SUFFIX)
    write(options.weights, target, seed=options.seed)
    print(f"wrote {target}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
