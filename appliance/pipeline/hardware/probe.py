"""Everything that the choice of engine, encoder and thread count rests on, found out in one go.

Costs well under a second on a machine without a GPU: ONNX Runtime is imported to list its providers, torch never,
and every hardware encoder that PyAV carries is opened for a moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from appliance.pipeline.hardware.cuda import Cuda, read_cuda
from appliance.pipeline.hardware.host import Host, read_host

SOFTWARE_ENCODER = "libx264"
HARDWARE_ENCODERS = ("h264_nvenc", "h264_rkmpp", "h264_v4l2m2m", "h264_qsv")
"""Those that `encoder` has settings for, in order of preference."""


@dataclass(frozen=True, slots=True)
class Encoder:
    name: str
    fault: str | None
    """Why it cannot be used; None when it has just encoded pictures."""


@dataclass(frozen=True, slots=True)
class Probe:
    host: Host
    cuda: Cuda
    providers: tuple[str, ...]
    """ONNX Runtime's execution providers, as it lists them."""
    encoders: tuple[Encoder, ...]
    """Hardware encoders in order of preference, then the software encoder."""


def probe(root: Path = Path("/")) -> Probe:
    from appliance.pipeline.encoder import encoder_works

    return Probe(
        host=read_host(root),
        cuda=read_cuda(root),
        providers=_providers(),
        encoders=tuple(Encoder(name, encoder_works(name)) for name in (*HARDWARE_ENCODERS, SOFTWARE_ENCODER)),
    )


def _providers() -> tuple[str, ...]:
    import onnxruntime

    return tuple(onnxruntime.get_available_providers())
