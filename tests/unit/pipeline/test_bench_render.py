"""No test here judges how fast the machine is."""

from __future__ import annotations

import json
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from appliance.pipeline.bench_render import Row, encode_cpu_s, render_table


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "video.mp4"
    noise = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(25))
        stream.width, stream.height, stream.pix_fmt = 320, 256, "yuv420p"
        for _ in range(20):
            picture = noise.integers(0, 255, (256, 320, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "bgr24")))
        container.mux(stream.encode(None))
    return path


def test_encoding_alone_costs_something_and_leaves_nothing(video: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    assert encode_cpu_s(video, work, "libx264") > 0
    assert list(work.iterdir()) == []


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
