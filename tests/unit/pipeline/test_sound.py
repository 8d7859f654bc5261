"""Recordings of every kind, good and bad, through the real demuxers and decoders."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from appliance.errors import InputError
from appliance.pipeline import samples
from appliance.pipeline.sound import SoundReader, open_sound
from tests import sounds


def hear(path: Path, **limits: float) -> tuple[SoundReader, samples.Samples, samples.Samples]:
    """The reader after its pass, the 16 kHz speech [n], and the sound for AAC [channels, n]."""
    with open_sound(path, **limits) as reader:
        blocks = list(reader.blocks())
    frames = [frame for block in blocks for frame in block.frames]
    assert {(frame.format.name, frame.sample_rate) for frame in frames} == {("fltp", reader.rate)}
    sound = np.concatenate([samples.from_frame(frame) for frame in frames], axis=1)
    speech = np.concatenate([block.speech for block in blocks])
    assert speech.dtype == np.float32
    assert np.isfinite(speech).all()
    assert np.isfinite(sound).all()
    assert max(np.abs(speech).max(), np.abs(sound).max()) <= 1
    assert sound.shape == (reader.channels, reader.seconds * reader.rate)
    assert abs(len(speech) - reader.seconds * 16000) <= 1
    return reader, speech, sound


def wav(
    path: Path,
    data: bytes,
    *,
    rate: int = 16000,
    channels: int = 1,
    kind: int = 1,
    bits: int = 16,
    size: int | None = None,
) -> Path:
    """A WAV file by hand, whose header may say another `size` than the data's."""
    size = len(data) if size is None else size
    block = channels * bits // 8
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, kind, channels, rate, rate * block, block, bits)
    riff = struct.pack("<4sI4s", b"RIFF", min(36 + size, 2**32 - 1), b"WAVE")
    path.write_bytes(riff + form + struct.pack("<4sI", b"data", size) + data)
    return path


def pcm(seconds: float) -> bytes:
    return bytes((sounds.tone(seconds, 16000)[0] * 32767).astype("<i2"))


@pytest.mark.parametrize("name", sounds.FORMATS)
def test_every_format_is_heard_from_its_first_sample_on(tmp_path: Path, name: str) -> None:
    file, codec, rate, channels = sounds.FORMATS[name]
    truth = sounds.bursts(1.5, rate, channels=channels)
    path = sounds.write(tmp_path / file, truth, rate, codec=codec)
    reader, speech, sound = hear(path)
    reference = np.interp(np.arange(24000) / 16000, np.arange(truth.shape[1]) / rate, truth[0]).astype(np.float32)
    # Raw AAC and AC-3 streams do not say how long their encoder's run-up was; G.722's filter delays.
    run_up = {"aac": 0.065, "ac3-5.1": 0.006, "g722": 0.002}.get(name, 0.0005)
    assert 0 <= sounds.lag_s(speech, reference, 16000) < run_up
    assert speech.std() == pytest.approx(reference.std(), rel=0.12)
    assert len(speech) / 16000 == pytest.approx(1.5, abs=0.15)
    assert reader.duration_hint == pytest.approx(float(reader.seconds), abs=0.05)
    assert reader.channels == min(channels, 2)
    assert reader.rate == (rate if rate in (8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000) else 48000)
    assert reader.warnings == []
    assert sound.std() == pytest.approx(truth.std(), rel=0.12)


def test_speech_in_a_video_is_found(tmp_path: Path) -> None:
    spoken = sounds.speech(tmp_path / "a.wav")
    expected, rate = sounds.read(spoken)
    with av.open(str(tmp_path / "v.mp4"), "w") as container:
        picture = container.add_stream("libx264", 25, width=64, height=64, pix_fmt="yuv420p")
        track = container.add_stream("aac", rate, layout="mono")
        assert isinstance(picture, av.VideoStream)
        assert isinstance(track, av.AudioStream)
        for _ in range(10):
            container.mux(picture.encode(av.VideoFrame(64, 64, "yuv420p")))
        frame = samples.to_frame((expected / 32768).astype(np.float32), rate)
        frame.pts = 0
        container.mux(track.encode(frame))
        container.mux([*picture.encode(None), *track.encode(None)])
    _, speech, _ = hear(tmp_path / "v.mp4")
    _, alone, _ = hear(spoken)
    assert len(speech) == pytest.approx(len(alone), abs=1100)
    assert abs(sounds.lag_s(speech, alone, 16000)) < 0.001
    assert np.abs(alone).max() > 0.1


@pytest.mark.parametrize("channels", [3, 4, 5, 7, 8, 16])
def test_channels_that_no_layout_names_are_averaged(tmp_path: Path, channels: int) -> None:
    loud_first = np.zeros((16000, channels), "<i2")
    loud_first[:, 0] = 16000
    reader, speech, _ = hear(wav(tmp_path / "a.wav", loud_first.tobytes(), channels=channels))
    assert reader.channels == 2
    assert 0.02 < speech[8000] < 0.5


def test_a_surround_mix_does_not_clip_and_keeps_the_centre(tmp_path: Path) -> None:
    everywhere = sounds.tone(1, 48000, channels=6, level=0.99)
    _, speech, _ = hear(sounds.write(tmp_path / "all.wav", everywhere, 48000))
    assert np.sqrt(np.mean(speech**2)) == pytest.approx(0.7, abs=0.05)
    centre = np.zeros_like(everywhere)
    centre[2] = everywhere[2]
    _, speech, sound = hear(sounds.write(tmp_path / "centre.wav", centre, 48000))
    assert np.abs(speech).max() > 0.2
    np.testing.assert_allclose(sound[0], sound[1], atol=1e-4)


def test_a_clipped_recording_and_one_beyond_full_scale_stay_in_range(tmp_path: Path) -> None:
    loud = sounds.tone(0.5, 16000, level=8.0)
    _, speech, _ = hear(wav(tmp_path / "float.wav", loud[0].tobytes(), kind=3, bits=32))
    assert np.abs(speech).max() == 1
    _, speech, _ = hear(sounds.write(tmp_path / "clipped.wav", loud.clip(-1, 1), 16000))
    assert np.abs(speech).max() == pytest.approx(1, abs=0.01)


def test_values_that_are_no_numbers_become_silence(tmp_path: Path) -> None:
    data = sounds.tone(1, 16000)[0]
    data[100:200] = np.nan
    data[300:302] = np.inf, -np.inf
    data[400] = 1e30
    _, speech, _ = hear(wav(tmp_path / "a.wav", data.tobytes(), kind=3, bits=32))
    np.testing.assert_array_equal(speech[100:200], 0)
    np.testing.assert_allclose(speech[1000:2000], data[1000:2000], atol=1e-6)


def test_silence_is_sound(tmp_path: Path) -> None:
    reader, speech, _ = hear(wav(tmp_path / "a.wav", bytes(32000)))
    assert reader.seconds == 1
    assert not speech.any()


def test_timestamps_that_start_late_start_at_zero(tmp_path: Path) -> None:
    truth = sounds.bursts(1, 44100)
    reader, speech, _ = hear(sounds.write(tmp_path / "a.mkv", truth, 44100, starts_at_s=5))
    assert float(reader.seconds) == pytest.approx(1, abs=0.001)
    assert reader.duration_hint == pytest.approx(1, abs=0.01)
    assert reader.warnings == []
    assert np.abs(speech[:1600]).max() > 0


def test_a_pause_in_the_timestamps_becomes_silence(tmp_path: Path) -> None:
    truth = sounds.tone(2, 44100)
    reader, speech, _ = hear(sounds.write(tmp_path / "a.mkv", truth, 44100, pause_s=1.5))
    assert float(reader.seconds) == pytest.approx(3.5, abs=0.03)
    assert np.abs(speech[17000:39000]).max() < 1e-3
    assert np.abs(speech[41000:]).max() > 0.4


def test_a_broken_clock_does_not_become_an_hour_of_silence(tmp_path: Path) -> None:
    reader, _, _ = hear(sounds.write(tmp_path / "a.mkv", sounds.tone(2, 44100), 44100, pause_s=4000))
    assert float(reader.seconds) == pytest.approx(2, abs=0.01)
    assert "only 2.0 s" in reader.warnings[0]


def test_a_recording_may_be_trimmed(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", pcm(3))
    reader, speech, _ = hear(path, limit_s=1.25)
    assert reader.seconds == 1.25
    assert len(speech) == 20000
    assert reader.warnings == []
    assert hear(path, limit_s=9)[0].seconds == 3


def test_what_lies_beyond_the_limit_does_not_count_as_too_long(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", pcm(3))
    with pytest.raises(InputError, match="longer than"):
        open_sound(path, max_seconds=2)
    assert hear(path, limit_s=1, max_seconds=2)[0].seconds == 1


def test_more_than_three_hours_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    wav(path, b"", rate=8000, size=4 * 3600 * 16000)
    os.truncate(path, 44 + 4 * 3600 * 16000)  # sparse: silence that takes no room
    with pytest.raises(InputError, match="longer than 3 hours") as caught:
        open_sound(path)
    assert str(path) in caught.value.message
    assert "cut it" in caught.value.hint


def test_the_limit_holds_for_a_file_that_does_not_give_its_length(tmp_path: Path) -> None:
    with (tmp_path / "a.mp3").open("wb") as file:
        # A stream of MP3 frames says how long it is in none of them.
        data = sounds.write(tmp_path / "b.mp3", sounds.tone(2, 44100), 44100, codec="libmp3lame").read_bytes()
        file.write(data[1000:] * 3)
    with open_sound(tmp_path / "a.mp3", max_seconds=1e9) as reader:
        seconds = sum(len(block.speech) for block in reader.blocks()) / 16000
    reader = open_sound(tmp_path / "a.mp3", max_seconds=1e9)
    reader._max_seconds = seconds / 2
    with reader, pytest.raises(InputError, match="longer than"):
        list(reader.blocks())


@pytest.mark.parametrize(
    ("said", "heard_s", "warns"),
    [(20 * 96000, 3, True), (5 * 3600 * 32000, 3, True), (2**32 - 1, 3, False), (0, 3, False), (32000, 1, False)],
)
def test_a_header_that_lies_about_the_length(tmp_path: Path, said: int, heard_s: int, warns: bool) -> None:
    reader, _, _ = hear(wav(tmp_path / "a.wav", pcm(3), size=said))
    assert reader.seconds == heard_s
    assert bool(reader.warnings) == warns


@pytest.mark.parametrize(
    ("file", "codec"), [("a.flac", "flac"), ("a.mp3", "libmp3lame"), ("a.mkv", "aac"), ("a.wav", "pcm_s16le")]
)
def test_a_file_that_was_cut_off_is_used_as_far_as_it_goes(tmp_path: Path, file: str, codec: str) -> None:
    path = sounds.write(tmp_path / file, sounds.bursts(4, 44100, channels=2), 44100, codec=codec)
    os.truncate(path, path.stat().st_size // 2)
    reader, speech, _ = hear(path)
    assert 1.5 < float(reader.seconds) < 2.5
    assert np.abs(speech[-8000:]).max() > 0
    assert all(str(path) in warning for warning in reader.warnings)
    assert reader.warnings


@pytest.mark.parametrize(("file", "codec"), [("a.mp3", "libmp3lame"), ("a.m4a", "aac"), ("a.mkv", "aac")])
def test_damage_in_the_middle_is_passed_over(tmp_path: Path, file: str, codec: str) -> None:
    path = sounds.write(tmp_path / file, sounds.bursts(4, 44100, channels=2), 44100, codec=codec)
    data = bytearray(path.read_bytes())
    middle = len(data) // 3
    data[middle : middle + 2000] = np.random.default_rng(1).integers(0, 256, 2000, np.uint8).tobytes()
    path.write_bytes(data)
    reader, _, _ = hear(path)
    assert reader.seconds > 1
    assert any("damaged" in warning for warning in reader.warnings)


def test_a_file_may_change_its_format_on_the_way(tmp_path: Path) -> None:
    parts = [
        sounds.write(tmp_path / f"{rate}.mp3", sounds.tone(2, rate, channels=channels), rate, codec="libmp3lame")
        for rate, channels in ((44100, 2), (32000, 1))
    ]
    (tmp_path / "both.mp3").write_bytes(b"".join(part.read_bytes() for part in parts))
    reader, _, _ = hear(tmp_path / "both.mp3")
    assert (reader.rate, reader.channels) == (44100, 2)
    assert float(reader.seconds) == pytest.approx(4, abs=0.2)


def refusal(path: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        open_sound(path)
    assert str(path) in caught.value.message
    assert caught.value.hint
    return caught.value


def flac(path: Path, *rates: int) -> Path:
    """A FLAC file by hand whose frames, at these rates, hold 65535 samples of the same value in 15 bytes each."""
    length = 65535

    def check(data: bytes, polynomial: int, bits: int) -> bytes:
        rest = 0
        for byte in data:
            rest ^= byte << (bits - 8)
            for _ in range(8):
                rest = (rest << 1) ^ (polynomial if rest >> (bits - 1) else 0)
                rest &= (1 << bits) - 1
        return rest.to_bytes(bits // 8, "big")

    content = b"fLaC" + struct.pack(">II", 0x80 << 24 | 34, length << 16 | length) + bytes(6)
    content += (rates[0] << 44 | 15 << 36).to_bytes(8, "big") + bytes(16)
    for number, rate in enumerate(rates):
        # Length and rate follow as 16 bits each; one channel of 16 bits.
        head = struct.pack(">BBBBBHH", 0xFF, 0xF8, 0x7D, 0x08, number, length - 1, rate)
        body = head + check(head, 0x07, 8) + struct.pack(">BH", 0, 100)
        content += body + check(body, 0x8005, 16)
    path.write_bytes(content)
    return path


def test_rates_below_speech_are_refused_before_hours_are_made_of_a_few_samples(tmp_path: Path) -> None:
    assert hear(flac(tmp_path / "low.flac", 4000, 4000))[0].seconds == pytest.approx(2 * 65535 / 4000, abs=0.01)
    error = refusal(flac(tmp_path / "slow.flac", 4))
    assert "4 samples a second, too few" in error.message
    assert "too few" in refusal(wav(tmp_path / "slow.wav", pcm(1), rate=1999)).message
    with (
        open_sound(flac(tmp_path / "slower.flac", 4000, 4)) as reader,
        pytest.raises(InputError, match="has 4 samples"),
    ):
        list(reader.blocks())


def test_minutes_in_a_single_packet_are_refused_before_they_are_resampled(tmp_path: Path) -> None:
    for seconds in (50, 70):
        with av.open(str(tmp_path / f"{seconds}.mkv"), "w") as container:
            track = container.add_stream("pcm_u8", 4000, layout="mono")
            assert isinstance(track, av.AudioStream)
            frame = av.AudioFrame.from_ndarray(np.full((1, seconds * 4000), 130, np.uint8), "u8", "mono")
            frame.sample_rate = 4000
            container.mux(track.encode(frame))
    assert hear(tmp_path / "50.mkv")[0].seconds == 50
    assert "holds 70 s of sound in one piece" in refusal(tmp_path / "70.mkv").message


def test_paths_that_hold_no_file(tmp_path: Path) -> None:
    assert "there is no file" in refusal(tmp_path / "missing.wav").message
    assert "is a folder" in refusal(tmp_path).message
    os.mkfifo(tmp_path / "pipe.wav")
    assert "not a regular file" in refusal(tmp_path / "pipe.wav").message


def test_files_without_sound(tmp_path: Path) -> None:
    path = tmp_path / "empty.wav"
    path.write_bytes(b"")
    assert "is empty" in refusal(path).message
    assert "holds no sound" in refusal(wav(tmp_path / "zero.wav", b"")).message
    assert "holds no sound" in refusal(wav(tmp_path / "header.wav", b"", size=96000)).message
    assert "no sound" in refusal(wav(tmp_path / "channels.wav", pcm(1), channels=0)).message
    refusal(wav(tmp_path / "rate.wav", pcm(1), rate=0))
    Image.new("RGB", (64, 64)).save(tmp_path / "picture.png")
    assert "no sound" in refusal(tmp_path / "picture.png").message
    (tmp_path / "picture.png").rename(tmp_path / "picture.wav")
    assert "no sound" in refusal(tmp_path / "picture.wav").message


@pytest.mark.parametrize("ending", ["wav", "mp3", "flac", "ogg", "m4a", "aac", "mkv", "txt", "raw"])
def test_text_and_noise_named_like_a_recording(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"text.{ending}"
    path.write_text("This is not a recording at all.\n" * 60)
    refusal(path)
    noise = tmp_path / f"noise.{ending}"
    noise.write_bytes(bytes(200_000))
    refusal(noise)


def test_a_playlist_does_not_make_the_box_read_other_files(tmp_path: Path) -> None:
    secret = wav(tmp_path / "secret.wav", pcm(1))
    concat, hls = tmp_path / "concat.wav", tmp_path / "hls.wav"
    concat.write_text("ffconcat version 1.0\nfile secret.wav\n")
    hls.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile://{secret}\n#EXT-X-ENDLIST\n")
    refusal(concat)
    refusal(hls)


def test_too_many_streams_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "many.mkv"
    with av.open(str(path), "w") as container:
        tracks = [container.add_stream("pcm_s16le", 8000, layout="mono") for _ in range(33)]
        for track in tracks:
            assert isinstance(track, av.AudioStream)
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 100), np.int16), "s16", "mono")
            frame.sample_rate = 8000
            container.mux(track.encode(frame))
    assert "33 streams" in refusal(path).message


def test_a_name_with_signs_that_mean_something_elsewhere(tmp_path: Path) -> None:
    assert hear(wav(tmp_path / "pipe:1,a %d ü?.wav", pcm(1)))[0].seconds == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become the account that may not read")
def test_a_file_without_permission_is_refused_as_another_user(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", pcm(1))
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    path.chmod(0o600)
    program = (
        "import sys, os, pathlib\nimport av\nfrom appliance.errors import InputError\n"
        "from appliance.pipeline.sound import open_sound\nos.setuid(65534)\n"
        "try:\n    open_sound(pathlib.Path(sys.argv[1]))\n"
        "except InputError as error:\n    print(error.message, error.hint)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    assert f"cannot read {path}" in done.stdout
    assert "right to read" in done.stdout


def test_memory_is_flat_in_the_length_of_the_recording(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib, resource\nfrom appliance.pipeline.sound import open_sound\n"
        "with open_sound(pathlib.Path(sys.argv[1])) as reader:\n"
        "    seconds = sum(len(block.speech) for block in reader.blocks()) / 16000\n"
        "print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    peaks = []
    for seconds in (60, 1800):
        path = wav(tmp_path / f"{seconds}.wav", b"", rate=8000, size=seconds * 16000)
        os.truncate(path, 44 + seconds * 16000)
        done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
        heard, peak_kib = map(float, done.stdout.split())
        assert heard == seconds
        peaks.append(peak_kib / 1024)
    assert peaks[1] - peaks[0] < 10
