"""The motion network in int8: one ONNX file, for boxes whose NPU or NOR wants it small.

`NAME.int8.onnx` is a QDQ graph with its weights inside: the convolutions' weights are int8 with a scale a channel,
their activations int8 with a fixed scale and zero point 0; the state and everything between the convolutions stays
float32, so the graph has the inputs and outputs of the float one. Its metadata say the `format`, `made_from` (the
SHA-256 of the float weights) and last `sha256`, the SHA-256 of all bytes before that entry.

protobuf lets a repeated field be appended to a message, so the last entry is the file's last 76 bytes and the file can
be checked without parsing it. `sealed` and `read` are the two sides of that. Only ONNX Runtime runs it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from appliance.pipeline.motion_weights import Weights, digest, refusal

SUFFIX: Final = ".int8.onnx"
_SEAL: Final = b"\x72\x4a\x0a\x06sha256\x12\x40"
"""ModelProto.metadata_props (field 14) of 74 bytes: key (field 1) "sha256", value (field 2) of 64 characters."""
_SEALED_BYTES: Final = len(_SEAL) + 64
_LARGEST: Final = 16_000_000


def sealed(graph: bytes) -> bytes:
    """A serialised ONNX model with its checksum appended."""
    return graph + _SEAL + digest(graph).encode()


def read(path: Path) -> Weights:
    """The int8 model at `path`, checked. Raises `InputError` for a file that is missing or damaged."""
    if not path.is_file():
        raise refusal(path, "is missing")
    try:
        if path.stat().st_size > _LARGEST:
            raise refusal(path, "is larger than any motion network")
        stored = path.read_bytes()
    except OSError as error:
        raise refusal(path, f"cannot be read: {error}") from error
    graph, seal = stored[:-_SEALED_BYTES], stored[-_SEALED_BYTES:]
    if seal != _SEAL + digest(graph).encode():
        raise refusal(path, "is damaged: its checksum does not match")
    return Weights(path, path, seal[len(_SEAL) :].decode(), {})
