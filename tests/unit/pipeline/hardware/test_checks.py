from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.errors import UnhealthyError
from appliance.findings import Finding, Status
from appliance.pipeline import face_models
from appliance.pipeline.hardware import checks
from appliance.pipeline.hardware.choose import choose
from appliance.pipeline.hardware.cuda import Cuda, Gpu
from appliance.pipeline.hardware.host import Memory
from appliance.pipeline.hardware.probe import HARDWARE_ENCODERS, Encoder, Probe, probe

GPU = (Gpu("NVIDIA RTX A2000", 6 << 30),)


@pytest.fixture(scope="module")
def here() -> Probe:
    """This machine, really probed."""
    return probe()


def one(findings: Iterator[Finding]) -> Finding:
    (finding,) = findings
    return finding


def test_the_probe_really_opens_the_encoders(here: Probe) -> None:
    faults = {encoder.name: encoder.fault for encoder in here.encoders}
    assert list(faults) == [*HARDWARE_ENCODERS, "libx264"]
    assert faults["libx264"] is None
    assert all(fault is None or fault.strip() for fault in faults.values())
    assert "CPUExecutionProvider" in here.providers


def test_every_refused_encoder_is_explained(here: Probe) -> None:
    finding = one(checks.encoder_check(here, choose(here)))
    assert finding.status == Status.OK
    refused = [encoder.name for encoder in here.encoders if encoder.fault is not None]
    assert len(finding.details) == len(refused)
    for name, line in zip(refused, finding.details, strict=True):
        assert line.startswith(f"{name}: not used because ")


def test_no_working_encoder_is_a_problem(here: Probe) -> None:
    broken = replace(here, encoders=(Encoder("libx264", "unknown encoder"),))
    finding = one(checks.encoder_check(broken, choose(broken)))
    assert finding.status == Status.PROBLEM
    assert "unknown encoder" in finding.message
    assert "make setup" in finding.fix


def test_the_engine_is_explained(here: Probe) -> None:
    finding = one(checks.engine_check(here, choose(here)))
    assert finding.status == Status.OK
    assert any("CPUExecutionProvider" in line for line in finding.details)


def cuda_finding(here: Probe, cuda: Cuda, jetson: str | None = None) -> Finding:
    probed = replace(here, cuda=cuda, host=replace(here.host, jetson=jetson))
    return one(checks.cuda_check(probed, choose(probed)))


def test_no_driver_is_fine(here: Probe) -> None:
    finding = cuda_finding(here, Cuda(None, (), None, torch_installed=False, onnxruntime=None))
    assert finding.status == Status.OK
    assert "CPU" in finding.message


def test_an_old_driver_is_named_with_the_one_needed_with_simulated_gpu(here: Probe) -> None:
    finding = cuda_finding(here, Cuda("470.256.02", GPU, "12.8", torch_installed=True, onnxruntime=None))
    assert finding.status == Status.WARNING
    assert "CUDA 12.x needs driver 535 or newer, this machine has 470.256.02" in finding.message
    assert "driver 535" in finding.fix


def test_a_gpu_without_a_library_for_it_says_what_to_install_with_simulated_gpu(here: Probe) -> None:
    finding = cuda_finding(here, Cuda("550.54.14", GPU, None, torch_installed=False, onnxruntime=None))
    assert finding.status == Status.WARNING
    assert "make run" in finding.fix


def test_a_vanished_gpu_is_a_warning_with_simulated_gpu(here: Probe) -> None:
    finding = cuda_finding(here, Cuda("550.54.14", (), "12.8", torch_installed=True, onnxruntime=None))
    assert finding.status == Status.WARNING
    assert "nvidia-smi" in finding.fix


def test_a_good_gpu_and_a_good_jetson_with_simulated_gpu(here: Probe) -> None:
    assert cuda_finding(here, Cuda("550.54.14", GPU, "12.8", torch_installed=True, onnxruntime=None)).status == "ok"
    jetson = cuda_finding(here, Cuda(None, (), "12.6", torch_installed=True, onnxruntime=None), jetson="R36.4.7")
    assert jetson.status == Status.OK


@pytest.mark.parametrize(("mib", "status"), [(100, Status.PROBLEM), (400, Status.WARNING), (4000, Status.OK)])
def test_memory(here: Probe, mib: int, status: Status) -> None:
    probed = replace(here, host=replace(here.host, memory=Memory(8 << 30, mib << 20)))
    finding = one(checks.memory_check(probed, choose(probed)))
    assert finding.status == status
    assert bool(finding.fix) == (status != Status.OK)


@pytest.mark.parametrize(("degrees", "status"), [(50.0, Status.OK), (90.0, Status.WARNING), (105.0, Status.PROBLEM)])
def test_temperature(degrees: float, status: Status) -> None:
    finding = one(checks.temperature_check({"gpu_temperature_c": degrees, "cpu_temperature_c": 40.0}))
    assert finding.status == status
    assert finding.message == f"CPU 40 °C, GPU {degrees:.0f} °C"


def test_no_sensor_is_no_problem() -> None:
    assert one(checks.temperature_check({})).status == Status.OK


def test_less_than_one_core_is_a_warning(here: Probe) -> None:
    slow = replace(here, host=replace(here.host, cpu=replace(here.host.cpu, usable=0.5)))
    finding = one(checks.processor_check(slow, choose(slow)))
    assert finding.status == Status.WARNING
    assert "cpu.max" in finding.fix


def test_missing_face_models_raise_with_the_fix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(face_models.read, "__defaults__", (tmp_path,))
    with pytest.raises(UnhealthyError) as caught:
        list(checks.face_models_check())
    assert "make setup" in caught.value.hint


def test_the_motion_network_loads() -> None:
    finding = one(checks.motion_check())
    assert finding.status == Status.OK
    assert "onnxruntime on cpu" in finding.message


def test_all_checks_by_name() -> None:
    names = [check.name for check in checks.checks()]
    assert len(names) == len(set(names)) == 10
