"""The machine as read from `/proc` and `/sys`: this one for real, boards from copied trees."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

import psutil

from appliance.pipeline.hardware.host import read_host


def put(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_this_machine_agrees_with_psutil() -> None:
    host = read_host()
    assert host.cpu.cores == psutil.cpu_count()
    assert 0 < host.cpu.usable <= len(os.sched_getaffinity(0))
    assert 0 < host.memory.available <= host.memory.total <= psutil.virtual_memory().total
    assert host.machine == os.uname().machine
    assert json.loads(json.dumps(asdict(host)))["cpu"]["model"] == host.cpu.model


def test_affinity_limits_the_usable_cores() -> None:
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert read_host().cpu.usable <= 1
    finally:
        os.sched_setaffinity(0, before)


def test_jetson_with_simulated_proc(tmp_path: Path) -> None:
    root = put(
        tmp_path,
        {
            "etc/nv_tegra_release": "# R36 (release), REVISION: 4.7, GCID: 42132812, BOARD: generic, EABI: aarch64\n",
            "proc/device-tree/model": "NVIDIA Jetson Orin Nano Developer Kit\0",
            "proc/device-tree/compatible": "nvidia,p3768-0000+p3767-0005\0nvidia,p3767-0005\0nvidia,tegra234\0",
            "proc/cpuinfo": "processor\t: 0\nFeatures\t: fp asimd asimddp aes\nCPU part\t: 0xd42\n",
        },
    )
    host = read_host(root)
    assert host.jetson == "R36.4.7"
    assert host.board == "NVIDIA Jetson Orin Nano Developer Kit"
    assert not host.rk3588
    assert host.cpu.model == "Cortex-A78AE"
    assert host.cpu.features == ("asimd", "asimddp")


def test_jetson_without_nvidias_root_file_system_with_simulated_proc(tmp_path: Path) -> None:
    root = put(tmp_path, {"proc/device-tree/compatible": "nvidia,p3768-0000+p3767-0005-super\0nvidia,tegra234\0"})
    assert read_host(root).jetson == "tegra234"


def test_rk3588_with_simulated_proc(tmp_path: Path) -> None:
    cores = "".join(f"processor\t: {n}\nCPU part\t: {'0xd05' if n < 4 else '0xd0b'}\n\n" for n in range(8))
    root = put(
        tmp_path,
        {
            "proc/device-tree/model": "Radxa ROCK 5B\0",
            "proc/device-tree/compatible": "radxa,rock-5b\0rockchip,rk3588\0",
            "proc/cpuinfo": cores,
            "sys/bus/platform/drivers/RKNPU/uevent": "",
        },
    )
    host = read_host(root)
    assert host.rk3588
    assert host.npu
    assert host.jetson is None
    assert host.cpu.model == "Cortex-A55 + Cortex-A76"
    assert host.cpu.cores == 8


def test_an_empty_tree_is_no_board_and_no_crash(tmp_path: Path) -> None:
    host = read_host(tmp_path)
    assert (host.board, host.jetson, host.rk3588, host.npu) == (None, None, False, False)
