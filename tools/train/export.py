"""Writes the trained network as the box reads it: `base.safetensors` (all weights) and `base.onnx`.

Matrices are stored as int8, scaled for each output so that its largest weight is 127; the arithmetic stays float32. The
ONNX graph holds no weights: it names their places inside the safetensors file (ONNX external data) and scales them, so
both engines read the same numbers from the same file. The file's own metadata carries a SHA-256 of its tensors. The
graph is the forward pass of `appliance.pipeline.motion_net`, with the state as inputs and outputs.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from appliance.pipeline.mel import BANDS
from appliance.pipeline.motion_net import BLOCKS, KERNEL, OUTPUTS, SCALE, SHIFT, STRIDE, MotionNet, state_shapes
from appliance.pipeline.motion_weights import FORMAT, digest
from appliance.pipeline.motion_weights import SCALE as SCALE_OF
from appliance.storage import atomic

_OPSET: Final = 17
WHOLE: Final = ".whole"
"""The graph's names of the int8 weights as numbers not yet scaled."""

Tensors = dict[str, NDArray[np.float32]]
_Stored = dict[str, NDArray[np.int8] | NDArray[np.float32]]


def folded(net: MotionNet) -> Tensors:
    """The weights of the network that ships: without helper heads, the batch normalisation in the convolutions."""
    tensors = {name: tensor.numpy().copy() for name, tensor in net.state_dict().items()}
    for block in range(len(BLOCKS)):
        norm, reach = f"norm.{block}.", f"reach.{block}."
        gain = tensors[norm + "weight"] / np.sqrt(tensors[norm + "running_var"] + net.norm[block].eps)
        tensors[reach + "weight"] *= gain[:, None, None]
        tensors[reach + "bias"] = (tensors[reach + "bias"] - tensors[norm + "running_mean"]) * gain
        tensors[reach + "bias"] += tensors[norm + "bias"]
    return {name: tensor for name, tensor in tensors.items() if not name.startswith(("helper", "norm"))}


def write(tensors: Tensors, target: Path) -> None:
    """`target` is the `.safetensors`; the graph goes beside it."""
    from onnx import checker

    with atomic.replaced_file(target) as temporary:
        temporary.write_bytes(_safetensors(_stored(tensors)))
    with atomic.replaced_file(target.with_suffix(".onnx"), suffix=".onnx") as temporary:
        temporary.write_bytes(_graph(_stored(tensors), target.name, target.read_bytes()))
        checker.check_model(str(temporary))


def _stored(tensors: Tensors) -> _Stored:
    """Matrices as int8 with their scales, the rest as it is."""
    stored: _Stored = {}
    for name, tensor in tensors.items():
        if tensor.ndim == 1:
            stored[name] = tensor
            continue
        largest = np.abs(tensor).reshape(len(tensor), -1).max(axis=1)
        scale = np.asarray(np.maximum(largest, 1e-12) / 127, np.float32)
        stored[name + SCALE_OF] = scale
        stored[name] = np.rint(tensor / scale.reshape(-1, *[1] * (tensor.ndim - 1))).astype(np.int8)
    return stored


def _safetensors(stored: _Stored) -> bytes:
    body, header = b"", {}
    # Four-byte numbers first, so that each lies at a multiple of its size.
    for name, tensor in sorted(stored.items(), key=lambda item: (item[1].itemsize == 1, item[0])):
        data = tensor.tobytes()
        kind = "I8" if tensor.dtype == np.int8 else "F32"
        header[name] = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    metadata = {"format": FORMAT, "sha256": digest(body)}
    text = json.dumps({"__metadata__": metadata, **header}, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % 64)
    return len(text).to_bytes(8, "little") + text + body


def _graph(tensors: _Stored, location: str, stored: bytes) -> bytes:
    from onnx import TensorProto, helper

    start = 8 + int.from_bytes(stored[:8], "little")
    places = json.loads(stored[8:start])
    nodes: list[Any] = []
    weights: list[Any] = []
    for name, tensor in sorted(tensors.items()):
        first, last = places[name]["data_offsets"]
        packed = tensor.dtype == np.int8
        proto = TensorProto(name=f"{name}.int8" if packed else name, dims=tensor.shape)
        proto.data_type = TensorProto.INT8 if packed else TensorProto.FLOAT
        proto.data_location = TensorProto.EXTERNAL
        for key, entry in (("location", location), ("offset", start + first), ("length", last - first)):
            proto.external_data.add(key=key, value=str(entry))
        if name.endswith(SCALE_OF):  # one number an output, spread over the kernel
            proto.dims.extend([1] * (tensors[name.removesuffix(SCALE_OF)].ndim - 1))
        weights.append(proto)
        if packed:
            nodes.append(helper.make_node("Cast", [f"{name}.int8"], [name + WHOLE], to=TensorProto.FLOAT))
            nodes.append(helper.make_node("Mul", [name + WHOLE, name + SCALE_OF], [name]))

    def constant(name: str, values: list[int] | list[float]) -> str:
        kind = TensorProto.INT64 if isinstance(values[0], int) else TensorProto.FLOAT
        weights.append(helper.make_tensor(name, kind, [len(values)], values))
        return name

    def node(kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    far = 2**31

    def with_past(x: str, layer: int, steps: int) -> str:
        """The input with its past in front; its last steps become the layer's new state."""
        whole = node("Concat", [f"state_{layer}", x], f"whole_{layer}", axis=2)
        cut = [constant(f"from_{layer}", [-steps]), constant(f"to_{layer}", [far]), constant(f"axis_{layer}", [2])]
        node("Slice", [whole, *cut], f"after_{layer}")
        return whole

    x = node("Add", ["mel", constant("shift", [SHIFT])], "shifted")
    x = node("Mul", [x, constant("scale", [SCALE])], "scaled")
    x = node("Reshape", [x, constant("stepwise", [1, -1, BANDS * STRIDE])], "steps")
    x = node("Transpose", [x], "channels", perm=[0, 2, 1])
    x = node("Conv", [with_past(x, 0, KERNEL - 1), "entry.weight", "entry.bias"], "entry")
    x = node("Relu", [x], "hidden_0")
    for block, (dilation, ahead) in enumerate(BLOCKS):
        reach = (KERNEL - 1) * dilation
        whole = with_past(x, block + 1, reach)
        wide = [whole, f"reach.{block}.weight", f"reach.{block}.bias"]
        inner = node("Relu", [node("Conv", wide, f"reach_{block}", dilations=[dilation])], f"inner_{block}")
        mixed = node("Conv", [inner, f"mix.{block}.weight", f"mix.{block}.bias"], f"mix_{block}")
        names = [f"middle_from_{block}", f"middle_to_{block}"]
        middle = [constant(names[0], [reach - ahead]), constant(names[1], [-ahead or far]), f"axis_{block + 1}"]
        x = node("Add", [node("Slice", [whole, *middle], f"middle_{block}"), mixed], f"hidden_{block + 1}")
    x = node("Conv", [node("Relu", [x], "last"), "exit.weight", "exit.bias"], "exit")
    x = node("Transpose", [x], "exit_steps", perm=[0, 2, 1])
    x = node("Reshape", [x, constant("framewise", [1, -1, OUTPUTS])], "raw")
    sizes = constant("sizes", [2, 1, 2, OUTPUTS - 5])
    nodes.append(helper.make_node("Split", [x, sizes], ["lips", "corners", "rest", "visemes"], axis=2))
    parts = [
        node("Sigmoid", ["lips"], "lips_out"),
        node("Tanh", ["corners"], "corners_out"),
        node("Sigmoid", ["rest"], "rest_out"),
        "visemes",
    ]
    node("Concat", parts, "curves", axis=2)

    def value(name: str, shape: list[int | str]) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    shapes = [list(shape) for shape in state_shapes()]
    graph = helper.make_graph(
        nodes,
        "mouth_motion",
        [value("mel", [1, "frames", BANDS]), *(value(f"state_{i}", [*s]) for i, s in enumerate(shapes))],
        [value("curves", [1, "frames", OUTPUTS]), *(value(f"after_{i}", [*s]) for i, s in enumerate(shapes))],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=8)
    helper.set_model_props(model, {"format": FORMAT, "sha256": json.loads(stored[8:start])["__metadata__"]["sha256"]})
    return bytes(model.SerializeToString())
