"""What the pipeline uses of a probed machine. A pure function of the probe, so every verdict can be tested.

Each choice carries its reason, and everything that might have been used and is not carries its refusal.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

from appliance.pipeline.hardware.cuda import refusal
from appliance.pipeline.hardware.probe import SOFTWARE_ENCODER, Probe

CPU_PROVIDER, CUDA_PROVIDER = "CPUExecutionProvider", "CUDAExecutionProvider"

_MAX_THREADS = 16
"""Beyond this the one thread that decodes sound and joins the file sets the pace."""
_BASE_BYTES, _THREAD_BYTES = 300 << 20, 64 << 20
"""What a render takes at 1024 x 1024 before its first render thread, and for each of them."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something this machine might have offered, and why it is not used."""

    what: str
    reason: str

    def __str__(self) -> str:
        return f"{self.what}: not used because {self.reason}"


@dataclass(frozen=True, slots=True)
class Choice:
    """`reasons` has one entry for each of the other fields that were chosen, by field name."""

    engine: str
    """What runs the motion network: "onnxruntime" or "torch"."""
    device: str
    """Where it runs: "cpu" or "cuda"."""
    providers: tuple[str, ...]
    """For ONNX Runtime, in order."""
    encoder: str
    render_threads: int
    reasons: dict[str, str]
    refusals: tuple[Refusal, ...]


def choose(probe: Probe) -> Choice:
    refusals: list[Refusal] = []
    engine, device, engine_reason = _choose_engine(probe, refusals)
    encoder, encoder_reason = _choose_encoder(probe, refusals)
    threads, threads_reason = _choose_threads(probe)
    on_gpu = engine == "onnxruntime" and device == "cuda"
    if probe.host.rk3588:
        driver = "its driver is there" if probe.host.npu else "its driver is missing"
        refusals.append(Refusal("RK3588 NPU", f"the motion network has no NPU build yet ({driver})"))
    return Choice(
        engine=engine,
        device=device,
        providers=(CUDA_PROVIDER, CPU_PROVIDER) if on_gpu else (CPU_PROVIDER,),
        encoder=encoder,
        render_threads=threads,
        reasons={"engine": engine_reason, "encoder": encoder_reason, "render_threads": threads_reason},
        refusals=tuple(refusals),
    )


def _choose_engine(probe: Probe, refusals: list[Refusal]) -> tuple[str, str, str]:
    cuda, jetson = probe.cuda, probe.host.jetson
    names = ", ".join(gpu.name for gpu in cuda.gpus) or ("the Jetson's GPU" if jetson else "the GPU")

    if CUDA_PROVIDER not in probe.providers:
        fault: str | None = "this build of ONNX Runtime has no CUDA provider"
    else:
        fault = _cuda_fault(probe, cuda.onnxruntime or "12")
    if fault is None:
        return "onnxruntime", "cuda", f"ONNX Runtime has a CUDA provider and there is {names}"
    refusals.append(Refusal("ONNX Runtime on CUDA", fault))

    if not cuda.torch_installed:
        fault = "torch is not installed"
    elif cuda.torch is None:
        fault = "the installed torch is a build without CUDA"
    else:
        fault = _cuda_fault(probe, cuda.torch)
    if fault is None:
        return "torch", "cuda", f"torch is built for CUDA {cuda.torch} and there is {names}"
    refusals.append(Refusal("torch on CUDA", fault))

    return "onnxruntime", "cpu", "no usable GPU, and the network costs a small part of one core"


def _cuda_fault(probe: Probe, runtime: str) -> str | None:
    if fault := refusal(probe.cuda.driver, runtime, probe.host.jetson):
        return fault
    if not probe.cuda.gpus and not probe.host.jetson:
        return "the NVIDIA driver is loaded but reports no GPU"
    return None


def _choose_encoder(probe: Probe, refusals: list[Refusal]) -> tuple[str, str]:
    """The first that works; a machine where not even x264 works is a finding of the doctor, not a choice."""
    chosen = next((one.name for one in probe.encoders if one.fault is None), SOFTWARE_ENCODER)
    refusals += [Refusal(one.name, one.fault) for one in probe.encoders if one.fault is not None]
    if chosen == SOFTWARE_ENCODER:
        return chosen, "no hardware encoder works here, and x264 works everywhere"
    return chosen, "it is the first hardware encoder that encoded a test picture"


def _choose_threads(probe: Probe) -> tuple[int, str]:
    cores = max(1, floor(probe.host.cpu.usable))
    room = max(1, (probe.host.memory.available - _BASE_BYTES) // _THREAD_BYTES)
    threads = min(cores, room, _MAX_THREADS)
    if threads == cores:
        return threads, f"one for each of the {probe.host.cpu.usable:g} usable cores"
    if threads == room:
        return threads, f"{probe.host.memory.available >> 20} MiB of memory are free, which is room for no more"
    return threads, f"more than {_MAX_THREADS} threads bring nothing"
