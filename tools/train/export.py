"""Writes the trained network as the box reads it: `base.safetensors` (all weights, float16) and `base.onnx`.

The ONNX graph holds no weights: it names their places inside the safetensors file (ONNX external data) and casts them
to float32, so both engines read the same numbers from the same file. The file's own metadata carries a SHA-256 of its
tensors. The graph is the forward pass of `appliance.pipeline.motion_net`, with the state as inputs and outputs.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from appliance.pipeline.mel import BANDS
from appliance.pipeline.motion_net import DILATIONS, KERNEL, OUTPUTS, SCALE, SHIFT, STRIDE, state_shapes
from appliance.pipeline.motion_weights import FORMAT, digest
from appliance.storage import atomic

_OPSET: Final = 17

Tensors = dict[str, NDArray[np.float16]]


def write(tensors: Tensors, target: Path) -> None:
    """`target` is the `.safetensors`; the graph goes beside it."""
    from onnx import checker

    with atomic.replaced_file(target) as temporary:
        temporary.write_bytes(_safetensors(tensors))
    with atomic.replaced_file(target.with_suffix(".onnx"), suffix=".onnx") as temporary:
        temporary.write_bytes(_graph(tensors, target.name, target.read_bytes()))
        checker.check_model(str(temporary))


def _safetensors(tensors: Tensors) -> bytes:
    body, header = b"", {}
    for name, tensor in sorted(tensors.items()):
        data = tensor.tobytes()
        header[name] = {"dtype": "F16", "shape": list(tensor.shape), "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    metadata = {"format": FORMAT, "sha256": digest(body)}
    text = json.dumps({"__metadata__": metadata, **header}, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % 64)
    return len(text).to_bytes(8, "little") + text + body


def _graph(tensors: Tensors, location: str, stored: bytes) -> bytes:
    from onnx import TensorProto, helper

    start = 8 + int.from_bytes(stored[:8], "little")
    places = json.loads(stored[8:start])
    nodes: list[Any] = []
    weights: list[Any] = []
    for name, tensor in sorted(tensors.items()):
        first, last = places[name]["data_offsets"]
        proto = TensorProto(name=f"{name}.f16", data_type=TensorProto.FLOAT16, dims=tensor.shape)
        proto.data_location = TensorProto.EXTERNAL
        for key, entry in (("location", location), ("offset", start + first), ("length", last - first)):
            proto.external_data.add(key=key, value=str(entry))
        weights.append(proto)
        nodes.append(helper.make_node("Cast", [f"{name}.f16"], [name], to=TensorProto.FLOAT))

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
    for block, dilation in enumerate(DILATIONS):
        whole = with_past(x, block + 1, (KERNEL - 1) * dilation)
        wide = [whole, f"reach.{block}.weight", f"reach.{block}.bias"]
        inner = node("Relu", [node("Conv", wide, f"reach_{block}", dilations=[dilation])], f"inner_{block}")
        mixed = node("Conv", [inner, f"mix.{block}.weight", f"mix.{block}.bias"], f"mix_{block}")
        x = node("Add", [x, mixed], f"hidden_{block + 1}")
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
