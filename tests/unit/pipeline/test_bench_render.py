"""No test here judges how fast the machine is."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

import av
import numpy as np

import appliance
from appliance.pipeline import avatars, bench_encode, fragments
from appliance.pipeline.bench_measure import measure
from appliance.pipeline.bench_render import Row, render_table
from appliance.volumes import Volumes
from tests.sounds import speech


def test_the_yardstick_encodes_the_pictures_of_a_file(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures.nv12"
    np.random.default_rng(0).integers(16, 235, (80, 192 * 3 // 2, 256), np.uint8).tofile(pictures)
    command = [sys.executable, "-m", "appliance.pipeline.bench_encode", str(pictures), "256", "192", "25", "libx264"]
    assert measure([*command, str(tmp_path)], os.environ).cpu_s > 0
    found = [fragments.check(path) for path in sorted(tmp_path.glob("*.alone"))]
    assert [fragment.frames for fragment in found if fragment] == [75, 5]


def test_the_yardsticks_pictures_are_those_of_a_render(tmp_path: Path) -> None:
    sound, pictures, video = tmp_path / "a.wav", tmp_path / "a.nv12", tmp_path / "a.mp4"
    speech(sound, "Hello, my name is Anna.")
    volumes = Volumes(tmp_path / "root")
    bench_encode.paint(avatars.resolve("demo", volumes), sound, pictures)
    with appliance.load_model().generate("demo", sound, volumes=volumes) as rendered:
        rendered.save(video)
    with av.open(str(video)) as container:
        shown = np.stack([frame.to_ndarray(format="nv12").astype(np.int16) for frame in container.decode(video=0)])
    painted = np.fromfile(pictures, np.uint8).reshape(shown.shape)
    # Apart by what encoding loses.
    assert np.abs(painted[::5].astype(np.int16) - shown[::5]).mean() < 1


def test_the_table_has_a_line_for_each_row_and_survives_json() -> None:
    row = Row("portrait", 60.0, 1024, 1024, 3, 6.0, 11.0, 10.0, 7.0, 11 / 7, 321.4)
    other = Row("template 1080p25", 60.0, 1920, 1080, 3, 30.0, 50.0, 2.0, None, None, 400.0)
    machine = {
        "cpu": "some CPU",
        "architecture": "x86_64",
        "cores_used": 2,
        "python": "3.11.2",
        "encoder": "libx264",
        "load_before": 0.1,
    }
    report = {
        "machine": machine,
        "rows": [asdict(row), asdict(other)],
        "peak_growth_mb": 12.0,
    }
    table = render_table(json.loads(json.dumps(report)))
    portrait, template = (line.split() for line in table.splitlines()[3:5])
    assert portrait == ["portrait", "60", "1024x1024", "6.00", "10.0", "11.00", "1.57", "321"]
    assert template == ["template", "1080p25", "60", "1920x1080", "30.00", "2.0", "50.00", "-", "400"]
    assert table.endswith("+12 MB")
