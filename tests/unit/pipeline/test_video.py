"""Videos of every kind become upright NV12 at a constant rate, and bad ones a clear refusal."""

from __future__ import annotations

import io
import itertools
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.stream import Disposition
from numpy.typing import NDArray

from appliance import settings
from appliance.errors import InputError
from appliance.pipeline import images, video
from appliance.pipeline.nv12 import Nv12
from appliance.pipeline.video import VideoSource
from appliance.pipeline.yuv import picture as bgr_of
from tests.moving_pictures import number_of, numbered, write_video

Picture = NDArray[np.uint8]
SHARP = {"crf": "8"}


def decoded(path: Path) -> list[Nv12]:
    with VideoSource(path) as source:
        return list(source.frames())


def numbers(path: Path) -> list[int]:
    return [number_of(frame.y) for frame in decoded(path)]


def corners(width: int = 96, height: int = 64) -> Picture:
    """Four corners of four colours, BGR: blue, green above red, grey."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2, : width // 2] = (200, 40, 30)
    picture[: height // 2, width // 2 :] = (40, 190, 40)
    picture[height // 2 :, : width // 2] = (30, 40, 210)
    picture[height // 2 :, width // 2 :] = (128, 128, 128)
    return picture


def corner_colours(picture: Picture) -> NDArray[np.float64]:
    height, width = picture.shape[:2]
    rows, columns = (height // 4, 3 * height // 4), (width // 4, 3 * width // 4)
    return np.array([[picture[y - 4 : y + 4, x - 4 : x + 4].mean(axis=(0, 1)) for x in columns] for y in rows])


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        ("a.mp4", "libx264", "yuv420p"),
        ("a.mkv", "libx264", "yuv444p"),
        ("a.mp4", "libx264", "yuv420p10le"),
        ("a.mp4", "libx264", "yuvj420p"),
        ("a.webm", "libvpx-vp9", "yuv420p"),
        ("a.avi", "mjpeg", "yuvj422p"),
        ("a.mov", "prores_ks", "yuv422p10le"),
        ("a.mov", "png", "rgb24"),
        ("a.gif", "gif", "bgr8"),
        ("a.mpg", "mpeg2video", "yuv420p"),
    ],
)
def test_reads_any_container_and_keeps_colours(tmp_path: Path, name: str, codec: str, pix_fmt: str) -> None:
    path = write_video(tmp_path / name, [corners()] * 5, codec=codec, pix_fmt=pix_fmt)
    frames = decoded(path)
    assert len(frames) == 5
    assert frames[2].y.shape == (64, 96)
    assert frames[2].uv.shape == (32, 48, 2)
    tolerance = 40 if codec == "gif" else 12
    assert np.abs(corner_colours(bgr_of(*frames[2])) - corner_colours(corners())).max() < tolerance


@pytest.mark.parametrize("turn", [90, 180, 270, -90])
def test_turns_upright_as_the_display_matrix_says(tmp_path: Path, turn: int) -> None:
    path = write_video(tmp_path / "phone.mp4", [corners()] * 3, turn=turn, options=SHARP)
    picture = bgr_of(*decoded(path)[1])
    # FFmpeg's angle is counter-clockwise: the player turns the picture by it.
    expected = np.rot90(corners(), (turn // 90) % 4)
    assert picture.shape == expected.shape
    assert np.abs(corner_colours(picture) - corner_colours(expected)).max() < 12


def test_mirrors_as_the_display_matrix_says(tmp_path: Path) -> None:
    path = tmp_path / "selfie.mp4"
    one = 1 << 16
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.set_display_matrix([-one, 0, 0, 0, one, 0, 0, 0, 1 << 30])
        container.mux(stream.encode(av.VideoFrame.from_ndarray(corners(), format="bgr24")))
        container.mux(stream.encode(None))
    picture = bgr_of(*decoded(path)[0])
    assert np.abs(corner_colours(picture) - corner_colours(corners()[:, ::-1])).max() < 12


def test_variable_rate_shows_the_nearest_frame(tmp_path: Path) -> None:
    times = [0, 40, 80, 280, 320, 330, 400]
    path = write_video(tmp_path / "phone.mkv", numbered(7), times=times, options=SHARP)
    with VideoSource(path) as source:
        rate = source.rate
        shown = [number_of(frame.y) for frame in source.frames()]
    for k, number in enumerate(shown[:-1]):
        instant = 1000 * k / rate
        on_screen = max(i for i, time in enumerate(times) if time <= instant + 1)
        nearest = min(range(7), key=lambda i: abs(times[i] - instant))
        assert number in (on_screen, nearest), f"at {float(instant):.0f} ms"
        assert times[number] - instant < 500 / rate + 1
    assert set(shown) >= {0, 3, 6}


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(30000, 1001), Fraction(50), Fraction(12)])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_constant_rate_keeps_every_frame_once(tmp_path: Path, rate: Fraction, name: str) -> None:
    path = write_video(tmp_path / name, numbered(40), rate=rate, options=SHARP)
    with VideoSource(path) as source:
        assert float(source.rate) == pytest.approx(float(rate), rel=1e-3)
        assert [number_of(frame.y) for frame in source.frames()] == list(range(40))


def test_slow_motion_is_thinned_to_sixty(tmp_path: Path) -> None:
    path = write_video(tmp_path / "slow.mp4", numbered(48), rate=240, options=SHARP)
    assert numbers(path) == list(range(0, 48, 4))


def test_sound_and_a_late_start_do_not_matter(tmp_path: Path) -> None:
    late = [5000 + 40 * i for i in range(10)]
    path = write_video(tmp_path / "late.mkv", numbered(10), times=late, options=SHARP, sound=True)
    assert numbers(path) == list(range(10))


def test_square_pixels_even_sides_and_at_most_the_largest(tmp_path: Path) -> None:
    wide = write_video(tmp_path / "wide.mp4", [corners()] * 2, aspect=Fraction(16, 11))
    odd = write_video(tmp_path / "odd.mkv", [corners(97, 65)] * 2, codec="ffv1", pix_fmt="yuv444p")
    large = write_video(tmp_path / "large.avi", [corners(2600, 1302)], codec="mjpeg", pix_fmt="yuvj420p")
    for path, size in ((wide, (140, 64)), (odd, (96, 64)), (large, (2048, 1026))):
        with VideoSource(path) as source:
            assert (source.width, source.height) == size
            frame = next(source.frames())
        assert frame.y.shape[::-1] == size
        assert np.abs(corner_colours(bgr_of(*frame)) - corner_colours(corners())).max() < 15


def test_lays_transparent_parts_over_light_grey(tmp_path: Path) -> None:
    picture = np.dstack([corners(), np.full((64, 96), 255, np.uint8)])
    picture[:32, :48, 3] = 0
    path = write_video(tmp_path / "cut-out.mov", [picture] * 2, codec="png", pix_fmt="rgba")
    colours = corner_colours(bgr_of(*decoded(path)[0]))
    assert np.abs(colours[0, 0] - images.BACKDROP).max() < 4
    assert np.abs(colours[1] - corner_colours(corners())[1]).max() < 12


@pytest.mark.parametrize("tagged", [True, False])
def test_untagged_small_pictures_are_taken_for_bt601(tmp_path: Path, tagged: bool) -> None:
    path = tmp_path / "old.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        matrix = 1 if tagged else 2
        stream.codec_context.colorspace = matrix
        frame = av.VideoFrame.from_ndarray(corners(), format="bgr24").reformat(
            format="yuv420p", dst_colorspace=1 if tagged else 5, dst_color_range=1
        )
        frame.colorspace = matrix
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert np.abs(corner_colours(bgr_of(*decoded(path)[0])) - corner_colours(corners())).max() < 6


def test_a_single_frame_is_a_video_too(tmp_path: Path) -> None:
    assert len(decoded(write_video(tmp_path / "one.mp4", [corners()]))) == 1


def test_a_title_in_an_old_character_set_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "menu.avi"
    with av.open(str(path), "w") as container:
        container.metadata["title"] = "Cafe Menu"
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuvj420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(corners(), format="bgr24")))
        container.mux(stream.encode(None))
    content = path.read_bytes()
    assert b"Cafe Menu" in content
    path.write_bytes(content.replace(b"Cafe Menu", b"Caf\xe9 Menu"))
    assert len(decoded(path)) == 1


def add_cover(container: av.container.OutputContainer, width: int, height: int) -> None:
    """A picture beside the film or the sound, as players show in their lists."""
    cover = container.add_stream("png", rate=1)
    cover.width, cover.height, cover.pix_fmt = width, height, "rgb24"
    cover.disposition = Disposition.attached_pic
    frame = av.VideoFrame.from_ndarray(np.full((height, width, 3), 200, np.uint8), format="rgb24")
    frame.pts = 0
    container.mux(cover.encode(frame))
    container.mux(cover.encode(None))


def test_a_cover_larger_than_the_film_is_not_the_film(tmp_path: Path) -> None:
    path = tmp_path / "covered.mp4"
    with av.open(str(path), "w") as container:
        film = container.add_stream("libx264", rate=25)
        film.width, film.height, film.pix_fmt = 64, 48, "yuv420p"
        add_cover(container, 300, 300)
        for picture in numbered(8):
            container.mux(film.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(film.encode(None))
    assert numbers(path) == list(range(8))


def test_a_cover_alone_is_no_film(tmp_path: Path) -> None:
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as container:
        add_cover(container, 64, 64)
    assert "no video stream" in refusal_of(path).message


def refusal_of(path: Path) -> InputError:
    with pytest.raises(InputError) as refusal:
        decoded(path)
    assert str(path) in refusal.value.message
    assert refusal.value.hint
    return refusal.value


def test_refuses_what_is_no_video(tmp_path: Path) -> None:
    text, playlist, sound = tmp_path / "text.mp4", tmp_path / "list.mp4", tmp_path / "sound.m4a"
    text.write_text("hello, I am a text\n" * 50)
    target = write_video(tmp_path / "real.ts", numbered(5), codec="mpeg2video")
    playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{target}\n#EXT-X-ENDLIST\n")
    with av.open(str(sound), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert "neither a picture nor a video" in refusal_of(text).message
    refusal_of(playlist)
    assert "no video stream" in refusal_of(sound).message
    assert "does not exist" in refusal_of(tmp_path / "nowhere.mp4").message


def test_refuses_a_list_of_other_files(tmp_path: Path) -> None:
    write_video(tmp_path / "real.mkv", numbered(5))
    script = tmp_path / "script.mp4"
    script.write_text("ffconcat version 1.0\nfile real.mkv\n")
    refusal_of(script)


@pytest.mark.parametrize(("name", "front"), [("a.mp4", False), ("a.mp4", True), ("a.mkv", False), ("a.avi", False)])
@pytest.mark.parametrize("share", [0.3, 0.6])
def test_refuses_a_truncated_file(tmp_path: Path, name: str, front: bool, share: float) -> None:
    grain = np.random.default_rng(0).integers(0, 255, (100, 64, 96, 3), dtype=np.uint8)
    path = write_video(tmp_path / name, list(grain))
    if front:
        fast = tmp_path / "fast.mp4"
        with av.open(str(path)) as source, av.open(str(fast), "w", options={"movflags": "faststart"}) as target:
            stream = target.add_stream_from_template(source.streams.video[0])
            for packet in source.demux(video=0):
                if packet.dts is not None:
                    packet.stream = stream
                    target.mux(packet)
        path = fast
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    error = refusal_of(path)
    assert "damaged or cut off" in error.message + error.hint


def test_refuses_more_than_ten_minutes_by_header_and_by_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = write_video(tmp_path / "long.mp4", numbered(10), rate=Fraction(1, 100))
    assert "longer than 10 minutes" in refusal_of(honest).message
    silent = write_video(tmp_path / "long.ts", numbered(60), codec="mpeg2video")
    monkeypatch.setattr(video.VideoSource, "_announced_seconds", lambda _: None)
    monkeypatch.setattr(settings, "MAX_TEMPLATE_SECONDS", 0.5)
    assert "longer than" in refusal_of(silent).message


class Pipe(io.FileIO):
    """A file that cannot be gone back in, as what a live stream is written to."""

    def seekable(self) -> bool:
        return False


def test_refuses_a_stream_without_a_length_whose_clock_jumps_by_hours_at_the_jump(tmp_path: Path) -> None:
    path = tmp_path / "live.mkv"
    jump = 8 * 3600 * 1000
    with Pipe(path, "w") as pipe, av.open(pipe, "w", format="matroska", options={"live": "1"}) as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for time in (0, 40, 80, jump, jump + 40):
            frame = av.VideoFrame.from_ndarray(corners(), format="bgr24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with VideoSource(path) as source:
        assert source.expected_frames == 1, "it does not say how long it is"
        frames = itertools.islice(source.frames(), 10)
        with pytest.raises(InputError, match="longer than 10 minutes"):
            list(frames)


def test_refuses_too_many_streams(tmp_path: Path) -> None:
    path = tmp_path / "many.mkv"
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("ffv1", rate=25) for _ in range(settings.MAX_STREAMS + 1)]
        for stream in streams:
            stream.width, stream.height, stream.pix_fmt = 16, 16, "yuv420p"
        for stream in streams:
            container.mux(stream.encode(av.VideoFrame(16, 16, "yuv420p")))
            container.mux(stream.encode(None))
    assert "33 streams, more than 32" in refusal_of(path).message


def test_refuses_gigantic_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_video(tmp_path / "bomb.mp4", [corners()] * 2)
    monkeypatch.setattr(settings, "MAX_IMAGE_PIXELS", 96 * 64 - 1)
    assert "96 x 64 pixels" in refusal_of(path).message


def test_a_size_that_changes_on_the_way_is_scaled_to_the_first(tmp_path: Path) -> None:
    small, large = (corners(96, 64), corners(192, 128))
    parts = [write_video(tmp_path / f"{i}.ts", [p] * 5, codec="mpeg2video") for i, p in enumerate((small, large))]
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    frames = decoded(path)
    assert {frame.y.shape for frame in frames} == {(64, 96)}
    assert np.abs(corner_colours(bgr_of(*frames[-1])) - corner_colours(small)).max() < 15
    assert cv2.PSNR(frames[0].y, frames[-1].y) > 20
