"""No test here judges how fast the machine is."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from appliance.errors import UnhealthyError
from appliance.pipeline import fragments
from appliance.pipeline.bench_measure import measure
from appliance.pipeline.bench_render import Row, render_table


def test_the_yardstick_encodes_what_it_is_handed(tmp_path: Path) -> None:
    noise = np.random.default_rng(0)
    handed = [noise.integers(16, 235, (192 * 3 // 2, 256), np.uint8).tobytes() for _ in range(80)]
    command = [sys.executable, "-m", "appliance.pipeline.bench_encode", "256", "192", "25", "libx264", str(tmp_path)]
    assert measure(command, os.environ, handed).cpu_s > 0
    found = [fragments.check(path) for path in sorted(tmp_path.glob("*.alone"))]
    assert [fragment.frames for fragment in found if fragment] == [75, 5]


def test_a_program_that_fails_is_told_with_its_words() -> None:
    with pytest.raises(UnhealthyError, match="no such thing"):
        measure([sys.executable, "-c", "raise SystemExit('no such thing')"], os.environ, [b"unread"] * 100)


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
