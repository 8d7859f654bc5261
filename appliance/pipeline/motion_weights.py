"""Where the motion network's weights lie and how they are read: safely, checked, never unpickled.

A model is two files of one name: `NAME.safetensors` (8-byte little-endian header length, JSON header, raw data) and
`NAME.onnx` (the graph, which points into it). A matrix `W` of the network is stored as int8 with a float32 scale for
every output, `W.scale`, by which it is multiplied when it is read; everything else is float32. The safetensors metadata
says `format` and the `sha256` of the data, and the graph repeats both, so that a damaged or mixed pair is refused. The
shipped one is `appliance/pipeline/models/base`.

Raises `UnhealthyError` for the shipped files, `InputError` for files that the user named.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from appliance.errors import ApplianceError, InputError, UnhealthyError

FORMAT: Final = "mouthpiece-motion-2"
SCALE: Final = ".scale"
_TYPES: Final = {"I8": np.int8, "F32": np.float32}
SHIPPED: Final = Path(__file__).parent / "models" / "base.safetensors"
_LARGEST: Final = 64_000_000


@dataclass(frozen=True, slots=True)
class Weights:
    """A checked model: the file of the graph and the tensors, by name."""

    path: Path
    graph: Path
    sha256: str
    tensors: dict[str, NDArray[np.float32]]


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def refusal(path: Path, reason: str) -> ApplianceError:
    """The error for weights that cannot be used."""
    if path.with_suffix("") == SHIPPED.with_suffix(""):
        return UnhealthyError(f"the motion network {path} {reason}", hint="install mouthpiece again")
    return InputError(f"the motion network {path} {reason}", hint="make one with `make train`")


def read(path: Path | None) -> Weights:
    """The weights at `path` (either file of the pair, or one in eight bits), or the shipped ones."""
    if path is not None and path.name.endswith(".int8.onnx"):
        from appliance.pipeline import motion_int8  # stands on this module

        return motion_int8.read(path)
    chosen = (path or SHIPPED).with_suffix(".safetensors")
    graph = chosen.with_suffix(".onnx")
    for part in (chosen, graph):
        if not part.is_file():
            raise refusal(part, "is missing")
    try:
        if chosen.stat().st_size > _LARGEST:
            raise ValueError("larger than any motion network")
        return _parsed(chosen, graph, chosen.read_bytes())
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise refusal(chosen, f"is damaged: {error}") from error


def _parsed(path: Path, graph: Path, stored: bytes) -> Weights:
    start = 8 + int.from_bytes(stored[:8], "little")
    header = json.loads(stored[8:start])
    metadata = header.pop("__metadata__")
    if metadata["format"] != FORMAT:
        raise ValueError(f"its format is {metadata['format']}, not {FORMAT}")
    body = stored[start:]
    if digest(body) != metadata["sha256"]:
        raise ValueError("its checksum does not match")
    stored_as: dict[str, NDArray[np.int8] | NDArray[np.float32]] = {}
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        stored_as[name] = np.frombuffer(body[first:last], _TYPES[entry["dtype"]]).reshape(entry["shape"])
    return Weights(path, graph, metadata["sha256"], _restored(stored_as))


def _restored(stored: dict[str, NDArray[np.int8] | NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """The tensors as the network computes with them."""
    tensors = {}
    for name, values in stored.items():
        if values.dtype == np.int8:
            scale = stored[name + SCALE]
            tensors[name] = np.asarray(values * scale.reshape(-1, *[1] * (values.ndim - 1)), np.float32)
        elif not name.endswith(SCALE):
            tensors[name] = np.array(values, np.float32)
    return tensors
