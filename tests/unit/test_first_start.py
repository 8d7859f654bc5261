"""The overlay's `first-start`, as the image runs it, on the folder of a box."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.storage.config import FILE, FILE_SIZE, ConfigStore
from appliance.volumes import Volumes

SCRIPT = Path(__file__).parents[2] / "rootfs-overlay/usr/lib/mouthpiece/first-start"
SETTINGS = {"settings": {"lan": True, "https_port": 443}}


@pytest.fixture
def volumes(tmp_path: Path) -> Volumes:
    return Volumes(tmp_path)


def first_start(volumes: Volumes) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "MOUTHPIECE_ROOT": str(volumes.root)}
    done = subprocess.run([sys.executable, SCRIPT], env=environment, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    return done


def test_a_new_box_is_one_for_the_network(volumes: Volumes) -> None:
    assert first_start(volumes).returncode == 0
    assert ConfigStore(volumes).read() == SETTINGS


def test_a_box_that_has_a_configuration_keeps_it(volumes: Volumes) -> None:
    ConfigStore(volumes).update(lambda values: values.update(name="lobby"))
    assert first_start(volumes).returncode == 0
    assert ConfigStore(volumes).read() == {"name": "lobby"}


def test_one_that_cannot_be_read_now_is_there_when_it_can_be_read_again(volumes: Volumes) -> None:
    store, flash = ConfigStore(volumes), volumes.config / FILE
    store.update(lambda values: values.update(name="lobby"))
    content = flash.read_bytes()
    flash.write_bytes(misread := bytes(FILE_SIZE))
    done = first_start(volumes)
    assert (done.returncode, done.stderr) == (1, "no copy of the configuration is readable; it is left as it is\n")
    assert flash.read_bytes() == misread
    assert store.load().lost
    flash.write_bytes(content)
    assert store.read() == {"name": "lobby"}


def test_a_very_first_write_that_a_power_cut_tore_is_made_again(volumes: Volumes) -> None:
    ConfigStore(volumes).update(lambda values: values.update(SETTINGS))
    flash = volumes.config / FILE
    flash.write_bytes(flash.read_bytes()[:40].ljust(FILE_SIZE, b"\xff"))
    assert first_start(volumes).returncode == 0
    assert ConfigStore(volumes).read() == SETTINGS


def test_a_chip_that_does_not_answer_is_said(volumes: Volumes) -> None:
    (volumes.config / FILE).mkdir(parents=True)
    done = first_start(volumes)
    assert done.returncode == 1
    assert done.stderr.startswith("cannot read the configuration in ")
