"""Speakers of English whom nobody knows: between the voices of Kokoro, and a little beyond them.

Each has the timbre of two voices, of any language, and the manner of speaking of two English ones, in random shares.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Final

import numpy as np

from tools.train import kokoro
from tools.train.kokoro import STYLE, Styles

NAMES: Final = tuple(f"{accent}-crowd-{number:02d}" for accent in "ab" for number in range(20))
"""The first letter is the accent, as in the names of Kokoro's own voices."""
_BEYOND: Final = 0.25
_TIMBRE: Final = STYLE // 2


def styles(name: str, folder: Path, without: Collection[str]) -> Styles:
    """One of them; `folder` keeps Kokoro's voices, `without` names those that lend nothing."""
    random = np.random.default_rng([NAMES.index(name), len(NAMES)])
    lenders = [voice for voice in kokoro.voices(folder) if voice not in without]
    english = [voice for voice in lenders if voice[0] in "ab"]
    timbre, other_timbre = (kokoro.styles(voice, folder) for voice in random.choice(lenders, 2, replace=False))
    manner, other_manner = (kokoro.styles(voice, folder) for voice in random.choice(english, 2, replace=False))
    share, manners_share = random.uniform(-_BEYOND, 1 + _BEYOND), random.uniform(0, 1)
    mixed = np.empty_like(timbre)
    mixed[:, :_TIMBRE] = ((1 - share) * timbre + share * other_timbre)[:, :_TIMBRE]
    mixed[:, _TIMBRE:] = ((1 - manners_share) * manner + manners_share * other_manner)[:, _TIMBRE:]
    return mixed
