"""Pictures to H.264 fragments, by the real encoder, looked at through the real decoder."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.pipeline import encoder, fragments
from appliance.pipeline.encoder import EncoderSettings, FragmentEncoder

SETTINGS = EncoderSettings(190, 126, Fraction(25))


def paint(into: FragmentEncoder, index: int) -> None:
    """A slope with a bar that moves, and colours that differ from side to side."""
    height, width = into.y.shape
    into.y[:] = np.linspace(40, 200, width).astype(np.uint8)
    into.y[:, 10 + 5 * index : 20 + 5 * index] = 16
    into.uv[..., 0] = np.linspace(90, 160, height // 2).astype(np.uint8)[:, None]
    into.uv[..., 1] = np.linspace(160, 90, width // 2).astype(np.uint8)


def encode(path: Path, settings: EncoderSettings, indices: range) -> Path:
    with FragmentEncoder(path, settings) as encoder_:
        for index in indices:
            paint(encoder_, index)
            encoder_.write()
    return path


def decode(path: Path) -> list[av.VideoFrame]:
    found = fragments.check(path)
    assert found is not None
    context = av.CodecContext.create("h264", "r")
    assert isinstance(context, av.VideoCodecContext)
    context.extradata = bytes.fromhex(str(found.header["parameter_sets"]))
    frames = [frame for data, _ in fragments.packets(path) for frame in context.decode(av.Packet(data))]
    return frames + context.decode(None)


def luma(frame: av.VideoFrame) -> NDArray[np.float64]:
    return frame.to_ndarray(format="gray").astype(np.float64)


def test_every_picture_comes_back_as_it_was_painted(tmp_path: Path) -> None:
    painted = []
    with FragmentEncoder(tmp_path / "p", SETTINGS) as encoder_:
        assert encoder_.y.shape == (126, 190)
        assert encoder_.uv.shape == (63, 95, 2)
        for index in range(12):
            paint(encoder_, index)
            painted.append((encoder_.y.copy(), encoder_.uv.copy()))
            encoder_.write()
    decoded = decode(tmp_path / "p")
    assert len(decoded) == 12
    for frame, (y, uv) in zip(decoded, painted, strict=True):
        assert frame.format.name == "yuv420p"
        planes = frame.to_ndarray()
        chroma = planes[126:].reshape(2, 63, 95)
        assert np.abs(planes[:126].astype(int) - y).mean() < 1.5
        assert np.abs(chroma[0].astype(int) - uv[..., 0]).mean() < 1.5
        assert np.abs(chroma[1].astype(int) - uv[..., 1]).mean() < 1.5


def test_planes_keep_what_was_painted_before(tmp_path: Path) -> None:
    with FragmentEncoder(tmp_path / "p", SETTINGS) as encoder_:
        paint(encoder_, 0)
        encoder_.write()
        before = encoder_.y.copy()
        encoder_.write()
        np.testing.assert_array_equal(encoder_.y, before)
    first, second = decode(tmp_path / "p")
    assert np.abs(luma(first) - luma(second)).mean() < 1


def test_the_stream_is_high_profile_and_tagged_bt709_in_limited_range(tmp_path: Path) -> None:
    frame = decode(encode(tmp_path / "p", SETTINGS, range(3)))[0]
    assert (frame.color_primaries, frame.color_trc, frame.colorspace, frame.color_range) == (1, 1, 1, 1)
    found = fragments.check(tmp_path / "p")
    assert found is not None
    sps = bytes.fromhex(str(found.header["parameter_sets"]))
    assert sps[:5] == b"\0\0\0\1\x67"
    profile, _, level = sps[5:8]
    assert profile == 100
    assert level <= 20


def test_only_the_first_picture_is_a_key_frame_and_none_is_reordered(tmp_path: Path) -> None:
    path = encode(tmp_path / "p", SETTINGS, range(20))
    assert [key_frame for _, key_frame in fragments.packets(path)] == [True] + [False] * 19
    kinds = [frame.pict_type for frame in decode(path)]
    assert set(kinds[1:]) == {av.video.frame.PictureType.P}


def test_fragments_share_parameter_sets_and_equal_pictures_give_equal_bytes(tmp_path: Path) -> None:
    one = fragments.check(encode(tmp_path / "1", SETTINGS, range(5)))
    two = fragments.check(encode(tmp_path / "2", SETTINGS, range(5, 13)))
    encode(tmp_path / "3", SETTINGS, range(5))
    assert one is not None
    assert two is not None
    assert one.header == two.header
    assert (tmp_path / "1").read_bytes() == (tmp_path / "3").read_bytes()


def test_a_lower_quality_number_is_a_better_and_larger_picture(tmp_path: Path) -> None:
    sizes, errors = [], []
    for quality in (12, 36):
        settings = EncoderSettings(190, 126, Fraction(25), quality=quality)
        path = encode(tmp_path / str(quality), settings, range(6))
        sizes.append(path.stat().st_size)
        with FragmentEncoder(tmp_path / "q", settings) as truth:
            paint(truth, 5)
            errors.append(np.abs(decode(path)[5].to_ndarray()[:126].astype(int) - truth.y).mean())
            truth.write()
    assert sizes[0] > sizes[1]
    assert errors[0] < errors[1]


def test_a_resumed_job_knows_which_fragments_are_done(tmp_path: Path) -> None:
    path = encode(tmp_path / "p", SETTINGS, range(5))
    assert encoder.is_done(path, SETTINGS, 5)
    assert not encoder.is_done(path, SETTINGS, 6)
    assert not encoder.is_done(path, EncoderSettings(190, 126, Fraction(25), quality=25), 5)
    assert not encoder.is_done(path, EncoderSettings(190, 126, Fraction(30)), 5)
    assert not encoder.is_done(tmp_path / "missing", SETTINGS, 5)
    path.write_bytes(path.read_bytes()[:-1])
    assert not encoder.is_done(path, SETTINGS, 5)


def test_aborting_or_failing_leaves_nothing(tmp_path: Path) -> None:
    FragmentEncoder(tmp_path / "p", SETTINGS).abort()

    def failing() -> None:
        with FragmentEncoder(tmp_path / "q", SETTINGS) as encoder_:
            encoder_.write()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert list(tmp_path.iterdir()) == []


def test_odd_sides_are_refused() -> None:
    with pytest.raises(ValueError, match="even"):
        EncoderSettings(191, 126, Fraction(25))


@pytest.mark.parametrize(
    ("fps", "rate"),
    [
        (25.0, Fraction(25)),
        (12.5, Fraction(25, 2)),
        (29.97, Fraction(30000, 1001)),
        (23.976, Fraction(24000, 1001)),
        (59.94, Fraction(60000, 1001)),
        (24, Fraction(24)),
        (60.0, Fraction(60)),
        (7.3, Fraction(73, 10)),
        (Fraction(30000, 1001), Fraction(30000, 1001)),
    ],
)
def test_rounded_frame_rates_become_the_exact_ones(fps: float | Fraction, rate: Fraction) -> None:
    assert encoder.exact_rate(fps) == rate


def test_the_probe_really_encodes() -> None:
    assert encoder.encoder_works("libx264") is None


def test_the_probe_gives_a_reason_for_each_encoder_that_it_refuses() -> None:
    reasons = {codec: encoder.encoder_works(codec) for codec in encoder.CODECS}
    assert all(reason is None or len(reason) > 10 for reason in reasons.values())
    assert "unknown encoder" in str(encoder.encoder_works("mpeg1video"))


def test_an_encoder_that_does_not_open_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    refused = next(codec for codec in encoder.CODECS if encoder.encoder_works(codec))
    with pytest.raises(encoder.NoEncoderError, match=refused) as caught:
        FragmentEncoder(tmp_path / "p", EncoderSettings(320, 192, Fraction(25), refused))
    assert "libx264" in caught.value.hint
    assert list(tmp_path.iterdir()) == []
