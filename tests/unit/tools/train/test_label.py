"""Labels of real voices: what is not learnt from."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="labelling needs torch")

import torch

from appliance.pipeline.mel import BANDS, FRAME_HZ
from appliance.pipeline.motion_net import MotionNet
from tools.train import label
from tools.train.corpus import NOT_WHEN
from tools.train.phones import INDEX, PHONES
from tools.train.takes import Takes


def test_a_silence_as_loud_as_what_is_said_is_a_voice_that_was_missed() -> None:
    loudness = np.array([-20.0] * 5 + [-10.0] * 10 + [-9.0] * 3 + [-20.0] * 2, np.float32)
    phone = np.array([INDEX["sil"]] * 5 + [INDEX["a"]] * 10 + [INDEX["sil"]] * 5, np.uint8)
    missed = label._missed(np.repeat(loudness[:, None], BANDS, axis=1), phone)
    assert np.flatnonzero(missed).tolist() == [15, 16, 17]


def test_a_planned_sound_stays_near_its_place_whatever_the_network_hears(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(label, "POOR_FIT", -np.inf)
    torch.manual_seed(0)
    names, starts = ["p", "a", "m", "o"], np.array([0.2, 0.35, 0.5, 0.65], np.float32)
    random = np.random.default_rng(0)
    takes = Takes(
        mel=random.uniform(-20, 0, (200, BANDS)).astype(np.float16),
        bounds=np.array([0, 100, 200]),
        phone=np.array([INDEX[name] for name in names] * 2, np.uint8),
        start=np.tile(starts, 2),
        end=np.tile(starts + np.float32(0.15), 2),
        pause=np.array([True, False, False, False] * 2),
        sounds=np.array([0, 4, 8]),
    )
    net = MotionNet(extra=len(PHONES))
    found, undated = label.placed(net, takes, when=True), label.placed(net, takes, when=False)
    assert found is not None
    assert undated is not None
    assert (set(found.trust), set(undated.trust)) == ({1}, {NOT_WHEN})
    assert found.bounds.tolist() == [0, 100, 200]
    for utterance in (found.phone[:100], found.phone[100:]):
        for name, start in zip(names, starts, strict=True):
            at = np.flatnonzero(utterance == INDEX[name]) / FRAME_HZ
            assert len(at)
            assert at.min() >= start - label.SLACK_S - 0.011
            assert at.max() < start + 0.15 + label.SLACK_S + 0.011
    monkeypatch.setattr(label, "POOR_FIT", np.inf)
    assert label.placed(net, takes, when=True) is None
