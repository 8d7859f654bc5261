"""The int8 network: checked, small, and close to the float one on voices that neither has heard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from appliance.errors import InputError
from appliance.pipeline import motion_int8, motion_weights
from appliance.pipeline.motion import MotionModel, load_motion_model
from appliance.pipeline.track import CURVES

SHIPPED = motion_weights.SHIPPED.with_suffix(motion_int8.SUFFIX)
AGREEMENT = 0.03
"""Mean absolute difference of any curve, of a range of 1; measured: at most 0.013 on clean voices."""
LOST = 0.05
"""Of closure recall or precision; measured: at most 0.03 on clean voices."""


def model() -> MotionModel:
    return MotionModel(motion_int8.read(SHIPPED), "onnxruntime", "cpu")


def test_it_was_made_from_the_float_network_beside_it() -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(SHIPPED), providers=["CPUExecutionProvider"])
    made_from = session.get_modelmeta().custom_metadata_map["made_from"]
    assert made_from == motion_weights.read(None).sha256, "run `python -m tools.train.int8`"


def test_it_takes_little_more_than_a_byte_a_weight() -> None:
    weights = sum(tensor.size for tensor in motion_weights.read(None).tensors.values())
    assert SHIPPED.stat().st_size < 1.25 * weights
    assert SHIPPED.stat().st_size < 1_000_000


def test_it_has_the_inputs_and_outputs_of_the_float_network() -> None:
    import onnxruntime

    def ports(path: Path) -> list[tuple[str, str, list[object]]]:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        return [(port.name, port.type, port.shape) for port in (*session.get_inputs(), *session.get_outputs())]

    assert ports(SHIPPED) == ports(motion_weights.SHIPPED.with_suffix(".onnx"))


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: data[:1000],
        lambda _data: b"",
        lambda data: data[:5000] + bytes([data[5000] ^ 1]) + data[5001:],
        lambda data: data[:-1] + bytes([data[-1] ^ 1]),
        lambda data: data + data,
    ],
    ids=["last byte cut", "cut", "empty", "one bit of a weight", "one bit of the checksum", "twice"],
)
def test_a_damaged_file_is_refused(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "mine.int8.onnx"
    path.write_bytes(damage(SHIPPED.read_bytes()))
    with pytest.raises(InputError, match=r"mine\.int8\.onnx is damaged"):
        motion_int8.read(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"mine\.int8\.onnx is missing"):
        motion_int8.read(tmp_path / "mine.int8.onnx")


def test_torch_cannot_run_it() -> None:
    pytest.importorskip("torch")
    with pytest.raises(InputError):
        MotionModel(motion_int8.read(SHIPPED), "torch", "cpu")


def test_it_shows_the_same_however_the_sound_is_cut() -> None:
    random = np.random.default_rng(3)
    sound = (0.2 * np.repeat(random.random(40), 800) * random.standard_normal(32000)).astype(np.float32)
    whole, cut = model().stream(25), model().stream(25)
    parts = [cut.push(sound[start : start + 700]) for start in range(0, len(sound), 700)]
    at_once = np.concatenate([whole.push(sound).opening, whole.finish().opening])
    in_parts = np.concatenate([*(part.opening for part in parts), cut.finish().opening])
    np.testing.assert_allclose(in_parts, at_once, atol=1e-4)


def test_it_agrees_with_the_float_network_and_finds_as_many_closures() -> None:
    pytest.importorskip("torch", reason="the truth is made by the training code, which needs torch")
    from tools.train import corpus
    from tools.train.baselines import figures, network, utterances

    if not Path("/usr/share/festival/voices/english/kal_diphone").exists():
        pytest.skip("festvox-kallpc16k is not installed")
    (kal,) = (voice for voice in corpus.VALIDATION if voice.name == "kal_diphone")
    voices, truths = utterances(kal, 60.0, seed=77)
    exact, small = network(load_motion_model()), network(model())
    pairs = [(exact(samples), small(samples)) for samples in voices]
    for name in CURVES:
        apart = np.concatenate([np.abs(getattr(a, name) - getattr(b, name)) for a, b in pairs])
        assert apart.mean() < AGREEMENT, name
    float_figures, int8_figures = figures(exact, voices, truths), figures(small, voices, truths)
    assert float_figures["closures"] > 40
    for name in ("closure_recall", "closure_precision", "opening_r", "vad_f1"):
        assert int8_figures[name] > float_figures[name] - LOST, name
