from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.pipeline.hardware.cuda import built_for, read_cuda, refusal

PROPRIETARY = (
    "NVRM version: NVIDIA UNIX x86_64 Kernel Module  525.147.05  Wed Oct 25 20:27:35 UTC 2023\n"
    "GCC version:  gcc version 12.2.0 (Debian 12.2.0-14)\n"
)
OPEN = (
    "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build  (dvs-builder@U22)\n"
    "GCC version:  gcc version 12.2.0 (Debian 12.2.0-14)\n"
)


@pytest.mark.parametrize(("text", "version"), [(PROPRIETARY, "525.147.05"), (OPEN, "580.65.06")])
def test_driver_version_from_simulated_proc(tmp_path: Path, text: str, version: str) -> None:
    path = tmp_path / "proc/driver/nvidia/version"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    cuda = read_cuda(tmp_path)
    assert cuda.driver == version
    assert cuda.gpus == ()


def test_an_old_driver_is_refused_with_both_versions_named() -> None:
    assert refusal("525.147.05", "12.8", None) == "CUDA 12.x needs driver 535 or newer, this machine has 525.147.05"


@pytest.mark.parametrize(("driver", "runtime"), [("535.54.03", "12.1"), ("580.65", "13.0"), ("580.65", "12.8")])
def test_a_new_enough_driver_is_not_refused(driver: str, runtime: str) -> None:
    assert refusal(driver, runtime, None) is None


def test_a_driver_for_cuda_12_is_too_old_for_cuda_13() -> None:
    assert "CUDA 13.x needs driver 580" in (refusal("575.57.08", "13.0", None) or "")


def test_no_driver_is_refused_except_on_a_jetson() -> None:
    assert refusal(None, "12.8", None) == "no NVIDIA driver is loaded"
    assert refusal(None, "12.6", "R36.4.7") is None


def test_the_build_of_a_library_is_read_without_importing_it() -> None:
    """The installed torch says "+cpu" in its version when it is a CPU build; the file must say the same."""
    pytest.importorskip("onnxruntime")
    code = (
        "import sys; from appliance.pipeline.hardware.cuda import built_for;"
        "print(built_for('torch'), built_for('onnxruntime'), 'torch' in sys.modules, 'onnxruntime' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert said[2:] == ["False", "False"]
    try:
        torch_version = importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        assert said[0] == "None"
    else:
        assert (said[0] == "None") == torch_version.endswith("+cpu")


@pytest.mark.parametrize(
    ("text", "cuda"),
    [
        ("__version__ = '2.13.0+cu128'\ncuda: Optional[str] = '12.8'\nhip: Optional[str] = None\n", "12.8"),
        ("__version__ = '2.13.0+cpu'\ncuda: Optional[str] = None\n", None),
    ],
)
def test_a_torch_build_tells_its_cuda_from_simulated_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, cuda: str | None
) -> None:
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch/__init__.py").write_text("raise ImportError('must not be imported')\n")
    (tmp_path / "torch/version.py").write_text(text)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert built_for("torch") == cuda
