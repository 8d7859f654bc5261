"""From phones to mouth curves."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="training needs torch")

import torch

from tools.train.phones import INDEX
from tools.train.targets import targets


def phones(*runs: tuple[str, int]) -> torch.Tensor:
    return torch.tensor([[INDEX[phone] for phone, frames in runs for _ in range(frames)]])


def test_a_closure_shuts_the_mouth_between_open_vowels() -> None:
    want = targets(phones(("a", 20), ("m", 8), ("a", 20)))
    assert want.closure[0, 20:28].min() == 1
    assert want.closure.sum() == 8
    assert want.opening[0, 24] < 0.05
    assert want.opening[0, 5] > 0.9


@pytest.mark.parametrize(("stop", "closed"), [("p", 5), ("b", 7), ("m", 10)])
def test_a_stop_is_judged_from_its_second_frame_to_its_burst(stop: str, closed: int) -> None:
    weight = targets(phones(("a", 20), (stop, 10), ("a", 20))).closure_weight[0]
    assert (weight[[20, 19, 30]] == 0).all()
    assert weight[21 : 20 + closed].tolist() == pytest.approx([5.0 / (closed - 1)] * (closed - 1))
    assert (weight[20 + closed : 30] == 0).all()
    assert (weight[:18] == 1).all()


@pytest.mark.parametrize(("sound", "frames"), [("m", 4), ("m", 8), ("m", 11), ("b", 5), ("b", 9), ("p", 6)])
def test_a_short_closure_weighs_as_much_as_a_long_one(sound: str, frames: int) -> None:
    want = targets(phones(("a", 20), (sound, frames), ("a", 20)))
    assert (want.closure_weight * want.closure).sum() == pytest.approx(5.0)


def test_no_frame_of_a_closure_outweighs_three_others_however_short_it_is() -> None:
    weight = targets(phones(("a", 20), ("m", 2), ("a", 20), ("m", 40), ("a", 20))).closure_weight[0]
    assert weight.max() == 3
    assert weight[43:82].tolist() == [0.5] * 39


def test_two_closures_in_a_row_are_weighed_each() -> None:
    weight = targets(phones(("a", 20), ("m", 8), ("b", 5), ("a", 20))).closure_weight[0]
    assert weight[20:28].sum() == pytest.approx(5.0)
    assert weight[28:33].sum() == pytest.approx(5.0)


def test_silence_is_shut_and_no_speech() -> None:
    want = targets(phones(("sil", 40)))
    assert want.opening.max() == 0
    assert want.vad.max() == 0
    assert want.viseme.max() == 0


def test_rounding_comes_before_its_sound() -> None:
    want = targets(phones(("s", 20), ("u", 20)))
    assert 0.05 < want.rounding[0, 18] < want.rounding[0, 21] < want.rounding[0, 30]
