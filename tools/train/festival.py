"""festival as a source of speech with the exact time of every segment.

One festival process speaks a list of texts; every utterance comes back as a WAV and its label file. Segments tile
the signal; a stop's segment holds its closure and its burst.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from appliance.errors import UnhealthyError
from tools.train.phones import Segment, tiled
from tools.train.wav import read_wave

PHONE_SET: Final = {
    "ked_diphone": "radio",
    "kal_diphone": "radio",
    "cmu_us_slt_arctic_hts": "radio",
    "lp_diphone": "italian",
    "pc_diphone": "italian",
    "suo_fi_lj_diphone": "finnish",
    "hy_fi_mv_diphone": "finnish",
    "czech_dita": "czech",
    "czech_machac": "czech",
    "czech_krb": "czech",
    "czech_ph": "czech",
    "upc_ca_ona_hts": "catalan",
    "msu_ru_nsh_clunits": "russian",
    "hindi_NSK_diphone": "indian",
    "telugu_NSK_diphone": "indian",
}
PITCHED: Final = ("ked_diphone", "suo_fi_lj_diphone", "hy_fi_mv_diphone")
"""Voices whose intonation can be moved up and down."""
_ENCODING: Final = {"czech": "iso-8859-2", "russian": "utf-8", "indian": "utf-8"}
_TIMEOUT_S: Final = 1800


def say(
    texts: list[str], voice: str, pitches_hz: list[float] | None = None
) -> Iterator[tuple[NDArray[np.float32], int, list[Segment]]]:
    """Samples, sample rate and segments of each text; a text that festival cannot say is left out.

    `pitches_hz`, the mean pitch of each text, is for voices of `PITCHED` alone.
    """
    program = shutil.which("festival")
    if program is None:
        raise UnhealthyError("festival is not installed", hint="apt install festival")
    phone_set = PHONE_SET[voice]
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "say.scm"
        lines = [f"(voice_{voice})"]
        for number, text in enumerate(texts):
            if pitches_hz:
                mean = pitches_hz[number]
                lines.append(
                    f"(set! int_lr_params '((target_f0_mean {mean:.0f}) (target_f0_std {mean / 7:.0f})"
                    " (model_f0_mean 170) (model_f0_std 34)))"
                )
            quoted = text.replace("\\", "").replace('"', "")
            # unwind-protect goes on with the next text where a rule of the voice fails on this one.
            lines.append(
                f'(unwind-protect (let ((u (utt.synth (Utterance Text "{quoted}"))))'
                f' (utt.save.wave u "{folder}/{number}.wav" "riff") (utt.save.segs u "{folder}/{number}.lab")) nil)'
            )
        script.write_text("\n".join(lines), encoding=_ENCODING.get(phone_set, "iso-8859-15"), errors="ignore")
        subprocess.run([program, "-b", str(script)], capture_output=True, check=False, timeout=_TIMEOUT_S)
        for number in range(len(texts)):
            sound, labels = Path(folder) / f"{number}.wav", Path(folder) / f"{number}.lab"
            if sound.is_file() and labels.is_file():
                samples, rate = read_wave(sound)
                yield samples, rate, _read_labels(labels, phone_set)


def _read_labels(path: Path, phone_set: str) -> list[Segment]:
    """Lines `END 100 NAME` after a line `#`."""
    body = path.read_text(errors="replace").partition("#\n")[2]
    ended = (line.split()[:3] for line in body.splitlines())
    return tiled(((name, float(end)) for end, _, name in ended), phone_set)
