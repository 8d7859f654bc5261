"""Falling back from a GPU that fails. No GPU is here, so it is simulated by an engine that fails like one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from appliance.pipeline import motion_engines, motion_weights
from appliance.pipeline.motion import MotionModel, load_motion_model
from appliance.pipeline.motion_engines import Array, Engine, State
from appliance.pipeline.motion_guard import GuardedEngine, is_out_of_memory
from appliance.pipeline.track import CURVES, MotionTrack


class SimulatedGpu:
    """The real network behind a GPU's temper: `fault(call, frames)` may raise."""

    def __init__(self, fault: Callable[[int, int], None]) -> None:
        self._engine = motion_engines.load(motion_weights.read(None), "onnxruntime", "cpu")
        self._fault = fault
        self._calls = 0

    def initial(self) -> State:
        return self._engine.initial()

    def run(self, mel: Array, state: State) -> tuple[Array, State]:
        self._calls += 1
        self._fault(self._calls, len(mel))
        return self._engine.run(mel, state)


def tune(seconds: float) -> np.ndarray:
    random = np.random.default_rng(1)
    return (
        0.2 * np.repeat(random.random(int(seconds * 8)), 2000) * random.standard_normal(int(seconds * 16000))
    ).astype(np.float32)


def model_on(gpu: Engine) -> MotionModel:
    model = load_motion_model()
    on_cpu = lambda: motion_engines.load(motion_weights.read(None), "onnxruntime", "cpu")  # noqa: E731
    model._guard = GuardedEngine(gpu, "cuda", on_cpu, model.warnings)
    return model


def track_of(model: MotionModel, samples: np.ndarray) -> MotionTrack:
    stream = model.stream(25.0)
    parts = [stream.push(samples[start : start + 24000]) for start in range(0, len(samples), 24000)]
    return MotionTrack.joined([*parts, stream.finish()])


def assert_undisturbed(track: MotionTrack, samples: np.ndarray) -> None:
    expected = track_of(load_motion_model(), samples)
    assert len(track) == len(expected)
    for name in CURVES:
        np.testing.assert_allclose(getattr(track, name), getattr(expected, name), atol=1e-4)


def test_a_gpu_that_vanishes_is_replaced_by_the_cpu_with_simulated_gpu() -> None:
    def vanish(call: int, _frames: int) -> None:
        if call >= 3:
            raise RuntimeError("CUDA error: device-side assert, the device fell off the bus")

    model, samples = model_on(SimulatedGpu(vanish)), tune(12)
    assert model.device == "cuda"
    track = track_of(model, samples)
    assert model.device == "cpu"
    assert any("going on on the CPU" in warning for warning in model.warnings)
    assert_undisturbed(track, samples)


def test_little_gpu_memory_means_smaller_blocks_with_simulated_gpu() -> None:
    def cramped(_call: int, frames: int) -> None:
        if frames > 70:
            raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB")

    model, samples = model_on(SimulatedGpu(cramped)), tune(9)
    track = track_of(model, samples)
    assert model.device == "cuda"
    assert any("smaller blocks" in warning for warning in model.warnings)
    assert_undisturbed(track, samples)


def test_no_gpu_memory_at_all_means_the_cpu_with_simulated_gpu() -> None:
    def full(_call: int, _frames: int) -> None:
        raise MemoryError("Failed to allocate memory for requested buffer of size 65536")

    model, samples = model_on(SimulatedGpu(full)), tune(6)
    track = track_of(model, samples)
    assert model.device == "cpu"
    assert_undisturbed(track, samples)


def test_a_fault_of_the_cpu_is_not_hidden_with_simulated_engine() -> None:
    def broken(_call: int, _frames: int) -> None:
        raise RuntimeError("illegal instruction")

    model = load_motion_model()
    model._guard = GuardedEngine(SimulatedGpu(broken), "cpu", lambda: SimulatedGpu(broken), model.warnings)
    with pytest.raises(RuntimeError, match="illegal"):
        model.stream(25.0).push(tune(2))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), True),
        (RuntimeError("onnxruntime: Failed to allocate memory for requested buffer"), True),
        (RuntimeError("CUDA error: unspecified launch failure"), False),
    ],
)
def test_out_of_memory_is_told_from_other_faults(error: Exception, expected: bool) -> None:
    assert is_out_of_memory(error) is expected
