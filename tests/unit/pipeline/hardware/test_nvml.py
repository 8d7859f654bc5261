"""NVIDIA's library through a stand-in whose functions are real C function pointers, called as ctypes calls C."""

from __future__ import annotations

import ctypes
from types import SimpleNamespace
from typing import Any

from appliance.pipeline.hardware import nvml

NOT_SUPPORTED, GPU_IS_LOST = 3, 15


def pointer(result: Any, *arguments: Any) -> Any:
    return ctypes.CFUNCTYPE(result, *arguments)


def simulated_library(*, lost: bool = False, tegra: bool = False) -> SimpleNamespace:
    """Two GPUs; all device queries fail once `lost`, and most are not supported on a `tegra`."""
    text = pointer(ctypes.c_int, ctypes.c_void_p, ctypes.c_uint)
    device_text = pointer(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint)
    device_query = pointer(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)

    def fill(address: int, value: bytes) -> int:
        ctypes.memmove(address, value, len(value))
        return 0

    def fail() -> int:
        return GPU_IS_LOST if lost else NOT_SUPPORTED if tegra else 0

    def version(address: int, _: int) -> int:
        return fill(address, b"535.183.01\0")

    def count(address: int) -> int:
        return fill(address, (2).to_bytes(4, "little"))

    def handle(index: int, address: int) -> int:
        return fill(address, (0x1000 + index).to_bytes(8, "little"))

    def name(device: int, address: int, _: int) -> int:
        return GPU_IS_LOST if lost else fill(address, f"GPU {device - 0x1000}\0".encode())

    def memory(_: int, address: int) -> int:
        return fail() or fill(address, b"".join(n.to_bytes(8, "little") for n in (8 << 30, 6 << 30, 2 << 30)))

    def load(_: int, address: int) -> int:
        return fail() or fill(address, (37).to_bytes(4, "little") + (12).to_bytes(4, "little"))

    def temperature(_: int, sensor: int, address: int) -> int:
        assert sensor == 0
        return fail() or fill(address, (61).to_bytes(4, "little"))

    return SimpleNamespace(
        nvmlSystemGetDriverVersion=text(version),
        nvmlDeviceGetCount_v2=pointer(ctypes.c_int, ctypes.c_void_p)(count),
        nvmlDeviceGetHandleByIndex_v2=pointer(ctypes.c_int, ctypes.c_uint, ctypes.c_void_p)(handle),
        nvmlDeviceGetName=device_text(name),
        nvmlDeviceGetMemoryInfo=device_query(memory),
        nvmlDeviceGetUtilizationRates=device_query(load),
        nvmlDeviceGetTemperature=pointer(ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_void_p)(temperature),
    )


def test_readings_with_simulated_gpu() -> None:
    library = nvml.Nvml(simulated_library())
    assert library.driver_version() == "535.183.01"
    first, second = library.readings()
    assert first == nvml.Reading("GPU 0", 8 << 30, 2 << 30, 37.0, 61.0)
    assert second.name == "GPU 1"


def test_a_lost_gpu_reads_as_unknown_with_simulated_gpu() -> None:
    assert nvml.Nvml(simulated_library(lost=True)).readings()[0] == nvml.Reading(None, None, None, None, None)


def test_a_tegra_tells_only_its_name_with_simulated_gpu() -> None:
    assert nvml.Nvml(simulated_library(tegra=True)).readings()[0] == nvml.Reading("GPU 0", None, None, None, None)


def test_opened_gives_none_or_a_library_that_answers() -> None:
    with nvml.opened() as library:
        assert library is None or library.driver_version()
