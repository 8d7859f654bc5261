"""Whether CUDA can be used: the NVIDIA driver, the GPUs, and what the installed libraries ask of the driver.

torch is never imported to find out: `torch/version.py` and ONNX Runtime's `build_and_package_info.py` say in plain
text for which CUDA they were built, and importing torch would cost seconds and hundreds of megabytes.
"""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path

from appliance.pipeline.hardware import nvml
from appliance.pipeline.hardware.files import read_text

# First driver release that this project supports for each major version of the CUDA runtime. NVIDIA's table of
# minor-version compatibility starts 12.x at 525; 535 is the long-lived branch that 12.x libraries are tested on.
MINIMUM_DRIVER = {11: 450, 12: 535, 13: 580}

_WHERE = {"torch": "version.py", "onnxruntime": "capi/build_and_package_info.py"}


@dataclass(frozen=True, slots=True)
class Gpu:
    name: str
    memory_bytes: int | None


@dataclass(frozen=True, slots=True)
class Cuda:
    driver: str | None
    """NVIDIA's driver version such as "535.183.01"; None when no driver is loaded."""
    gpus: tuple[Gpu, ...]
    torch: str | None
    """The CUDA version that the installed torch was built for; None without torch or in its CPU build."""
    torch_installed: bool
    onnxruntime: str | None


def read_cuda(root: Path = Path("/")) -> Cuda:
    driver, gpus = _from_nvml() if root == Path("/") else (None, ())
    return Cuda(
        driver=driver or _driver_from_proc(root),
        gpus=gpus,
        torch=built_for("torch"),
        torch_installed=importlib.util.find_spec("torch") is not None,
        onnxruntime=built_for("onnxruntime"),
    )


def _from_nvml() -> tuple[str | None, tuple[Gpu, ...]]:
    with nvml.opened() as library:
        if library is None:
            return None, ()
        gpus = tuple(Gpu(one.name or "NVIDIA GPU", one.memory_total_bytes) for one in library.readings())
        return library.driver_version(), gpus


def _driver_from_proc(root: Path) -> str | None:
    """From `NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  ...`, also in the open module's wording."""
    match = re.search(r"Kernel Module .*?(\d{3,}\.\d+(?:\.\d+)?)", read_text(root / "proc/driver/nvidia/version") or "")
    return match[1] if match else None


def built_for(library: str) -> str | None:
    """The CUDA version that an installed library was built for, from its own files; None if for none."""
    spec = importlib.util.find_spec(library)
    if spec is None or spec.origin is None:
        return None
    text = read_text(Path(spec.origin).parent / _WHERE[library]) or ""
    match = re.search(r"^cuda(?:_version)?\b[^=\n]*= *['\"](\d[\d.]*)['\"]", text, re.MULTILINE)
    return match[1] if match else None


def refusal(driver: str | None, runtime: str, jetson: str | None) -> str | None:
    """Why this driver cannot serve a CUDA runtime of version `runtime`, or None if it can.

    On a Jetson the driver comes with the board's system and carries a numbering of its own, so it is not judged.
    """
    if jetson is not None:
        return None
    if driver is None:
        return "no NVIDIA driver is loaded"
    major = int(runtime.split(".")[0])
    needed = MINIMUM_DRIVER.get(major)
    if needed is not None and int(driver.split(".")[0]) < needed:
        return f"CUDA {major}.x needs driver {needed} or newer, this machine has {driver}"
    return None
