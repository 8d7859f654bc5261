"""The motion network on what is kept for acceptance alone: `python -m tests.bench.motion_acceptance`.

Nothing is trained, tuned or chosen on these, so this is run when everything else is settled. Measures, baselines and
the kiosk are those of `motion_score`.

- flite's voices, saying everyday sentences; the truth is flite's own segment times. kal and slt are other syntheses of
  two people that choices were made on, awb and rms nobody's.
- The English telephone prompts, a person in a studio. Their words are in Asterisk's `core-sounds-en.txt`, which Debian
  does not package: `--transcripts FILE`; without it they are left out. The truth is PocketSphinx's alignment, as for
  the English of `tools.train.unheard`. Prompts with digits or sounds are left out.
- The recordings of alsa-utils, a person who says eight times where a loudspeaker stands, without p, b or m: what counts
  is that the mouth stays open.

Needs the Debian packages flite, asterisk-core-sounds-en-g722 and alsa-utils and the Python extras train and voices;
raises `UnhealthyError` without the first two.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from appliance.errors import UnhealthyError
from tests.bench.motion_languages import Said, heard, lines
from tests.bench.motion_score import Source, measured, shown
from tools.train import unheard
from tools.train.phones import Segment, tiled
from tools.train.sound import decoded, levelled
from tools.train.wav import read_wave

_FLITE: Final = ("awb", "rms", "slt", "kal16", "kal")
_PROMPTS: Final = Path("/usr/share/asterisk/sounds/en_US_f_Allison")
_ALSA: Final = Path("/usr/share/sounds/alsa")
_SEED: Final = 9000


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--transcripts", type=Path, help="core-sounds-en.txt of Asterisk's sounds")
    parser.add_argument("--json", type=Path, help="keep the figures here")
    options = parser.parse_args()
    shown(measured(_sources(options.transcripts), None, _SEED), options.json)


def _sources(transcripts: Path | None) -> Iterator[Source]:
    for voice in _FLITE:
        yield f"flite {voice}", "en", *heard(_flite(voice))
    if transcripts:
        prompts = ((text, levelled(decoded(path))) for path, text in _prompts(transcripts))
        yield "the English prompts", "en", *unheard.aligned(prompts)
    named = ((path.stem.replace("_", " "), levelled(decoded(path))) for path in sorted(_ALSA.glob("*_*.wav")))
    yield "alsa-utils", "en", *unheard.aligned(named)


def _flite(voice: str) -> Iterator[Said]:
    """What one of flite's voices says."""
    program = shutil.which("flite")
    if program is None:
        raise UnhealthyError("flite is not installed", hint="apt install flite")
    with tempfile.TemporaryDirectory() as folder:
        wave = Path(folder) / "said.wav"
        for text in lines("en") + lines("acceptance"):
            said = subprocess.run(
                [program, "-voice", voice, "-psdur", "-t", text, "-o", str(wave)],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            yield *read_wave(wave), _segments(said.stdout)


def _segments(printed: str) -> list[Segment]:
    """From flite's `NAME:END NAME:END …`, in seconds."""
    return tiled(((name, float(end)) for name, end in re.findall(r"(\w+):([\d.]+)", printed)), "radio")


def _prompts(transcripts: Path) -> Iterator[tuple[Path, str]]:
    """The prompts that are installed and whose words are written out: lines `NAME: TEXT`."""
    if not _PROMPTS.is_dir():
        raise UnhealthyError("the English prompts are not installed", hint="apt install asterisk-core-sounds-en-g722")
    for name, text in re.findall(r"^([^;:\s]+): (.+)$", transcripts.read_text(encoding="utf-8"), re.MULTILINE):
        path = _PROMPTS / f"{name.removesuffix('.wav')}.g722"
        if path.is_file() and not re.search(r"[\[(\d#*]", text):
            yield path, text


if __name__ == "__main__":
    main()
