"""Fragments to MP4: the whole way from painted pictures and samples to what a player and a browser show."""

from __future__ import annotations

import functools
import http.server
import json
import queue
import shutil
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from appliance.errors import CancelledError, InputError
from appliance.pipeline import samples
from appliance.pipeline.aac import SoundWriter
from appliance.pipeline.encoder import EncoderSettings, FragmentEncoder
from appliance.pipeline.mux import join
from appliance.pipeline.progress import Job, Progress
from tests import sounds

SIDE = 96


def brightness(index: int) -> int:
    """Every picture is of one grey, which tells which one it is."""
    return 30 + index * 7 % 200


def pictures(folder: Path, rate: Fraction, count: int, *, per_fragment: int = 20, quality: int = 20) -> list[Path]:
    settings = EncoderSettings(SIDE, SIDE, rate, quality=quality)
    paths = []
    for first in range(0, count, per_fragment):
        paths.append(folder / f"p{first:06d}")
        with FragmentEncoder(paths[-1], settings) as encoder:
            encoder.uv[:] = 128
            for index in range(first, min(first + per_fragment, count)):
                encoder.y[:] = brightness(index)
                encoder.write()
    return paths


def sound(path: Path, truth: sounds.Samples, rate: int, seconds: Fraction | None = None) -> Path:
    writer = SoundWriter(path, rate, len(truth))
    writer.write(samples.to_frame(truth, rate))
    if seconds is not None:
        writer.pad(seconds)
    writer.close()
    return path


def shown(path: Path) -> list[tuple[Fraction, float]]:
    """When each picture is shown, and its brightness."""
    with av.open(str(path)) as container:
        return [
            (Fraction(frame.pts or 0) * Fraction(frame.time_base or 0), float(frame.to_ndarray()[:SIDE].mean()))
            for frame in container.decode(video=0)
        ]


def boxes(path: Path) -> list[bytes]:
    """The types of the file's top-level boxes."""
    data = path.read_bytes()
    place, found = 0, []
    while place < len(data):
        size, kind = struct.unpack_from(">I4s", data, place)
        found.append(kind)
        place += size
    return found


@pytest.fixture
def small(tmp_path: Path) -> tuple[list[Path], Path]:
    """50 pictures and two seconds of sound."""
    work = tmp_path / "work"
    work.mkdir()
    return pictures(work, Fraction(25), 50), sound(work / "s", sounds.bursts(2, 16000), 16000)


@pytest.mark.parametrize(
    "rate",
    [
        Fraction(25),
        Fraction(30),
        Fraction(30000, 1001),
        Fraction(24000, 1001),
        Fraction(50),
        Fraction(60),
        Fraction(25, 2),
    ],
)
@pytest.mark.parametrize("sound_rate", [16000, 44100])
def test_picture_and_sound_start_together_and_end_within_a_frame(
    tmp_path: Path, rate: Fraction, sound_rate: int
) -> None:
    truth = sounds.bursts(1.63, sound_rate)
    count = int(1.63 * rate) + 1
    track = sound(tmp_path / "s", truth, sound_rate, seconds=count / rate)
    out = tmp_path / "o.mp4"
    assert join(pictures(tmp_path, rate, count), track, out, Job()) == count

    seen = shown(out)
    assert [time for time, _ in seen] == [index / rate for index in range(count)]
    assert all(abs(grey - brightness(index)) < 4 for index, (_, grey) in enumerate(seen))
    heard, heard_rate = sounds.read(out)
    assert heard_rate == sound_rate
    assert abs(sounds.lag_s(heard[0], truth[0], sound_rate)) < 0.002
    assert heard[0, : truth.shape[1]].std() == pytest.approx(truth.std(), rel=0.1)
    with av.open(str(out)) as container:
        picture, track_ = container.streams.video[0], container.streams.audio[0]
        assert picture.start_time == track_.start_time == 0
        lengths = [Fraction(s.duration or 0) * Fraction(s.time_base or 0) for s in (picture, track_)]
        assert lengths[0] == count / rate
        assert abs(lengths[0] - lengths[1]) < 1 / rate
        assert picture.average_rate == rate


def test_the_file_is_what_a_browser_wants(tmp_path: Path, small: tuple[list[Path], Path]) -> None:
    out = tmp_path / "o.mp4"
    join(*small, out, Job())
    assert boxes(out).index(b"moov") < boxes(out).index(b"mdat")
    with av.open(str(out)) as container:
        picture, track = container.streams.video[0].codec_context, container.streams.audio[0].codec_context
        assert (picture.name, picture.profile, picture.pix_fmt) == ("h264", "High", "yuv420p")
        assert (picture.color_primaries, picture.color_trc, picture.colorspace, picture.color_range) == (1, 1, 1, 1)
        assert not picture.has_b_frames
        assert (track.name, track.profile) == ("aac", "LC")
    keys = [packet.is_keyframe for packet in av.open(str(out)).demux(video=0) if packet.size]
    assert [index for index, key in enumerate(keys) if key] == [0, 20, 40]


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="ffprobe is not installed")
def test_another_reader_finds_no_fault(tmp_path: Path, small: tuple[list[Path], Path]) -> None:
    out = tmp_path / "o.mp4"
    join(*small, out, Job())
    command = ["ffprobe", "-v", "warning", "-count_frames", "-show_streams", "-of", "json", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    picture, track = json.loads(done.stdout)["streams"]
    assert (picture["nb_read_frames"], picture["color_space"], picture["color_range"]) == ("50", "bt709", "tv")
    assert float(picture["start_time"]) == float(track["start_time"]) == 0
    assert abs(float(picture["duration"]) - float(track["duration"])) < 0.04


def test_sound_that_is_longer_is_cut_with_the_last_picture(tmp_path: Path) -> None:
    out = tmp_path / "o.mp4"
    join(pictures(tmp_path, Fraction(25), 30), sound(tmp_path / "s", sounds.tone(5, 8000), 8000), out, Job())
    with av.open(str(out)) as container:
        track = container.streams.audio[0]
        assert Fraction(track.duration or 0) * Fraction(track.time_base or 0) == pytest.approx(1.2, abs=0.04)
        assert (container.duration or 0) / 1e6 == pytest.approx(1.2, abs=0.04)


def test_progress_counts_the_pictures(tmp_path: Path, small: tuple[list[Path], Path]) -> None:
    seen: list[Progress] = []
    join(*small, tmp_path / "o.mp4", Job(seen.append))
    assert [report.done for report in seen] == list(range(1, 51))
    assert {(report.stage, report.total) for report in seen} == {("join", 50)}


def test_cancelling_keeps_what_was_there_and_leaves_nothing_else(
    tmp_path: Path, small: tuple[list[Path], Path]
) -> None:
    out = tmp_path / "out" / "o.mp4"
    out.parent.mkdir()
    out.write_bytes(b"older")
    job = Job(lambda report: job.cancel() if report.done > 30 else None)
    with pytest.raises(CancelledError):
        join(*small, out, job)
    assert out.read_bytes() == b"older"
    assert list(out.parent.iterdir()) == [out]


def test_a_fragment_that_is_damaged_missing_or_different_is_not_joined(
    tmp_path: Path, small: tuple[list[Path], Path]
) -> None:
    paths, track = small
    out = tmp_path / "o.mp4"
    faster, coarser = tmp_path / "faster", tmp_path / "coarser"
    faster.mkdir()
    coarser.mkdir()
    strangers = [*pictures(faster, Fraction(30), 5), *pictures(coarser, Fraction(25), 5, quality=30)]
    for wrong in (tmp_path / "missing", *strangers):
        with pytest.raises(ValueError, match="fragment"):
            join([*paths, wrong], track, out, Job())
    paths[1].write_bytes(paths[1].read_bytes()[:-5])
    with pytest.raises(ValueError, match="not a whole fragment"):
        join(paths, track, out, Job())
    with pytest.raises(ValueError, match="fragments"):
        join([], track, out, Job())
    assert not out.exists()


def test_outputs_that_cannot_be_written(tmp_path: Path, small: tuple[list[Path], Path]) -> None:
    with pytest.raises(InputError, match="there is no folder") as caught:
        join(*small, tmp_path / "no" / "o.mp4", Job())
    assert caught.value.hint
    with pytest.raises(InputError, match="it is a folder"):
        join(*small, tmp_path, Job())


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path: Path, small: tuple[list[Path], Path]) -> None:
    """The kernel's limit on file size fails writes exactly where a full disk does."""
    paths, track = small
    out = tmp_path / "out" / "o.mp4"
    out.parent.mkdir()
    program = (
        "import sys, resource, signal\nfrom pathlib import Path\n"
        "from appliance.errors import UnhealthyError\nfrom appliance.pipeline import mux, progress\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)\n"
        "paths = [Path(name) for name in sys.argv[2:]]\n"
        "try:\n    mux.join(paths[2:], paths[1], paths[0], progress.Job())\n"
        "except UnhealthyError as error:\n    print(error.message, error.hint)"
    )
    join(paths, track, tmp_path / "whole.mp4", Job())
    whole = (tmp_path / "whole.mp4").stat().st_size
    for limit in (0, 1000, whole // 2, whole - 1):
        command = [sys.executable, "-c", program, str(limit), str(out), str(track), *map(str, paths)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert f"cannot write {out}: File too large" in done.stdout, limit
        assert f"free some space on the disk that holds {out.parent}" in done.stdout
        assert list(out.parent.iterdir()) == []


def test_memory_is_flat_in_the_length_of_the_output(tmp_path: Path) -> None:
    program = (
        "import sys, resource\nfrom pathlib import Path\nfrom appliance.pipeline import mux, progress\n"
        "out, sound, picture, times = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])\n"
        "print(mux.join([picture] * times, sound, out, progress.Job()))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    (picture,) = pictures(tmp_path, Fraction(25), 100, per_fragment=100)
    peaks = []
    for times in (15, 450):
        track = sound(tmp_path / f"{times}", sounds.tone(1, 8000), 8000, seconds=Fraction(4 * times))
        command = [sys.executable, "-c", program, str(tmp_path / "o.mp4"), str(track), str(picture), str(times)]
        joined, peak_kib = map(int, subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
        assert joined == 100 * times
        peaks.append(peak_kib / 1024)
    assert peaks[1] - peaks[0] < 25


PAGE = """<!doctype html><video id=v muted></video><script>
const tell = said => fetch("/said", {method: "POST", body: JSON.stringify(said)});
const once = (what, name) => new Promise(done => what.addEventListener(name, done, {once: true}));
window.onerror = (message) => tell({error: String(message)});
v.addEventListener("error", () => tell({error: v.error.message}));
(async () => {
  const said = {greys: []};
  // Python's server cannot send a part of a file, without which nobody can seek; a blob can.
  const file = await (await fetch("o.mp4")).blob();
  v.src = URL.createObjectURL(file);
  await once(v, "loadeddata");
  Object.assign(said, {width: v.videoWidth, height: v.videoHeight, duration: v.duration});
  const canvas = new OffscreenCanvas(8, 8), pen = canvas.getContext("2d");
  // "seeked" comes before the picture can be drawn; every seek here is to a picture that is not shown yet.
  const shown = time => new Promise(done => {
    const look = (_, frame) => Math.abs(frame.mediaTime - time) < 0.02 ? done() : v.requestVideoFrameCallback(look);
    v.requestVideoFrameCallback(look);
  });
  for (const index of [7, 0, 33, 20, 49]) {
    const there = shown(index / 25);
    v.currentTime = (index + 0.5) / 25;
    await there;
    pen.drawImage(v, 0, 0, 8, 8);
    said.greys.push([index, pen.getImageData(4, 4, 1, 1).data[0]]);
  }
  v.currentTime = 0;
  await once(v, "seeked");
  await v.play();
  await once(v, "ended");
  said.ended = v.currentTime;
  const sound = await new OfflineAudioContext(1, 1, 16000).decodeAudioData(await file.arrayBuffer());
  said.sound = [sound.duration, sound.getChannelData(0).reduce((peak, one) => Math.max(peak, one), 0)];
  tell(said);
})().catch(reason => tell({error: String(reason)}));
</script>"""


class Listener(http.server.SimpleHTTPRequestHandler):
    """Serves a folder, and hears what the page has to say."""

    said: queue.Queue[dict[str, object]]

    def do_POST(self) -> None:
        self.said.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


@pytest.fixture
def chromium(tmp_path: Path) -> Iterator[Callable[[str], None]]:
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not installed")
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    flags += " --disable-component-update --disable-sync --autoplay-policy=no-user-gesture-required"
    command = [program, *flags.split(), f"--user-data-dir={tmp_path / 'profile'}"]
    started: list[subprocess.Popen[bytes]] = []

    def start(url: str) -> None:
        started.append(subprocess.Popen([*command, url], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    yield start
    for process in started:
        process.terminate()
        process.wait(20)


@pytest.mark.slow
def test_a_browser_plays_and_seeks(
    tmp_path: Path, small: tuple[list[Path], Path], chromium: Callable[[str], None]
) -> None:
    site = tmp_path / "site"
    site.mkdir()
    join(*small, site / "o.mp4", Job())
    (site / "index.html").write_text(PAGE)
    Listener.said = queue.Queue()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Listener, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        chromium(f"http://127.0.0.1:{server.server_port}/index.html")
        said = Listener.said.get(timeout=90)
        server.shutdown()
    assert "error" not in said, said
    assert (said["width"], said["height"]) == (SIDE, SIDE)
    assert said["duration"] == pytest.approx(2, abs=0.04)
    assert said["ended"] == pytest.approx(2, abs=0.1)
    greys = said["greys"]
    assert isinstance(greys, list)
    for index, grey in greys:
        assert grey == pytest.approx((brightness(index) - 16) * 255 / 219, abs=5), index
    length, peak = np.asarray(said["sound"])
    assert length == pytest.approx(2, abs=0.1)
    assert peak > 0.1
