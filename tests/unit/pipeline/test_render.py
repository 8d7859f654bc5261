"""What a render does when the hardware under it fails. No GPU and no hardware encoder exist where tests run, so those
are simulated; everything else is real."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import pytest

from appliance.errors import CancelledError
from appliance.pipeline import motion_engines
from appliance.pipeline import render as module
from appliance.pipeline.avatars import resolve
from appliance.pipeline.encoder import EncoderSettings, FragmentEncoder, NoEncoderError
from appliance.pipeline.hardware.choose import Choice
from appliance.pipeline.motion import MotionModel, load_motion_model
from appliance.pipeline.motion_engines import Array, State
from appliance.pipeline.motion_weights import Weights
from appliance.pipeline.options import Options
from appliance.pipeline.pack import AvatarPack
from appliance.pipeline.progress import Job, Progress
from appliance.pipeline.render import render
from appliance.pipeline.report import Report
from appliance.volumes import Volumes
from tests import sounds

CHOICE = Choice("onnxruntime", "cpu", ("CPUExecutionProvider",), "libx264", 2, {}, ())
HARDWARE = replace(CHOICE, encoder="h264_nvenc")
OPTIONS = Options(expand_ratio=0.0, lip_sync_correction=False)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> AvatarPack:
    return resolve("demo", Volumes(tmp_path_factory.mktemp("box")))


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seconds, two segments."""
    return sounds.write(tmp_path_factory.mktemp("sound") / "a.wav", sounds.bursts(5, 16000), 16000)


@pytest.fixture(scope="module")
def plain(demo: AvatarPack, sound: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The video that every fallback must arrive at."""
    folder = tmp_path_factory.mktemp("plain")
    make(demo, sound, folder, load_motion_model(), CHOICE)
    return (folder / "o.mp4").read_bytes()


def make(
    demo: AvatarPack, sound: Path, folder: Path, model: MotionModel, choice: Choice, job: Job | None = None
) -> Report:
    return render(demo, sound, folder, folder / "o.mp4", OPTIONS, model, choice, job or Job())


def simulate_nvenc(monkeypatch: pytest.MonkeyPatch, *, pictures: int = 1000, openings: int = 1000) -> list[str]:
    """x264 by the name of NVENC, which fails after so many; returns the list of what it did before."""
    done: list[str] = []

    class Simulated(FragmentEncoder):
        def __init__(self, path: Path, settings: EncoderSettings) -> None:
            self._is_nvenc = settings.codec == "h264_nvenc"
            if self._is_nvenc and done.count("opened") == openings:
                raise NoEncoderError("the encoder h264_nvenc does not open: no device", hint="choose libx264")
            done.append("opened")
            super().__init__(path, replace(settings, codec="libx264"))

        def write(self) -> None:
            if self._is_nvenc and done.count("written") >= pictures:
                raise av.error.ExternalError(542398533, "Generic error in an external library", "avcodec_send_frame()")
            done.append("written")
            super().write()

    monkeypatch.setattr(module, "FragmentEncoder", Simulated)
    return done


@pytest.mark.parametrize("fault", [{"pictures": 40}, {"openings": 1}])
def test_a_hardware_encoder_that_is_lost_mid_job_is_replaced_with_simulated_nvenc(
    demo: AvatarPack,
    sound: Path,
    plain: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: dict[str, int],
) -> None:
    done = simulate_nvenc(monkeypatch, **fault)
    report = make(demo, sound, tmp_path, load_motion_model(), HARDWARE)
    assert len(done) > 125, "it was at work before it failed, and all was made again"
    assert report.encoder == "libx264"
    (warning,) = report.warnings
    assert warning.startswith("the encoder h264_nvenc failed (")
    assert warning.endswith("made with libx264 instead")
    assert (tmp_path / "o.mp4").read_bytes() == plain


def test_a_fault_of_the_software_encoder_is_not_hidden_with_simulated_fault(
    demo: AvatarPack, sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: FragmentEncoder) -> None:
        raise av.error.ExternalError(542398533, "Generic error in an external library")

    monkeypatch.setattr(FragmentEncoder, "write", fail)
    with pytest.raises(av.error.ExternalError):
        make(demo, sound, tmp_path, load_motion_model(), CHOICE)
    assert not (tmp_path / "o.mp4").exists()


def test_a_gpu_that_vanishes_mid_job_is_replaced_by_the_cpu_with_simulated_gpu(
    demo: AvatarPack, sound: Path, plain: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load, calls = motion_engines.load, iter(range(1000))

    class Gpu:
        """The network on the CPU, by another name."""

        def __init__(self, weights: Weights) -> None:
            self._engine = load(weights, "onnxruntime", "cpu")

        def initial(self) -> State:
            return self._engine.initial()

        def run(self, mel: Array, state: State) -> tuple[Array, State]:
            if next(calls) == 3:
                raise RuntimeError("CUDA error: device lost")
            return self._engine.run(mel, state)

    monkeypatch.setattr(
        motion_engines,
        "load",
        lambda weights, engine, device: Gpu(weights) if device == "cuda" else load(weights, engine, device),
    )
    model = load_motion_model(device="cuda")
    assert model.device == "cuda"
    report = make(demo, sound, tmp_path, model, CHOICE)
    assert report.device == "cpu"
    (warning,) = report.warnings
    assert "the GPU failed" in warning
    assert "device lost" in warning
    assert (tmp_path / "o.mp4").read_bytes() == plain


@pytest.mark.parametrize("threads", [1, 5])
def test_the_video_does_not_depend_on_the_number_of_threads(
    demo: AvatarPack, sound: Path, plain: bytes, tmp_path: Path, threads: int
) -> None:
    report = make(demo, sound, tmp_path, load_motion_model(), replace(CHOICE, render_threads=threads))
    assert report.threads == threads
    assert (tmp_path / "o.mp4").read_bytes() == plain


def test_cancelling_stops_every_thread(demo: AvatarPack, sound: Path, tmp_path: Path) -> None:
    seen: list[Progress] = []

    def listen(progress: Progress) -> None:
        seen.append(progress)
        if len(seen) == 30:
            job.cancel()

    job = Job(listen)
    with pytest.raises(CancelledError):
        make(demo, sound, tmp_path, load_motion_model(), CHOICE, job)
    assert len(seen) == 30
    assert not (tmp_path / "o.mp4").exists()


def test_progress_counts_every_picture_up_to_the_end(demo: AvatarPack, sound: Path, tmp_path: Path) -> None:
    seen: list[Progress] = []
    make(demo, sound, tmp_path, load_motion_model(), CHOICE, Job(seen.append))
    rendered = [one for one in seen if one.stage == "render"]
    assert len(rendered) == 125
    assert max(one.done for one in rendered) == 125
    assert {one.total for one in rendered} == {125}
    assert [one.stage for one in seen[125:]] == ["join"] * 125
