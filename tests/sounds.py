"""Real sounds for tests: tones made by numpy and speech by espeak-ng, written by the codecs that users have."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Final, cast

import av
import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

LAYOUTS: Final = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}

# Name of the case: (file name, codec, rate, channels).
FORMATS: Final[dict[str, tuple[str, str, int, int]]] = {
    "wav": ("a.wav", "pcm_s16le", 44100, 2),
    "wav-8-bit": ("a.wav", "pcm_u8", 11025, 1),
    "wav-24-bit": ("a.wav", "pcm_s24le", 48000, 2),
    "wav-float": ("a.wav", "pcm_f32le", 22050, 1),
    "wav-double": ("a.wav", "pcm_f64le", 37800, 1),
    "wav-telephone-mu-law": ("a.wav", "pcm_mulaw", 8000, 1),
    "wav-telephone-a-law": ("a.wav", "pcm_alaw", 8000, 1),
    "wav-192-khz": ("a.wav", "pcm_s24le", 192000, 2),
    "wav-5.1": ("a.wav", "pcm_s16le", 48000, 6),
    "g722": ("a.g722", "g722", 16000, 1),
    "aiff": ("a.aiff", "pcm_s16be", 32000, 1),
    "flac": ("a.flac", "flac", 96000, 2),
    "mp3": ("a.mp3", "libmp3lame", 44100, 2),
    "opus": ("a.opus", "libopus", 48000, 1),
    "ogg-flac": ("a.ogg", "flac", 44100, 1),
    "webm": ("a.webm", "libopus", 48000, 2),
    "m4a": ("a.m4a", "aac", 24000, 1),
    "aac": ("a.aac", "aac", 16000, 1),
    "ac3-5.1": ("a.ac3", "ac3", 48000, 6),
    "mkv": ("a.mkv", "aac", 44100, 2),
    "alac": ("a.m4a", "alac", 44100, 2),
}


def tone(seconds: float, rate: int, *, hertz: float = 440.0, channels: int = 1, level: float = 0.5) -> Samples:
    """A sine [channels, n], the same in every channel."""
    time = np.arange(round(seconds * rate)) / rate
    return np.tile((level * np.sin(2 * np.pi * hertz * time)).astype(np.float32), (channels, 1))


def bursts(seconds: float, rate: int, *, channels: int = 1) -> Samples:
    """Irregular bursts of noise below 3 kHz, whose position in time correlation finds to the sample."""
    random = np.random.default_rng(5)
    coarse = random.standard_normal(round(seconds * 6000)) * (random.random(round(seconds * 6000)) < 0.3)
    position = np.arange(round(seconds * rate)) * 6000 / rate
    noise = 0.2 * np.interp(position, np.arange(len(coarse)), coarse)
    return np.tile(noise.clip(-0.9, 0.9).astype(np.float32), (channels, 1))


def write(
    path: Path, samples: Samples, rate: int, *, codec: str = "pcm_s16le", starts_at_s: float = 0.0, pause_s: float = 0.0
) -> Path:
    """Encode samples [channels, n]; with `pause_s`, the timestamps of the second half come that much later."""
    half = samples.shape[1] // 2
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate, layout=LAYOUTS[samples.shape[0]])
        assert isinstance(stream, av.AudioStream)
        resampler = av.AudioResampler(stream.format.name, stream.layout.name, rate)
        for begin in range(0, samples.shape[1], 1000):
            chunk = np.ascontiguousarray(samples[:, begin : begin + 1000])
            frame = av.AudioFrame.from_ndarray(chunk, "fltp", LAYOUTS[samples.shape[0]])
            frame.sample_rate = rate
            for converted in resampler.resample(frame):
                late = pause_s if begin >= half else 0.0
                converted.pts = begin + round((starts_at_s + late) * rate)
                converted.time_base = Fraction(1, rate)
                container.mux(stream.encode(converted))
        container.mux(stream.encode(None))
    return path


def speech(path: Path, text: str = "Papa meets Bob at the boat.", voice: str = "en") -> Path:
    """A spoken sentence as a 22.05 kHz WAV file."""
    subprocess.run(["espeak-ng", "-v", voice, "-w", str(path), text], check=True, capture_output=True)
    return path


def read(path: Path) -> tuple[Samples, int]:
    """The sound of a file, as a player would hear it: [channels, n] and the rate."""
    with av.open(str(path)) as container:
        frames = [cast("Samples", frame.to_ndarray()) for frame in container.decode(audio=0)]
        return np.concatenate(frames, axis=1), container.streams.audio[0].sample_rate


def lag_s(heard: Samples, truth: Samples, rate: int, *, reach_s: float = 0.2) -> float:
    """By how many seconds `heard` [n] comes later than `truth` [n], from their correlation."""
    reach = round(reach_s * rate)
    size = min(len(heard), len(truth))
    correlation = np.correlate(heard[:size], truth[reach : size - reach], "valid")
    return float((np.argmax(correlation) - reach) / rate)
