"""Everything that the choice of engine, encoder and thread count rests on, found out in one go.

Costs well under a second on a machine without a GPU: ONNX Runtime is imported to list its providers, torch never,
and every hardware encoder whose device is there is opened for a moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from appliance.pipeline.hardware.cuda import Cuda, read_cuda
from appliance.pipeline.hardware.host import Host, read_host

SOFTWARE_ENCODER = "libx264"
HARDWARE_ENCODERS = {
    "h264_nvenc": "dev/nvidiactl",
    "h264_rkmpp": "dev/mpp_service",
    "h264_v4l2m2m": "dev/video*",
    "h264_qsv": "dev/dri/renderD*",
}
"""Those that `encoder` has settings for, in order of preference, and the device file that each cannot do without."""


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
    return Probe(
        host=read_host(root),
        cuda=read_cuda(root),
        providers=_providers(),
        encoders=tuple(Encoder(name, _encoder_fault(name, root)) for name in (*HARDWARE_ENCODERS, SOFTWARE_ENCODER)),
    )


def _encoder_fault(name: str, root: Path) -> str | None:
    from appliance.pipeline.encoder import encoder_works

    device = HARDWARE_ENCODERS.get(name)
    # Opening an encoder takes a moment; a look for its device does not.
    if device is not None and not any(root.glob(device)):
        return f"this machine has no /{device}"
    return encoder_works(name)


def _providers() -> tuple[str, ...]:
    import onnxruntime

    return tuple(onnxruntime.get_available_providers())
