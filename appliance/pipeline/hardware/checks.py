"""The pipeline's part of `mouthpiece doctor`: what this machine lets it do, and whether its own files are whole."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

from appliance.findings import Check, Finding, Status
from appliance.pipeline.hardware.choose import Choice, choose
from appliance.pipeline.hardware.cuda import MINIMUM_DRIVER, refusal
from appliance.pipeline.hardware.probe import SOFTWARE_ENCODER, Probe, probe
from appliance.pipeline.hardware.telemetry import Sample, sample

_MIB = 1 << 20

# A render at 1024 x 1024 stays under 500 MB; with less than half of it free not even one thread gets through.
_MEMORY_WARN, _MEMORY_FAIL = 500 * _MIB, 250 * _MIB
# Boards and PCs throttle between 85 and 100 degrees and switch off not far above.
_HOT_C, _TOO_HOT_C = 85.0, 100.0


def checks() -> list[Check]:
    """All of them; the machine is probed once, by the first that needs it."""
    found = functools.cache(probe)
    chosen = functools.cache(lambda: choose(found()))

    def on(check: Callable[[Probe, Choice], Iterator[Finding]]) -> Callable[[], Iterator[Finding]]:
        return lambda: check(found(), chosen())

    return [
        Check("platform", on(platform_check)),
        Check("processor", on(processor_check)),
        Check("memory", on(memory_check)),
        Check("temperature", lambda: temperature_check(sample())),
        Check("face models", face_models_check),
        Check("motion network", motion_check),
        Check("cuda", on(cuda_check)),
        Check("engine", on(engine_check)),
        Check("encoder", on(encoder_check)),
        Check("render threads", on(threads_check)),
    ]


def platform_check(found: Probe, _: Choice) -> Iterator[Finding]:
    host = found.host
    parts = [host.machine, host.system, host.libc, host.board, f"Jetson {host.jetson}" if host.jetson else None]
    yield Finding("platform", Status.OK, ", ".join(part for part in parts if part))


def processor_check(found: Probe, _: Choice) -> Iterator[Finding]:
    cpu = found.host.cpu
    message = f"{cpu.model}, {cpu.usable:g} of {cpu.cores} cores usable"
    details = (f"features: {' '.join(cpu.features)}",) if cpu.features else ()
    if cpu.usable < 1:
        fix = "raise the control group's cpu.max; rendering will be slower than real time"
        yield Finding("processor", Status.WARNING, message, fix, details)
    else:
        yield Finding("processor", Status.OK, message, details=details)


def memory_check(found: Probe, _: Choice) -> Iterator[Finding]:
    memory = found.host.memory
    message = f"{memory.available // _MIB:,} of {memory.total // _MIB:,} MiB available"
    fix = "end other programs, or raise the control group's memory.max"
    if memory.available < _MEMORY_FAIL:
        yield Finding("memory", Status.PROBLEM, f"{message}, a render needs {_MEMORY_FAIL // _MIB}", fix)
    elif memory.available < _MEMORY_WARN:
        yield Finding("memory", Status.WARNING, f"{message}, a large render may take {_MEMORY_WARN // _MIB}", fix)
    else:
        yield Finding("memory", Status.OK, message)


def temperature_check(now: Sample) -> Iterator[Finding]:
    degrees = {name.partition("_")[0]: value for name, value in now.items() if name.endswith("_temperature_c")}
    if not degrees:
        yield Finding("temperature", Status.OK, "this platform tells no temperature")
        return
    message = ", ".join(f"{part.upper()} {value:.0f} °C" for part, value in sorted(degrees.items()))
    hottest = max(degrees.values())
    fix = "check that the fan turns and that the vents are free"
    status = Status.PROBLEM if hottest >= _TOO_HOT_C else Status.WARNING if hottest >= _HOT_C else Status.OK
    yield Finding("temperature", status, message, "" if status == Status.OK else fix)


def face_models_check() -> Iterator[Finding]:
    """`face_models.read` raises with the fix when a file is missing or its checksum is wrong."""
    from appliance.pipeline import face_models

    models = (face_models.DETECTOR, face_models.MESH)
    for model in models:
        face_models.read(model)
    yield Finding("face models", Status.OK, f"{len(models)} files, checksums right")


def motion_check() -> Iterator[Finding]:
    """`load_motion_model` raises with the fix when the weights are missing or damaged."""
    from appliance.pipeline.motion import load_motion_model

    model = load_motion_model()
    yield Finding("motion network", Status.OK, f"loads in {model.engine} on {model.device}")


def cuda_check(found: Probe, _: Choice) -> Iterator[Finding]:
    cuda, jetson = found.cuda, found.host.jetson
    if cuda.driver is None and jetson is None:
        yield Finding("cuda", Status.OK, "no NVIDIA driver is loaded; everything runs on the CPU")
        return
    gpus = ", ".join(gpu.name for gpu in cuda.gpus) or ("the Jetson's own GPU" if jetson else "no GPU answers")
    message = f"driver {cuda.driver}, {gpus}" if cuda.driver else gpus
    runtime = cuda.torch or cuda.onnxruntime
    # Without a CUDA library to go by, the driver is held against the oldest CUDA that the current ones are built for.
    if fault := refusal(cuda.driver, runtime or "12", jetson):
        needed = MINIMUM_DRIVER[int((runtime or "12").split(".")[0])]
        fix = f"install NVIDIA driver {needed} or newer; until then the CPU is used"
        yield Finding("cuda", Status.WARNING, f"{message}: {fault}", fix)
    elif runtime is None:
        fix = "on a PC `make run` installs torch with CUDA; on a Jetson install the torch that its system provides"
        yield Finding("cuda", Status.WARNING, f"{message}, but no installed library can use it", fix)
    elif not cuda.gpus and jetson is None:
        fix = "look at `dmesg` and `nvidia-smi`; a reboot often brings it back"
        yield Finding("cuda", Status.WARNING, message, fix)
    else:
        yield Finding("cuda", Status.OK, f"{message}, CUDA {runtime}")


def engine_check(found: Probe, choice: Choice) -> Iterator[Finding]:
    message = f"{choice.engine} on {choice.device}: {choice.reasons['engine']}"
    encoders = {one.name for one in found.encoders}
    details = tuple(str(one) for one in choice.refusals if one.what not in encoders)
    offered = f"ONNX Runtime offers {', '.join(found.providers)}; used: {', '.join(choice.providers)}"
    yield Finding("engine", Status.OK, message, details=(offered, *details))


def encoder_check(found: Probe, choice: Choice) -> Iterator[Finding]:
    faults = {one.name: one.fault for one in found.encoders}
    details = tuple(str(one) for one in choice.refusals if one.what in faults)
    if faults.get(choice.encoder) is None:
        yield Finding("encoder", Status.OK, f"{choice.encoder}: {choice.reasons['encoder']}", details=details)
    else:
        fix = "PyAV is damaged or built without x264: run `make setup` again"
        message = f"not even {SOFTWARE_ENCODER} works: {faults[choice.encoder]}"
        yield Finding("encoder", Status.PROBLEM, message, fix, details)


def threads_check(_: Probe, choice: Choice) -> Iterator[Finding]:
    yield Finding("render threads", Status.OK, f"{choice.render_threads}: {choice.reasons['render_threads']}")
