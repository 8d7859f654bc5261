from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from appliance.commands.record import listening_network, voice_activity
from appliance.pipeline import motion_weights
from appliance.pipeline.motion_int8 import SUFFIX
from appliance.pipeline.sound import open_sound
from appliance.storage import nor_model
from appliance.volumes import Volumes
from tests import sounds

SMALL = motion_weights.SHIPPED.with_suffix(SUFFIX)


@pytest.fixture
def volumes(tmp_path: Path) -> Volumes:
    volumes = Volumes(tmp_path)
    for folder in (volumes.model, volumes.run):
        folder.mkdir(parents=True)
    return volumes


def flash(volumes: Volumes, content: bytes) -> None:
    (volumes.model / nor_model.FILE).write_bytes(content.ljust(1 << 20, b"\xff"))


def test_who_listens_uses_the_network_in_the_nor_though_the_disks_copy_is_gone(
    volumes: Volumes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flash(volumes, nor_model.image(SMALL.read_bytes()))
    monkeypatch.setattr(motion_weights, "SHIPPED", tmp_path / "gone.safetensors")
    with open_sound(sounds.speech(tmp_path / "speech.wav")) as reader:
        speech = np.concatenate([block.speech for block in reader.blocks()])
    likely = np.asarray(voice_activity(listening_network(volumes))(speech))
    assert (likely > 0.5).mean() > 0.5


@pytest.mark.parametrize("content", [b"", nor_model.image(b"no network")], ids=["blank", "no network"])
def test_where_that_is_damaged_the_disks_copy_serves(volumes: Volumes, content: bytes) -> None:
    flash(volumes, content)
    assert listening_network(volumes).device == "cpu"
