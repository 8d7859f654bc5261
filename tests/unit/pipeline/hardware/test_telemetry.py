from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace

import psutil

from appliance.pipeline.hardware import nvml
from appliance.pipeline.hardware.telemetry import Range, Recorder, Sample, sample


def put(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def zone(index: int, kind: str, millidegrees: int) -> dict[str, str]:
    base = f"sys/class/thermal/thermal_zone{index}"
    return {f"{base}/type": f"{kind}\n", f"{base}/temp": f"{millidegrees}\n"}


def test_this_machine_gives_plausible_numbers_or_nothing() -> None:
    values = sample()
    for name, value in values.items():
        assert name.endswith(("_c", "_percent", "_bytes"))
        assert value >= 0
    assert all(0 < value < 150 for name, value in values.items() if name.endswith("_c"))


def test_jetson_with_simulated_sysfs(tmp_path: Path) -> None:
    root = put(
        tmp_path,
        {
            "sys/devices/platform/gpu.0/load": "345\n",
            **zone(0, "cpu-thermal", 51_500),
            **zone(1, "gpu-thermal", 49_250),
            **zone(2, "tj-thermal", 52_000),
        },
    )
    assert sample(root) == {"gpu_load_percent": 34.5, "cpu_temperature_c": 51.5, "gpu_temperature_c": 49.25}


def test_older_jetson_with_simulated_sysfs(tmp_path: Path) -> None:
    root = put(tmp_path, {"sys/devices/gpu.0/load": "1000\n", **zone(0, "GPU-therm", 40_000)})
    assert sample(root) == {"gpu_load_percent": 100.0, "gpu_temperature_c": 40.0}


def test_rk3588_with_simulated_sysfs(tmp_path: Path) -> None:
    root = put(
        tmp_path,
        {
            "sys/class/devfreq/fb000000.gpu/load": "7@300000000Hz\n",
            "sys/class/devfreq/fdab0000.npu/load": "64@1000000000Hz\n",
            **zone(0, "soc-thermal", 44_000),
            **zone(1, "bigcore0-thermal", 47_000),
            **zone(2, "littlecore-thermal", 43_000),
            **zone(3, "gpu-thermal", 42_000),
            **zone(4, "npu-thermal", 45_000),
        },
    )
    assert sample(root) == {
        "gpu_load_percent": 7.0,
        "npu_load_percent": 64.0,
        "cpu_temperature_c": 47.0,
        "gpu_temperature_c": 42.0,
        "npu_temperature_c": 45.0,
    }


def test_pc_with_simulated_hwmon_ignores_a_dead_sensor(tmp_path: Path) -> None:
    root = put(
        tmp_path,
        {
            "sys/class/hwmon/hwmon0/name": "k10temp\n",
            "sys/class/hwmon/hwmon0/temp1_input": "66000\n",
            "sys/class/hwmon/hwmon0/temp2_input": "255000\n",
            "sys/class/hwmon/hwmon1/name": "nvme\n",
            "sys/class/hwmon/hwmon1/temp1_input": "80000\n",
        },
    )
    assert sample(root) == {"cpu_temperature_c": 66.0}


def test_a_sensor_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    root = put(tmp_path, {**zone(0, "cpu-thermal", 50_000), **zone(1, "gpu-thermal", 50_000)})
    (root / "sys/class/thermal/thermal_zone0/temp").write_text("not a number\n")
    broken = root / "sys/class/thermal/thermal_zone1/temp"
    broken.unlink()
    broken.mkdir()
    assert sample(root) == {}


def test_the_first_gpu_is_sampled_with_simulated_gpu(tmp_path: Path) -> None:
    answering = SimpleNamespace(
        readings=lambda: [
            nvml.Reading("A", 8 << 30, 1 << 30, 50.0, 70.0),
            nvml.Reading("B", None, None, 1.0, 20.0),
        ]
    )
    assert sample(tmp_path, answering) == {  # type: ignore[arg-type]
        "gpu_temperature_c": 70.0,
        "gpu_load_percent": 50.0,
        "gpu_memory_used_bytes": float(1 << 30),
        "gpu_memory_total_bytes": float(8 << 30),
    }


def test_a_gpu_that_vanished_leaves_the_rest_with_simulated_gpu(tmp_path: Path) -> None:
    put(tmp_path, zone(0, "cpu-thermal", 50_000))
    gone = SimpleNamespace(readings=list)
    assert sample(tmp_path, gone) == {"cpu_temperature_c": 50.0}  # type: ignore[arg-type]


def test_the_recorder_sums_up_and_stops() -> None:
    values: list[Sample] = [{"gpu_load_percent": 10.0}, {"gpu_load_percent": 40.0, "cpu_temperature_c": 50.0}, {}]
    all_taken = threading.Event()

    def take() -> Sample:
        if len(values) == 1:
            all_taken.set()
        return values.pop(0) if values else {}

    with Recorder(take, interval_s=0.001) as recorder:
        assert all_taken.wait(10)
    assert recorder.summary() == {"gpu_load_percent": Range(10.0, 25.0, 40.0), "cpu_temperature_c": Range(50, 50, 50)}
    assert "telemetry" not in {thread.name for thread in threading.enumerate()}


def test_the_recorder_takes_one_sample_even_of_the_shortest_job() -> None:
    with Recorder(lambda: {"cpu_temperature_c": 40.0}, interval_s=3600) as recorder:
        pass
    assert recorder.summary()["cpu_temperature_c"].maximum == 40.0


def test_the_recorder_works_on_this_machine() -> None:
    with Recorder() as recorder:
        pass
    told = recorder.summary()
    assert set(told) >= {name for name in sample() if name.startswith("cpu")} | {"process_memory_bytes"}
    # More than an interpreter, less than the machine has.
    assert 1e6 < told["process_memory_bytes"].maximum < psutil.virtual_memory().total
