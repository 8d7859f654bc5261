"""The labelled speech: which voices there are, how they are split, and where their features are kept.

A voice's utterances are made once and kept as `DIR/NAME-KEY.npz`, where KEY changes with what makes them: `mel` [T, 40]
float16 (raw log-mel of `mel.log_mel`), `phone` [T] uint8 (index into `phones.PHONES`), `trust` [T] uint8 (0 where the
label is not to be learnt from, `NOT_WHEN` where it says what is said and not when somebody speaks), `bounds` [n + 1]
int64 (first frame of every utterance, and T). A file is written whole, so a cut run goes on where it stopped.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from appliance.errors import UnhealthyError
from appliance.pipeline import mel as mels
from appliance.pipeline.mel import FRAME_HZ, MelStream
from appliance.storage import atomic
from tools.train import espeak, festival, festival_extra, kept, phones, rhvoice, texts, wav
from tools.train import sound as sounds
from tools.train.espeak import Espeak
from tools.train.phones import INDEX, Segment
from tools.train.sound import Samples, resampled

NOT_WHEN: Final = 2
_LOT: Final = 60
Said = tuple[Samples, int, list[Segment]]
_VARIANTS: Final = (
    "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "f1", "f2", "f3", "f4", "f5", "klatt", "klatt2", "klatt3",
    "klatt4", "klatt5", "klatt6", "Andy", "Annie", "Lee", "Michael", "adam", "anika", "aunty", "belinda", "benjamin",
    "caleb", "david", "ed", "edward", "gustave", "iven", "john", "linda", "max", "michel", "miguel", "norbert",
    "paul", "quincy", "rob", "sandro", "steph", "travis", "victor", "zac",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Voice:
    """One synthesiser's voice; `kind` "espeak" takes a voice name without variant, the others the voice's own name.

    "festival" replays what a person said; what is "statistical" is a festival voice too, but one that no recording is
    replayed for (HTS), as RHVoice's ("rhvoice") are. "rab" speaks with the times of espeak-ng.
    """

    name: str
    kind: str
    language: str
    seconds: float
    held_out: bool = False
    pitched: bool = False
    """Speaks every sentence at another pitch, low as a man or high as a woman."""


_ESPEAK: Final = {
    "en-us": "en", "en-gb-x-rp": "en", "es": "es", "fr": "fr", "de": "de", "it": "it", "ru": "ru", "ja": "ja",
    "cmn-latn-pinyin": "cmn", "nl": "nl", "sv": "sv", "pt-br": "pt", "ca": "ca", "uk": "uk",
}  # fmt: skip
_FESTIVAL: Final = {
    "ked_diphone": "en", "lp_diphone": "it", "pc_diphone": "it", "suo_fi_lj_diphone": "fi", "hy_fi_mv_diphone": "fi",
    "czech_dita": "cs", "czech_machac": "cs", "czech_krb": "cs", "upc_ca_ona_hts": "ca", "msu_ru_nsh_clunits": "ru",
    "hindi_NSK_diphone": "hi", "telugu_NSK_diphone": "te",
}  # fmt: skip

_SHARE: Final = {"en-us": 2.5, "en-gb-x-rp": 2.5, "ked_diphone": 4.0}
"""Only one festival voice speaks English to learn from, so that one, and espeak, speak it for longer."""

TRAINING: Final = (
    *(Voice(name, "espeak", language, 800.0 * _SHARE.get(name, 1)) for name, language in _ESPEAK.items()),
    *(Voice(name, "festival", language, 1000.0 * _SHARE.get(name, 1)) for name, language in _FESTIVAL.items()),
)
LATER: Final = (
    *(
        Voice(name, "festival", _FESTIVAL[name], 1000.0 * _SHARE.get(name, 1), pitched=True)
        for name in festival.PITCHED
    ),
    Voice("upc_ca_ona_hts", "statistical", "ca", 2000.0),
    *(Voice(name, "rhvoice", "en", 2000.0) for name in rhvoice.VOICES),
    Voice("rab_diphone", "rab", "en", 2000.0),
)
"""Only the rounds hear these."""
VALIDATION: Final = (
    Voice("kal_diphone", "festival", "en", 180.0, held_out=True),
    Voice("cmu_us_slt_arctic_hts", "festival", "en", 180.0, held_out=True),
    Voice("czech_ph", "festival", "cs", 120.0, held_out=True),
    Voice("pl", "espeak", "pl", 120.0, held_out=True),
)


_MAKERS: Final = (mels, texts, espeak, festival, festival_extra, phones, rhvoice, sounds, wav)


@dataclass(frozen=True, slots=True)
class Utterances:
    """The features of one voice, as described above."""

    mel: NDArray[np.float16]
    phone: NDArray[np.uint8]
    bounds: NDArray[np.int64]
    trust: NDArray[np.uint8]

    @classmethod
    def load(cls, path: Path) -> Utterances:
        with np.load(path, allow_pickle=False) as stored:
            return cls(stored["mel"], stored["phone"], stored["bounds"], stored["trust"])

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic.replaced_file(path, suffix=".npz") as temporary:
            np.savez(temporary, mel=self.mel, phone=self.phone, bounds=self.bounds, trust=self.trust)


def spoken(voice: Voice, seed: int, root: Path | None = None) -> Iterator[tuple[Samples, list[Segment]]]:
    """Utterances at 16 kHz with their segments, until the voice has spoken for long enough.

    `root` is where tools/train/extra_packages.sh unpacked its packages; only the voices of those need it.

    Tempo, pitch and the length of the vocal tract vary: rate and pitch where the synthesiser has them, and for all a
    change of the playing speed. A held-out voice speaks as it is.
    """
    random = np.random.default_rng([seed, zlib.crc32(voice.name.encode())])
    spent = 0.0
    for samples, rate, segments in _speaker(voice, random, root):
        speed = 1.0 if voice.held_out else float(np.exp(random.uniform(-0.15, 0.15)))
        sound = resampled(samples, round(rate * speed / 50) * 50)
        scale = len(sound) / 16000 / max(len(samples) / rate, 1e-9)
        yield sound, [Segment(a * scale, b * scale, phone) for a, b, phone in segments]
        spent += len(sound) / 16000
        if spent > voice.seconds:
            return


def _speaker(voice: Voice, random: np.random.Generator, root: Path | None) -> Iterator[Said]:
    if voice.kind == "espeak":
        return _espeak(voice, random)
    if voice.kind == "rhvoice":
        return _in_lots(
            voice, random, lambda said: rhvoice.say(said, voice.name, _given(root), _drawn(random, 0.75, 1.35))
        )
    if voice.kind == "rab":
        return _in_lots(voice, random, lambda said: festival_extra.say(said, _given(root), _drawn(random, 85, 150)))
    return _in_lots(
        voice, random, lambda said: festival.say(said, voice.name, _drawn(random, 80, 230) if voice.pitched else None)
    )


def _given(root: Path | None) -> Path:
    if root is None:
        raise UnhealthyError("this voice is not in Debian's main", hint="run tools/train/extra_packages.sh")
    return root


def _drawn(random: np.random.Generator, low: float, high: float) -> list[float]:
    return [float(value) for value in random.uniform(low, high, _LOT)]


def _espeak(voice: Voice, random: np.random.Generator) -> Iterator[Said]:
    synthesiser = Espeak()
    while True:
        variant = _VARIANTS[random.integers(len(_VARIANTS))]
        samples, segments = synthesiser.say(
            texts.sentence(voice.language, random, voice.held_out),
            f"{voice.name}+{variant}",
            words_per_minute=int(random.integers(120, 210)),
            pitch=int(random.integers(25, 75)),
            pitch_range=int(random.integers(20, 80)),
        )
        yield samples, synthesiser.rate_hz, segments


def _in_lots(voice: Voice, random: np.random.Generator, say: Callable[[list[str]], Iterator[Said]]) -> Iterator[Said]:
    """A lot of sentences at a time, for a synthesiser that takes long to start; none at all where it can say none."""
    while True:
        heard = 0
        for utterance in say([texts.sentence(voice.language, random, voice.held_out) for _ in range(_LOT)]):
            heard += 1
            yield utterance
        if not heard:
            return


def heard(sound: Samples) -> NDArray[np.float32]:
    """Raw log-mels of the whole sound."""
    stream = MelStream()
    return np.concatenate([stream.push(sound), stream.finish(int(np.ceil(len(sound) / 16000 * FRAME_HZ)))])


def features(sound: Samples, segments: list[Segment]) -> tuple[NDArray[np.float16], NDArray[np.uint8]]:
    """Raw log-mels and the phone at every frame's middle."""
    mel = heard(sound)
    ends = np.array([segment.end for segment in segments])
    names = np.array([INDEX[segment.phone] for segment in segments] + [INDEX["sil"]], np.uint8)
    places = np.searchsorted(ends, (np.arange(len(mel)) + 0.5) / FRAME_HZ, side="right")
    return mel.astype(np.float16), names[places]


def prepare(voice: Voice, folder: Path, seed: int) -> Path:
    """The voice's file, made if it is not there yet."""
    path = folder / f"{voice.name}-{kept.key(_MAKERS, voice, seed)}.npz"
    if not path.is_file():
        parts = [features(sound, segments) for sound, segments in spoken(voice, seed, folder.parent / "extra/root")]
        phone = np.concatenate([part[1] for part in parts])
        bounds = np.cumsum([0] + [len(part[1]) for part in parts])
        Utterances(np.concatenate([part[0] for part in parts]), phone, bounds, np.ones(len(phone), np.uint8)).save(path)
    return path
