"""The choice is a pure function, so every machine can be described and judged; none of them need exist here."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

from appliance.pipeline.hardware.choose import choose
from appliance.pipeline.hardware.cuda import Cuda, Gpu
from appliance.pipeline.hardware.host import Cpu, Host, Memory
from appliance.pipeline.hardware.probe import Encoder, Probe

GIB = 1 << 30
LAPTOP = Probe(
    host=Host(
        machine="x86_64",
        system="Linux 6.1",
        libc="glibc 2.36",
        python="3.11.2",
        board=None,
        jetson=None,
        rk3588=False,
        npu=False,
        cpu=Cpu("some CPU", ("avx2",), cores=4, usable=4.0),
        memory=Memory(8 * GIB, 6 * GIB),
    ),
    cuda=Cuda(driver=None, gpus=(), torch=None, torch_installed=False, onnxruntime=None),
    providers=("CPUExecutionProvider",),
    encoders=(Encoder("h264_nvenc", "no such device"), Encoder("libx264", None)),
)
GPU = (Gpu("NVIDIA RTX A2000", 6 * GIB),)


def said(probe: Probe) -> str:
    return "\n".join(str(one) for one in choose(probe).refusals)


def test_a_laptop_gets_the_cpu_and_every_refusal_its_reason() -> None:
    choice = choose(LAPTOP)
    assert (choice.engine, choice.device, choice.encoder, choice.render_threads) == ("onnxruntime", "cpu", "libx264", 4)
    assert choice.providers == ("CPUExecutionProvider",)
    assert set(choice.reasons) == {"engine", "encoder", "render_threads"}
    assert "h264_nvenc: not used because no such device" in said(LAPTOP)
    assert "torch on CUDA: not used because torch is not installed" in said(LAPTOP)
    assert json.loads(json.dumps(asdict(choice)))["encoder"] == "libx264"


def test_torch_with_cuda_is_chosen_with_simulated_gpu() -> None:
    cuda = Cuda("535.183.01", GPU, torch="12.8", torch_installed=True, onnxruntime=None)
    choice = choose(replace(LAPTOP, cuda=cuda))
    assert (choice.engine, choice.device) == ("torch", "cuda")
    assert choice.providers == ("CPUExecutionProvider",)
    assert "NVIDIA RTX A2000" in choice.reasons["engine"]


def test_onnxruntime_with_cuda_comes_before_torch_with_simulated_gpu() -> None:
    cuda = Cuda("580.65.06", GPU, torch="13.0", torch_installed=True, onnxruntime="12.8")
    choice = choose(replace(LAPTOP, cuda=cuda, providers=("CUDAExecutionProvider", "CPUExecutionProvider")))
    assert (choice.engine, choice.device) == ("onnxruntime", "cuda")
    assert choice.providers == ("CUDAExecutionProvider", "CPUExecutionProvider")


def test_an_old_driver_falls_back_to_the_cpu_and_says_why_with_simulated_gpu() -> None:
    cuda = Cuda("525.147.05", GPU, torch="12.8", torch_installed=True, onnxruntime=None)
    probe = replace(LAPTOP, cuda=cuda)
    assert choose(probe).device == "cpu"
    assert "CUDA 12.x needs driver 535 or newer, this machine has 525.147.05" in said(probe)


def test_a_driver_without_gpu_is_not_used_with_simulated_gpu() -> None:
    cuda = Cuda("535.183.01", (), torch="12.8", torch_installed=True, onnxruntime=None)
    probe = replace(LAPTOP, cuda=cuda)
    assert choose(probe).device == "cpu"
    assert "reports no GPU" in said(probe)


def test_a_jetson_uses_its_own_torch_with_simulated_board() -> None:
    cuda = Cuda(None, (), torch="12.6", torch_installed=True, onnxruntime=None)
    choice = choose(replace(LAPTOP, cuda=cuda, host=replace(LAPTOP.host, jetson="R36.4.7")))
    assert (choice.engine, choice.device) == ("torch", "cuda")


def test_the_first_working_hardware_encoder_is_chosen() -> None:
    encoders = (Encoder("h264_nvenc", "no device"), Encoder("h264_rkmpp", None), Encoder("libx264", None))
    assert choose(replace(LAPTOP, encoders=encoders)).encoder == "h264_rkmpp"


def test_the_npu_is_refused_by_name_with_simulated_board() -> None:
    assert "RK3588 NPU: not used because" in said(replace(LAPTOP, host=replace(LAPTOP.host, rk3588=True, npu=True)))


def threads(usable: float, available: int) -> tuple[int, str]:
    host = replace(LAPTOP.host, cpu=replace(LAPTOP.host.cpu, usable=usable), memory=Memory(8 * GIB, available))
    choice = choose(replace(LAPTOP, host=host))
    return choice.render_threads, choice.reasons["render_threads"]


def test_threads_follow_cores_quota_and_memory() -> None:
    assert threads(2.0, 4 * GIB)[0] == 2
    assert threads(1.5, 4 * GIB)[0] == 1
    assert threads(0.3, 4 * GIB)[0] == 1
    assert threads(64.0, 32 * GIB)[0] == 16
    count, reason = threads(8.0, 500 << 20)
    assert count == 3
    assert "500 MiB" in reason
    assert threads(8.0, 10 << 20)[0] == 1
