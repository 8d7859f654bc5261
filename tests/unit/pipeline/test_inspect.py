"""An uploaded file is told for what it is by decoding it; what can serve as nothing is refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from appliance import settings
from appliance.errors import CancelledError, InputError
from appliance.pipeline.inspect import PEAKS, inspect
from appliance.pipeline.progress import Job, Progress
from tests import moving_pictures, sounds

FRAMES = moving_pictures.numbered(20)


def looked(path: Path) -> dict[str, object]:
    result = inspect(path, Job())
    assert set(result) == {"type", "seconds", "width", "height", "waveform", "warnings"}
    assert json.loads(json.dumps(result)) == result
    return result


def refusal(path: Path) -> InputError:
    with pytest.raises(InputError) as error:
        inspect(path, Job())
    assert str(path) in error.value.message
    assert error.value.hint
    return error.value


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "picture.mp4"])
def test_a_picture_whatever_its_name(tmp_path: Path, name: str) -> None:
    suffix = ".png" if name.endswith("mp4") else Path(name).suffix
    _, data = cv2.imencode(suffix, np.full((40, 64, 3), 90, np.uint8))
    (tmp_path / name).write_bytes(data.tobytes())
    picture: dict[str, object] = {
        "type": "picture",
        "seconds": None,
        "width": 64,
        "height": 40,
        "waveform": [],
        "warnings": [],
    }
    assert looked(tmp_path / name) == picture


@pytest.mark.parametrize("case", ["wav", "mp3", "webm", "m4a"])
def test_a_sound_with_its_waveform(tmp_path: Path, case: str) -> None:
    name, codec, rate, channels = sounds.FORMATS[case]
    quiet = sounds.tone(1, rate, channels=channels, level=0.05)
    loud = sounds.tone(1, rate, channels=channels, level=0.6)
    path = sounds.write(tmp_path / name, np.concatenate([quiet, loud], axis=1), rate, codec=codec)
    result = looked(path)
    assert (result["type"], result["width"], result["height"]) == ("sound", None, None)
    assert result["seconds"] == pytest.approx(2, abs=0.1)
    waveform = result["waveform"]
    assert isinstance(waveform, list)
    assert len(waveform) == PEAKS
    assert np.median(waveform[: PEAKS // 2]) == pytest.approx(0.05, abs=0.02)
    assert np.median(waveform[PEAKS // 2 :]) == pytest.approx(0.6, abs=0.06)


@pytest.mark.parametrize("samples", [1, 100, 5000])
def test_the_shortest_sounds_have_a_whole_waveform(tmp_path: Path, samples: int) -> None:
    path = sounds.write(tmp_path / "a.wav", np.full((1, samples), 0.5, np.float32), 16000)
    assert looked(path)["waveform"] == [0.5] * PEAKS


def test_a_silent_recording_is_told(tmp_path: Path) -> None:
    path = sounds.write(tmp_path / "a.wav", np.zeros((1, 16000), np.float32), 16000)
    assert looked(path)["warnings"] == [f"{path} is silent"]


def test_a_recording_shorter_than_its_header_says_is_told(tmp_path: Path) -> None:
    path = sounds.write(tmp_path / "a.wav", sounds.tone(2, 16000), 16000)
    path.write_bytes(path.read_bytes()[:40_000])
    result = looked(path)
    assert result["seconds"] == pytest.approx(1.25, abs=0.05)
    assert result["warnings"] == [f"{path} is shorter than its header says; it is used as far as it goes"]


def test_a_video_with_and_without_sound(tmp_path: Path) -> None:
    mute = looked(moving_pictures.write_video(tmp_path / "mute.mp4", FRAMES))
    assert mute == {"type": "video", "seconds": 0.8, "width": 64, "height": 48, "waveform": [], "warnings": []}
    heard = looked(moving_pictures.write_video(tmp_path / "heard.mp4", FRAMES, sound=True))
    assert (heard["type"], heard["seconds"]) == ("video", 0.8)
    assert heard["waveform"] == [0.0] * PEAKS


def test_a_video_too_long_for_an_avatar_can_still_be_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "MAX_TEMPLATE_SECONDS", 0.0)
    times = [100 * i for i in range(20)]
    heard = moving_pictures.write_video(tmp_path / "heard.mkv", FRAMES, times=times, sound=True)
    result = looked(heard)
    assert result["type"] == "sound"
    assert f"only its sound can be used, not its pictures: {heard} is longer than" in str(result["warnings"])
    assert "longer than" in refusal(moving_pictures.write_video(tmp_path / "mute.mkv", FRAMES, times=times)).message


def test_cover_art_does_not_make_a_sound_a_video(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    _, cover = cv2.imencode(".png", FRAMES[0])
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libmp3lame", 44100, layout="mono")
        picture = container.add_mux_stream("png", 1, width=64, height=48)
        picture.disposition = av.stream.Disposition.attached_pic
        packet = av.Packet(cover.tobytes())
        packet.stream = picture
        frame = av.AudioFrame.from_ndarray(sounds.tone(1, 44100), "fltp", "mono")
        frame.sample_rate = 44100
        container.mux(packet)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert looked(path)["type"] == "sound"


def test_what_is_nothing_is_refused(tmp_path: Path) -> None:
    text, empty, cut = tmp_path / "a.wav", tmp_path / "b.mp4", tmp_path / "c.mp4"
    text.write_text("hello")
    empty.touch()
    cut.write_bytes(moving_pictures.write_video(tmp_path / "whole.mp4", FRAMES).read_bytes()[:600])
    assert "neither a picture, a video nor a recording" in refusal(text).message
    assert "is empty" in refusal(empty).message
    assert "neither a picture, a video nor a recording" in refusal(cut).message
    assert "is a folder" in refusal(tmp_path).message
    assert "does not exist" in refusal(tmp_path / "nowhere").message


def test_a_picture_over_the_limit_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "MAX_IMAGE_PIXELS", 64 * 40 - 1)
    _, data = cv2.imencode(".png", np.full((40, 64, 3), 90, np.uint8))
    (tmp_path / "a.png").write_bytes(data.tobytes())
    assert "too large" in refusal(tmp_path / "a.png").message


@pytest.mark.parametrize("kind", ["picture", "video", "sound"])
def test_can_be_called_off_and_says_how_far_it_is(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.bin"
    if kind == "picture":
        path.write_bytes(cv2.imencode(".png", FRAMES[0])[1].tobytes())
    elif kind == "video":
        moving_pictures.write_video(tmp_path / "a.mp4", FRAMES).rename(path)
    else:
        sounds.write(tmp_path / "a.wav", sounds.tone(5, 16000), 16000).rename(path)
    seen: list[Progress] = []
    inspect(path, Job(seen.append))
    assert {one.stage for one in seen} == {"decode"}
    assert (seen[-1].done, seen[0].done) == (seen[-1].total, 0)

    def listen(progress: Progress) -> None:
        if progress.done:
            job.cancel()

    job = Job(listen)
    if kind != "picture":
        with pytest.raises(CancelledError):
            inspect(path, job)
