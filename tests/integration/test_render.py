"""Sound and a face in, a talking video out: what is in the file, whatever the sound and the face came in."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests import moving_pictures, sounds
from tests.integration.box import Box, leftovers

Planes = NDArray[np.uint8]

MOUTH = slice(126, 158), slice(104, 152)
"""The drawing's mouth and some skin around it, rows and columns at 256 x 256."""
ROOM_FOR_CODING = 10
"""Grey levels that lossy coding may be off."""


def luma(path: Path) -> Planes:
    """The pictures [N, H, W]."""
    with av.open(str(path)) as video:
        frames = [frame.reformat(format="gray").to_ndarray() for frame in video.decode(video=0)]
    return np.stack(cast("list[Planes]", frames))


def assert_together(path: Path, frames: int, rate: Fraction = Fraction(25)) -> None:
    """Picture and sound start together, and end within a frame of each other, by their own packets."""
    with av.open(str(path)) as video:
        picture, sound = video.streams.video[0], video.streams.audio[0]
        assert picture.start_time == 0
        assert sound.start_time == 0
        shown = [packet for packet in video.demux(picture) if packet.size]
        assert len(shown) == frames
        assert picture.duration is not None
        assert picture.time_base is not None
        assert picture.duration * picture.time_base == frames / rate
    heard, hertz = sounds.read(path)
    # A decoder gives out the last AAC frame whole.
    assert -1 / rate <= Fraction(heard.shape[1], hertz) - frames / rate <= 1 / rate + Fraction(1024, hertz)


@pytest.fixture(scope="module")
def still(drawing: NDArray[np.uint8]) -> Planes:
    """The drawing as a video's luma shows it (limited range stretched)."""
    return np.asarray(cv2.cvtColor(drawing, cv2.COLOR_BGR2GRAY), np.uint8)


def opening(pictures: Planes) -> NDArray[np.float64]:
    """How much of the mouth of each picture differs from the first picture's, 0..1."""
    mouths = pictures[:, *MOUTH].astype(int)
    return np.asarray((np.abs(mouths - mouths[0]) > 40).mean(axis=(1, 2)))


def spoken(speech: Path) -> tuple[sounds.Samples, int]:
    """A 16-bit recording as floats [1, n], and its rate."""
    samples, rate = sounds.read(speech)
    return (samples / 32768).astype(np.float32), rate


def test_the_mouth_opens_while_there_is_a_voice(box: Box, tmp_path: Path, portrait: Path, speech: Path) -> None:
    voice, rate = spoken(speech)
    pause = np.zeros((1, rate), np.float32)
    sound = sounds.write(tmp_path / "a.wav", np.hstack([pause, voice, pause]), rate)
    report = box.render(portrait, sound, tmp_path / "o.mp4")
    shown = opening(luma(tmp_path / "o.mp4"))
    middle = slice(25, len(shown) - 25)
    assert shown[:20].max() < 0.02
    assert shown[middle].max() > 0.06
    assert shown[middle].std() > 0.01, "it moves"
    assert shown[-8:].max() < 0.03
    assert_together(tmp_path / "o.mp4", report["frames"])
    assert leftovers(tmp_path) == []


def test_silence_is_a_living_closed_mouth(box: Box, tmp_path: Path, portrait: Path) -> None:
    sound = sounds.write(tmp_path / "a.wav", np.zeros((1, 8 * 16000), np.float32), 16000)
    report = box.render(portrait, sound, tmp_path / "o.mp4")
    assert report["frames"] == 200
    pictures = luma(tmp_path / "o.mp4")
    darkest = pictures[:, *MOUTH].min(axis=(1, 2)).astype(int)
    assert np.abs(darkest - darkest[0]).max() < 3 * ROOM_FOR_CODING, "no cavity shows"
    assert opening(pictures).max() < 0.05
    eyes = pictures[:, 60:115, 70:186].astype(int)
    change = np.abs(eyes - eyes[0]).mean(axis=(1, 2))
    assert change.max() > 3, "it blinks"
    assert (np.abs(np.diff(eyes, axis=0)).mean(axis=(1, 2)) > 0.1).mean() > 0.1, "it moves now and then"


@pytest.mark.parametrize("name", ["wav-telephone-mu-law", "wav-192-khz", "wav-5.1", "mp3", "opus", "m4a"])
def test_any_sound_file(box: Box, tmp_path: Path, portrait: Path, name: str) -> None:
    file, codec, rate, channels = sounds.FORMATS[name]
    truth = sounds.bursts(1.5, rate, channels=channels)
    sound = sounds.write(tmp_path / file, truth, rate, codec=codec)
    report = box.render(portrait, sound, tmp_path / "o.mp4")
    assert report["warnings"] == []
    assert report["seconds"] == pytest.approx(1.5, abs=0.1)
    assert_together(tmp_path / "o.mp4", report["frames"])
    heard, heard_rate = sounds.read(tmp_path / "o.mp4")
    there = np.interp(np.arange(0, 1.5, 1 / heard_rate), np.arange(truth.shape[1]) / rate, truth[0]).astype(np.float32)
    assert abs(sounds.lag_s(heard[0], there, heard_rate)) < 0.002
    assert np.corrcoef(heard[0, : len(there)], there)[0, 1] > 0.9, "it is the same sound"


def test_a_video_with_sound_as_the_recording(box: Box, tmp_path: Path, portrait: Path) -> None:
    film = moving_pictures.write_video(tmp_path / "film.mp4", moving_pictures.numbered(5), sound=True)
    report = box.render(portrait, film, tmp_path / "o.mp4")
    assert report["seconds"] == pytest.approx(1.0, abs=0.15)


def test_a_clipped_recording(box: Box, tmp_path: Path, portrait: Path, speech: Path) -> None:
    voice, rate = spoken(speech)
    loud = np.clip(50 * voice, -1, 1).astype(np.float32)
    report = box.render(portrait, sounds.write(tmp_path / "a.wav", loud, rate), tmp_path / "o.mp4")
    assert report["warnings"] == []
    assert opening(luma(tmp_path / "o.mp4")).max() > 0.05


@pytest.mark.parametrize("rate", [8000, 48000])
def test_a_sound_of_one_sample(box: Box, tmp_path: Path, portrait: Path, rate: int) -> None:
    report = box.render(
        portrait, sounds.write(tmp_path / "a.wav", sounds.tone(1 / rate, rate), rate), tmp_path / "o.mp4"
    )
    assert report["frames"] == 1
    assert_together(tmp_path / "o.mp4", 1)


@pytest.mark.parametrize(("seconds", "frames"), [("0.5", 13), ("3.2", 80)])
def test_duration_trims_or_holds(
    box: Box, tmp_path: Path, portrait: Path, speech: Path, seconds: str, frames: int
) -> None:
    report = box.render(portrait, speech, tmp_path / "o.mp4", "--duration", seconds)
    assert report["frames"] == pytest.approx(frames, abs=1)
    assert_together(tmp_path / "o.mp4", report["frames"])
    if frames > 60:
        assert opening(luma(tmp_path / "o.mp4"))[-8:].max() < 0.05, "at rest after the last word"


def test_a_small_portrait_is_enlarged(box: Box, tmp_path: Path, portrait: Path, speech: Path) -> None:
    report = box.render(portrait, speech, tmp_path / "o.mp4", "--min-resolution", "400", "--duration", "0.2")
    assert (report["width"], report["height"]) == (400, 400)
    assert luma(tmp_path / "o.mp4").shape == (5, 400, 400)


def test_only_the_face(box: Box, tmp_path: Path, portrait: Path, speech: Path) -> None:
    report = box.render(portrait, speech, tmp_path / "o.mp4", "--expand-ratio", "0", "--duration", "0.2")
    assert max(report["width"], report["height"]) < 220


def test_the_same_input_gives_the_same_file(box: Box, tmp_path: Path, portrait: Path, speech: Path) -> None:
    first, second, other = (tmp_path / f"{name}.mp4" for name in ("first", "second", "other"))
    # Long enough for several segments, whose threads finish in any order.
    longer = ("--duration", "7", "--offset-ms", "300")
    box.render(portrait, speech, first, *longer)
    Box(tmp_path / "without a cache of the first").render(portrait, speech, second, *longer)
    assert first.read_bytes() == second.read_bytes()
    box.render(portrait, speech, other, *longer, "--seed", "1")
    assert first.read_bytes() != other.read_bytes()


def test_a_repeated_command_tells_what_it_had_of_the_cache(tmp_path: Path, portrait: Path, speech: Path) -> None:
    box, first, second = Box(tmp_path / "box"), tmp_path / "first.mp4", tmp_path / "second.mp4"
    cold = box.render(portrait, speech, first, "--expand-ratio", "0.5")
    warm = box.render(portrait, speech, second, "--expand-ratio", "0.5")
    assert first.read_bytes() == second.read_bytes()
    assert (cold["cached_frames"], warm["cached_frames"]) == (0, warm["frames"])
    assert (cold["cache"]["hits"], warm["cache"]["misses"]) == (0, 0)
    assert set(cold["cache"]["kinds"]) == {"landmarks", "frame", "motion", "fragment"}
    assert warm["cache"]["read_bytes"] > 0
    assert warm["cache"]["saved_s"] > 0
    assert (cold["bytes_written"]["cache"], warm["bytes_written"]["cache"]) == (cold["cache"]["admitted_bytes"], 0)
    assert cold["bytes_written"]["output"] == first.stat().st_size
    told = box.run("storage", "status")
    assert "fragment: 1 items" in told.stdout
    assert json.loads(box.run("storage", "status", "--json").stdout)["cache"]["kinds"]["motion"]["hits"] == 1


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, drawing: NDArray[np.uint8]) -> Path:
    """A second of the drawing moving from left to right, at 12.5 fps."""
    pictures = []
    for step in range(12):
        move = np.array([[1, 0, step - 6], [0, 1, 0]], np.float64)
        shifted = cv2.warpAffine(drawing, move, (256, 256), borderMode=cv2.BORDER_REPLICATE)
        pictures.append(np.asarray(shifted, dtype=np.uint8))
    path = tmp_path_factory.mktemp("template") / "film.mp4"
    return moving_pictures.write_video(path, pictures, rate=Fraction(25, 2))


def test_a_template_video_and_a_longer_sound(box: Box, tmp_path: Path, template: Path, speech: Path) -> None:
    report = box.render(template, speech, tmp_path / "o.mp4")
    assert report["fps"] == 12.5
    assert report["seconds"] > 1.5
    assert_together(tmp_path / "o.mp4", report["frames"], Fraction(25, 2))
    # The background is what moves; a jump back would be twelve pixels at once.
    pictures = luma(tmp_path / "o.mp4")[:, :60].astype(int)
    steps = np.abs(np.diff(pictures, axis=0)).mean(axis=(1, 2))
    assert steps.max() < 3 * np.median(steps) + 1


def test_a_template_video_and_a_shorter_sound(box: Box, tmp_path: Path, template: Path, speech: Path) -> None:
    report = box.render(template, speech, tmp_path / "o.mp4", "--duration", "0.48")
    assert report["frames"] == 6
    assert_together(tmp_path / "o.mp4", 6, Fraction(25, 2))


def test_another_frame_rate(box: Box, tmp_path: Path, portrait: Path, speech: Path) -> None:
    report = box.render(portrait, speech, tmp_path / "o.mp4", "--fps", "29.97")
    assert_together(tmp_path / "o.mp4", report["frames"], Fraction(30000, 1001))
