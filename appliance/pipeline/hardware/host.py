"""The machine itself: processor, memory, platform, and which board it is."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path

from appliance.pipeline.hardware import cgroup
from appliance.pipeline.hardware.files import read_text

# The instruction sets that numpy, OpenCV, x264 and ONNX Runtime have code paths for.
_TELLING_X86 = {"sse4_2", "popcnt", "avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512_vnni", "avx_vnni", "amx_int8"}
_TELLING_ARM = {"asimd", "asimdhp", "asimddp", "i8mm", "bf16", "sve"}
_ARM_CORES = {"0xd05": "Cortex-A55", "0xd08": "Cortex-A72", "0xd0b": "Cortex-A76", "0xd42": "Cortex-A78AE"}


@dataclass(frozen=True, slots=True)
class Cpu:
    """`cores` are in the machine, `usable` is what affinity and the control group's quota leave to this process."""

    model: str
    features: tuple[str, ...]
    cores: int
    usable: float


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes. `total` is the machine's or, if smaller, the control group's limit; `available` likewise."""

    total: int
    available: int


@dataclass(frozen=True, slots=True)
class Host:
    machine: str
    system: str
    libc: str
    python: str
    board: str | None
    """The device tree's model name; None on machines without a device tree."""
    jetson: str | None
    """The release of NVIDIA's Linux for Tegra, such as "R36.4.7", or else the SoC's name; None if this is no Jetson."""
    rk3588: bool
    npu: bool
    """Whether the RK3588's NPU has a kernel driver. Nothing here uses the NPU yet."""
    cpu: Cpu
    memory: Memory


def read_host(root: Path = Path("/")) -> Host:
    libc, libc_version = platform.libc_ver()
    compatible = (read_text(root / "proc/device-tree/compatible") or "").split("\0")
    return Host(
        machine=platform.machine(),
        system=f"{platform.system()} {platform.release()}",
        libc=f"{libc} {libc_version}".strip(),
        python=platform.python_version(),
        board=read_text(root / "proc/device-tree/model"),
        jetson=_jetson(root, compatible),
        rk3588=any(name.startswith("rockchip,rk3588") for name in compatible),
        npu=_has_npu(root),
        cpu=_read_cpu(root),
        memory=_read_memory(root),
    )


def _jetson(root: Path, compatible: list[str]) -> str | None:
    """From `# R36 (release), REVISION: 4.7, GCID: ...`, which NVIDIA's own root file system has and others lack."""
    match = re.search(r"R(\d+) \(release\), REVISION: ([\d.]+)", read_text(root / "etc/nv_tegra_release") or "")
    if match:
        return f"R{match[1]}.{match[2]}"
    return next((name.partition(",")[2] for name in compatible if name.startswith("nvidia,tegra")), None)


def _has_npu(root: Path) -> bool:
    """Rockchip's kernel registers the driver "RKNPU", mainline's the accelerator driver "rocket"."""
    drivers = root / "sys/bus/platform/drivers"
    return any((drivers / name).is_dir() for name in ("RKNPU", "rocket"))


def _read_cpu(root: Path) -> Cpu:
    fields: dict[str, list[str]] = {}
    for line in (read_text(root / "proc/cpuinfo") or "").splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), []).append(value.strip())
    if "model name" in fields:
        model = fields["model name"][0]
    else:
        parts = sorted(set(fields.get("CPU part", [])))
        model = " + ".join(_ARM_CORES.get(part, f"ARM part {part}") for part in parts) or platform.machine()
    flags = " ".join(fields.get("flags", [])[:1] + fields.get("Features", [])[:1]).split()
    # The process's own affinity cannot be read from a copied tree, so it is always this machine's.
    usable = float(len(os.sched_getaffinity(0)))
    quota = cgroup.cpu_quota(root)
    return Cpu(
        model=model,
        features=tuple(sorted((_TELLING_X86 | _TELLING_ARM).intersection(flags))),
        cores=len(fields.get("processor", [])) or os.cpu_count() or 1,
        usable=min(usable, quota) if quota is not None else usable,
    )


def _read_memory(root: Path) -> Memory:
    kib = {}
    for line in (read_text(root / "proc/meminfo") or "").splitlines():
        name, _, value = line.partition(":")
        kib[name] = int(value.split()[0])
    total, available = kib.get("MemTotal", 0) * 1024, kib.get("MemAvailable", 0) * 1024
    if room := cgroup.memory_room(root):
        total, available = min(total, room[0]), min(available, room[1])
    return Memory(total, available)
