"""`mouthpiece bench render`: what a render costs, measured on the command that users run.

Each row renders in a process of its own and takes that process's wall time, CPU time and peak resident size from the
kernel. For comparison the same pictures are painted once more into a file, and a program that does nothing but encode
them with the same settings (`bench_encode`) is measured in the same way; the file takes 1.6 MB a picture. Wall and CPU
time are medians over the repeats of one run, the peak is the largest seen. Everything is confined to two cores, so that
machines with more compare, and happens in a temporary root, so that nothing of it stays.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from appliance.pipeline import avatars
from appliance.pipeline.bench_encode import paint
from appliance.pipeline.bench_material import draw_template, speak, write_speech
from appliance.pipeline.bench_measure import Usage, measure
from appliance.pipeline.hardware.choose import choose
from appliance.pipeline.hardware.probe import probe
from appliance.pipeline.options import Options
from appliance.pipeline.scene import Scene
from appliance.volumes import Volumes

CORES = 2
LONG_SECONDS = 30 * 60.0
_MEGABYTE = 1e6


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of render. `real_time` is seconds of video a second; `encode_cpu_s` is None if not measured."""

    name: str
    seconds: float
    width: int
    height: int
    repeats: int
    wall_s: float
    cpu_s: float
    real_time: float
    encode_cpu_s: float | None
    cpu_over_encode: float | None
    peak_mb: float


class Bench:
    """One run of the benchmark. `work` is an empty directory for everything it writes."""

    def __init__(self, work: Path, speech: Path | None, repeats: int, codec: str) -> None:
        self._work = work
        self._codec = codec
        self._repeats = repeats
        # The pipeline's own data goes below `work` too, so that packs made here do not stay.
        self._volumes = Volumes(work / "root")
        self._environment = os.environ | {"MOUTHPIECE_ROOT": str(self._volumes.root)}
        if speech is None:
            speech = work / "sentences.wav"
            speak(speech)
        self._speech = speech

    def row(self, name: str, avatar: str, seconds: float, *, repeats: int | None = None, alone: bool = True) -> Row:
        sound, video = self._work / "speech.wav", self._work / "out.mp4"
        write_speech(sound, seconds, self._speech)
        command = [sys.executable, "-m", "appliance", "render", "--json"]
        command += ["--avatar", avatar, "--audio", str(sound), "--out", str(video)]
        usages = [self._measured(command) for _ in range(repeats or self._repeats)]
        wall = statistics.median(usage.wall_s for usage in usages)
        cpu = statistics.median(usage.cpu_s for usage in usages)
        width, height = _size(video)
        encode = self._encode_alone(avatar, sound, (width, height)) if alone else None
        return Row(
            name=name,
            seconds=seconds,
            width=width,
            height=height,
            repeats=len(usages),
            wall_s=wall,
            cpu_s=cpu,
            real_time=seconds / wall,
            encode_cpu_s=encode,
            cpu_over_encode=cpu / encode if encode else None,
            peak_mb=max(usage.peak_bytes for usage in usages) / _MEGABYTE,
        )

    def _measured(self, command: list[str]) -> Usage:
        """A run that finds nothing of the one before in the cache."""
        shutil.rmtree(self._volumes.cache, ignore_errors=True)
        return measure(command, self._environment)

    def _encode_alone(self, avatar: str, sound: Path, size: tuple[int, int]) -> float:
        """CPU seconds of a program that is given the pictures of the render, and encodes them."""
        pack = avatars.resolve(avatar, self._volumes)
        pictures = self._work / "pictures.nv12"
        paint(pack, sound, pictures)
        command = [sys.executable, "-m", "appliance.pipeline.bench_encode", str(pictures), *map(str, size)]
        command += [str(Scene(pack, Options()).rate), self._codec, str(self._work)]
        spent = statistics.median(measure(command, self._environment).cpu_s for _ in range(self._repeats))
        pictures.unlink()
        return spent

    def enrol(self, avatar: str) -> None:
        """Render one second, so that the avatar's pack exists before anything is measured."""
        self.row("warm up", avatar, 1.0, repeats=1, alone=False)


def _size(video: Path) -> tuple[int, int]:
    import av

    with av.open(str(video)) as container:
        return container.streams.video[0].width, container.streams.video[0].height


def run(*, quick: bool = False, long: bool = False, avatar: str = "demo", speech: Path | None = None) -> dict[str, Any]:
    """The whole benchmark: 60 s of a portrait and of a 1080p template, and with `long` 30 minutes of the portrait.

    `quick` measures 10 s once, to see that everything runs. `speech` is a PCM WAV file to repeat; without it espeak-ng
    speaks. Returns `{"machine": {...}, "rows": [Row as dict, ...], "peak_growth_mb": float | None}`.
    """
    seconds, repeats = (10.0, 1) if quick else (60.0, 3)
    allowed = os.sched_getaffinity(0)
    found = probe()
    host, codec = found.host, choose(found).encoder
    machine = {
        "cpu": host.cpu.model,
        "architecture": host.machine,
        "cores_used": min(CORES, len(allowed)),
        "python": host.python,
        "encoder": codec,
        "load_before": round(os.getloadavg()[0], 2),
    }
    rows: list[Row] = []
    growth = None
    os.sched_setaffinity(0, sorted(allowed)[:CORES])
    try:
        with tempfile.TemporaryDirectory(prefix="mouthpiece-bench-") as name:
            work = Path(name)
            bench = Bench(work, speech, repeats, codec)
            bench.enrol(avatar)
            rows.append(bench.row("portrait", avatar, seconds))
            template = work / "template.mp4"
            draw_template(template)
            bench.enrol(str(template))
            rows.append(bench.row("template 1080p25", str(template), seconds, alone=False))
            if long:
                rows.append(bench.row("portrait, long", avatar, LONG_SECONDS, repeats=1, alone=False))
                growth = rows[-1].peak_mb - rows[0].peak_mb
    finally:
        os.sched_setaffinity(0, allowed)
    return {"machine": machine, "rows": [asdict(row) for row in rows], "peak_growth_mb": growth}


def render_table(report: dict[str, Any]) -> str:
    """The report as text for people."""
    machine = report["machine"]
    lines = [
        f"{machine['cpu']} ({machine['architecture']}), {machine['cores_used']} cores, Python {machine['python']}, "
        f"{machine['encoder']}, load before {machine['load_before']}",
        "",
        f"{'render':<18}{'seconds':>8}{'size':>12}{'wall s':>9}{'x real':>8}{'CPU s':>8}{'/encode':>9}{'peak MB':>9}",
    ]
    for row in report["rows"]:
        ratio = f"{row['cpu_over_encode']:.2f}" if row["cpu_over_encode"] else "-"
        lines.append(
            f"{row['name']:<18}{row['seconds']:>8g}{row['width']:>7}x{row['height']:<4}{row['wall_s']:>9.2f}"
            f"{row['real_time']:>8.1f}{row['cpu_s']:>8.2f}{ratio:>9}{row['peak_mb']:>9.0f}"
        )
    if report["peak_growth_mb"] is not None:
        lines += ["", f"peak memory of 30 minutes against the short render: {report['peak_growth_mb']:+.0f} MB"]
    return "\n".join(lines)
