"""Labels of real voices: what is not learnt from."""

from __future__ import annotations

import numpy as np

from appliance.pipeline.mel import BANDS
from tools.train import label
from tools.train.phones import INDEX


def test_a_silence_as_loud_as_what_is_said_is_a_voice_that_was_missed() -> None:
    loudness = np.array([-20.0] * 5 + [-10.0] * 10 + [-9.0] * 3 + [-20.0] * 2, np.float32)
    phone = np.array([INDEX["sil"]] * 5 + [INDEX["a"]] * 10 + [INDEX["sil"]] * 5, np.uint8)
    missed = label._missed(np.repeat(loudness[:, None], BANDS, axis=1), phone)
    assert np.flatnonzero(missed).tolist() == [15, 16, 17]
