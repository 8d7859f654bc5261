"""NVIDIA's management library through ctypes: driver version, and each GPU's name, memory, load and temperature.

Function names, argument order and structures are those of `nvml.h`. Every query returns None instead of raising,
because a GPU may vanish at any time and a Tegra's library answers most queries with "not supported".
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

# The second path is where Windows puts the library for its Linux guests, outside the loader's search path.
_LIBRARIES = ("libnvidia-ml.so.1", "/usr/lib/wsl/lib/libnvidia-ml.so.1")
_TEXT_BYTES = 96
_SENSOR_GPU = 0


class _Memory(ctypes.Structure):
    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


class _Utilization(ctypes.Structure):
    _fields_ = (("gpu", ctypes.c_uint), ("memory", ctypes.c_uint))


@dataclass(frozen=True, slots=True)
class Reading:
    """One GPU at one moment; None is what it does not tell."""

    name: str | None
    memory_total_bytes: int | None
    memory_used_bytes: int | None
    load_percent: float | None
    temperature_c: float | None


class Nvml:
    """An initialised library. `library` is what `ctypes.CDLL` gives."""

    def __init__(self, library: Any) -> None:
        self._library = library

    def driver_version(self) -> str | None:
        text = ctypes.create_string_buffer(_TEXT_BYTES)
        if self._library.nvmlSystemGetDriverVersion(text, ctypes.c_uint(_TEXT_BYTES)) != 0:
            return None
        return text.value.decode("ascii", "replace")

    def readings(self) -> list[Reading]:
        """All GPUs that answer now, in the library's order."""
        count = ctypes.c_uint()
        if self._library.nvmlDeviceGetCount_v2(ctypes.byref(count)) != 0:
            return []
        readings = []
        for index in range(count.value):
            device = ctypes.c_void_p()
            if self._library.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(index), ctypes.byref(device)) == 0:
                readings.append(self._read(device))
        return readings

    def _read(self, device: ctypes.c_void_p) -> Reading:
        lib = self._library
        name = ctypes.create_string_buffer(_TEXT_BYTES)
        memory, load, celsius = _Memory(), _Utilization(), ctypes.c_uint()
        has_name = lib.nvmlDeviceGetName(device, name, ctypes.c_uint(_TEXT_BYTES)) == 0
        has_memory = lib.nvmlDeviceGetMemoryInfo(device, ctypes.byref(memory)) == 0
        has_load = lib.nvmlDeviceGetUtilizationRates(device, ctypes.byref(load)) == 0
        has_heat = lib.nvmlDeviceGetTemperature(device, ctypes.c_uint(_SENSOR_GPU), ctypes.byref(celsius)) == 0
        return Reading(
            name=name.value.decode("utf-8", "replace") if has_name else None,
            memory_total_bytes=memory.total if has_memory else None,
            memory_used_bytes=memory.used if has_memory else None,
            load_percent=float(load.gpu) if has_load else None,
            temperature_c=float(celsius.value) if has_heat else None,
        )


@contextlib.contextmanager
def opened() -> Iterator[Nvml | None]:
    """The machine's library, initialised and afterwards shut down; None where there is none or it does not start."""
    for name in _LIBRARIES:
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        if library.nvmlInit_v2() == 0:
            try:
                yield Nvml(library)
            finally:
                library.nvmlShutdown()
            return
    yield None
