"""festival's British voice rab, which speaks what espeak-ng pronounces, at espeak-ng's times.

Its own front end needs a lexicon that is not free, so it is given phones (of the `mrpa` set), durations and pitch
targets: the times of the segments are known because they were set. Segments tile the signal but for its last 0.03 s,
which are silent; a stop's segment holds its closure and its burst.

Debian's other voice of the kind, don, does not keep to the durations: it lags by 0.1 s at the end of a sentence.

`root` is where tools/train/extra_packages.sh unpacked the packages. Raises `UnhealthyError` where they are not there.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from appliance.errors import UnhealthyError
from tools.train.espeak import Espeak
from tools.train.phones import Segment
from tools.train.wav import read_wave

_VOICE: Final = "rab_diphone"
_ACCENT: Final = "en-gb-x-rp"
_SHORTEST_S: Final = 0.03
"""A pause under this is espeak's way of joining words, and any other sound is spoken for this long."""
_LONG_S: Final = 0.09
"""From this on a vowel that may be either is the long one, and is said higher."""
_TIMEOUT_S: Final = 1800

_PAIRS: Final = {
    ("a", "ih"): "ai", ("e", "ih"): "ei", ("o", "ih"): "oi", ("a", "u"): "au", ("ax", "u"): "ou", ("i", "ax"): "i@",
    ("ih", "ax"): "i@", ("e", "ax"): "e@", ("u", "ax"): "u@", ("t", "sh"): "ch", ("d", "zh"): "jh",
}  # fmt: skip
_SINGLE: Final = {
    "sil": "#", "j": "y", "i": "ii", "ih": "i", "ae": "a", "ah": "uh", "ax": "@", "er": "@@", "o": "oo", "rr": "r",
    "y": "uu", "oe": "@@",
}  # fmt: skip
_BY_LENGTH: Final = {"a": ("o", "aa"), "u": ("u", "uu")}
_VOWELS: Final = ("i", "ih", "e", "ae", "a", "ah", "ax", "er", "o", "u", "y", "oe")


class _Unit(NamedTuple):
    """A sound of the voice, and the segments (two of a diphthong or an affricate) that it is."""

    name: str
    parts: list[Segment]


def say(
    texts: list[str], root: Path, pitches_hz: list[float]
) -> Iterator[tuple[NDArray[np.float32], int, list[Segment]]]:
    """Samples, sample rate and segments of each text, spoken at about its mean pitch.

    A text that festival cannot say is left out, as is one with two sounds whose joint the voice does not have.
    """
    program = shutil.which("festival")
    home = root / "usr/share/festival/voices/english" / _VOICE
    if program is None:
        raise UnhealthyError("festival is not installed", hint="apt install festival")
    if not home.is_dir():
        raise UnhealthyError(f"festival's voice {_VOICE} is not in {root}", hint="run tools/train/extra_packages.sh")
    espeak = Espeak()
    spoken = [_units(espeak.say(text, _ACCENT)[1]) for text in texts]
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "say.scm"
        lines = [
            "(define (setup_oald_lex) nil)",
            '(lex.create "oald")',
            '(lex.set.phoneset "mrpa")',
            f'(set! voice-locations (cons (cons \'{_VOICE} "{home}/") voice-locations))',
            f'(load "{home}/festvox/{_VOICE}.scm")',
            f"(voice_{_VOICE})",
        ]
        for number, (units, pitch_hz) in enumerate(zip(spoken, pitches_hz, strict=True)):
            lines += [
                f"(unwind-protect (let ((u (utt.synth (Utterance Segments ({_written(units, pitch_hz)})))))"
                f' (utt.save.wave u "{folder}/{number}.wav" "riff")) nil)',
                f'(format stderr "said {number}\\n")',
            ]
        script.write_text("\n".join(lines))
        done = subprocess.run([program, "-b", str(script)], capture_output=True, check=False, timeout=_TIMEOUT_S)
        complaints = done.stderr.decode("latin-1")
        for number, units in enumerate(spoken):
            told, _, complaints = complaints.partition(f"said {number}\n")
            sound = Path(folder) / f"{number}.wav"
            if sound.is_file() and "diphone" not in told:
                yield *read_wave(sound), [part for unit in units for part in unit.parts]


def _units(segments: list[Segment]) -> list[_Unit]:
    """The sounds one after another, none too short to be spoken; a sound said twice in a row is one."""
    joined: list[Segment] = []
    for segment in segments:
        same = joined and joined[-1].phone == segment.phone
        if joined and (same or (segment.phone == "sil" and segment.end - segment.start < _SHORTEST_S)):
            joined[-1] = joined[-1]._replace(end=segment.end)
        else:
            joined.append(segment)
    units: list[_Unit] = []
    now, place = 0.0, 0
    while place < len(joined):
        pair = _PAIRS.get((joined[place].phone, joined[place + 1].phone if place + 1 < len(joined) else ""))
        parts = []
        for start, end, phone in joined[place : place + (2 if pair else 1)]:
            parts.append(Segment(now, now + max(end - start, _SHORTEST_S), phone))
            now = parts[-1].end
        units.append(_Unit(pair or _single(parts[0]), parts))
        place += len(parts)
    return units


def _single(segment: Segment) -> str:
    if segment.phone in _BY_LENGTH:
        return _BY_LENGTH[segment.phone][segment.end - segment.start >= _LONG_S]
    return _SINGLE.get(segment.phone, segment.phone)


def _written(units: list[_Unit], pitch_hz: float) -> str:
    """festival's list of sounds, durations and pitch targets: a vowel has one, lower towards the end."""
    whole = units[-1].parts[-1].end if units else 0.0
    written = []
    for name, parts in units:
        length = parts[-1].end - parts[0].start
        target = ""
        if parts[0].phone in _VOWELS:
            height = 1.1 - 0.25 * parts[0].start / whole + (0.1 if length >= _LONG_S else 0.0)
            target = f" ({length / 2:.4f} {pitch_hz * height:.0f})"
        written.append(f"({name} {length:.4f}{target})")
    return " ".join(written)
