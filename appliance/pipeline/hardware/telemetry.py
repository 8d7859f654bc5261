"""Temperature, load and memory of GPU, NPU and CPU, where the platform tells them.

A sample is a flat `{name: number}`; a name is absent where nothing tells it. Names carry their unit:

    cpu_temperature_c gpu_temperature_c npu_temperature_c
    gpu_load_percent npu_load_percent
    gpu_memory_used_bytes gpu_memory_total_bytes
    process_memory_bytes process_load_percent (of one core; a `Recorder` only, for it takes two looks)

Sources: NVML for discrete NVIDIA GPUs; on a Jetson sysfs, `gpu.0/load` in tenths of a percent (NVML answers "not
supported" there, and the GPU shares the system's memory); on an RK3588 Rockchip's devfreq, whose `load` reads
`PERCENT@FREQUENCYHz`; temperatures from the thermal zones by their type and, on PCs, from hwmon. With several GPUs
the first is sampled, the one that inference uses.
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

from appliance.pipeline.hardware import nvml
from appliance.pipeline.hardware.files import read_int, read_text

Sample = dict[str, float]

_JETSON_GPU_LOAD = ("sys/devices/platform/gpu.0/load", "sys/devices/gpu.0/load")
_CPU_SENSORS = ("coretemp", "k10temp", "cpu_thermal")
# Thermal zone types as they begin on a Jetson (both spellings), on an RK3588 and on a PC.
_ZONES = {
    "cpu_temperature_c": ("cpu", "bigcore", "littlecore", "soc", "package", "x86_pkg_temp"),
    "gpu_temperature_c": ("gpu",),
    "npu_temperature_c": ("npu",),
}


def sample(root: Path = Path("/"), gpus: nvml.Nvml | None = None) -> Sample:
    """What the platform tells now. Never raises."""
    found: Sample = {}
    _thermal_zones(root, found)
    _hwmon(root, found)
    _loads(root, found)
    if gpus is not None and (readings := gpus.readings()):
        first = readings[0]
        told = {
            "gpu_temperature_c": first.temperature_c,
            "gpu_load_percent": first.load_percent,
            "gpu_memory_used_bytes": first.memory_used_bytes,
            "gpu_memory_total_bytes": first.memory_total_bytes,
        }
        found.update({name: float(value) for name, value in told.items() if value is not None})
    return found


def _keep_highest(found: Sample, name: str, millidegrees: int | None) -> None:
    # A sensor that is switched off reads zero or an absurd value rather than failing.
    if millidegrees is not None and 0 < millidegrees < 150_000:
        found[name] = max(found.get(name, 0.0), millidegrees / 1000)


def _thermal_zones(root: Path, found: Sample) -> None:
    for zone in sorted((root / "sys/class/thermal").glob("thermal_zone*")):
        kind = (read_text(zone / "type") or "").lower()
        for name, beginnings in _ZONES.items():
            if kind.startswith(beginnings):
                _keep_highest(found, name, read_int(zone / "temp"))


def _hwmon(root: Path, found: Sample) -> None:
    for chip in sorted((root / "sys/class/hwmon").glob("hwmon*")):
        if read_text(chip / "name") in _CPU_SENSORS:
            for sensor in chip.glob("temp*_input"):
                _keep_highest(found, "cpu_temperature_c", read_int(sensor))


def _loads(root: Path, found: Sample) -> None:
    for path in _JETSON_GPU_LOAD:
        tenths = read_int(root / path)
        if tenths is not None:
            found["gpu_load_percent"] = tenths / 10
            break
    for device in sorted((root / "sys/class/devfreq").glob("*.[gn]pu")):
        match = re.match(r"(\d+)@", read_text(device / "load") or "")
        if match:
            found[f"{device.name[-3:]}_load_percent"] = float(match[1])


def _own_use(process: psutil.Process) -> Sample:
    """What this process takes; the load is that since the last call with the same `process`."""
    with process.oneshot():
        used = {"process_memory_bytes": float(process.memory_info().rss)}
        load = process.cpu_percent()
    # The first look has nothing to compare with, and says 0.
    return used | {"process_load_percent": load} if load else used


@dataclass(frozen=True, slots=True)
class Range:
    minimum: float
    mean: float
    maximum: float


class Recorder:
    """Samples in the background while a job runs, and sums the samples up.

    Memory does not grow with the length of the job: only minimum, sum, maximum and count are kept.
    """

    def __init__(self, take: Callable[[], Sample] | None = None, *, interval_s: float = 1.0) -> None:
        self._take = take
        self._interval_s = interval_s
        self._sums: dict[str, tuple[float, float, float, int]] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def summary(self) -> dict[str, Range]:
        """Minimum, mean and maximum of every name sampled so far."""
        with self._lock:
            return {name: Range(low, total / count, high) for name, (low, total, high, count) in self._sums.items()}

    def _run(self) -> None:
        with nvml.opened() if self._take is None else contextlib.nullcontext() as gpus:
            process = psutil.Process()
            take = self._take or (lambda: sample(gpus=gpus) | _own_use(process))
            while True:
                self._add(take())
                if self._stop.wait(self._interval_s):
                    break

    def _add(self, values: Sample) -> None:
        with self._lock:
            for name, value in values.items():
                low, total, high, count = self._sums.get(name, (value, 0.0, value, 0))
                self._sums[name] = (min(low, value), total + value, max(high, value), count + 1)
