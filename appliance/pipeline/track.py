"""The motion track: what the mouth does, frame by frame.

On disk (`.npz`, uncompressed arrays, no pickles): `fps` scalar; `opening` [N] 0..1, how far the jaw and lips part;
`closure` [N] 0..1, lips sealed (p, b, m); `width` [N] -1..1, corners drawn in or spread; `rounding` [N] 0..1, lips
pushed forward; `vad` [N] 0..1, speech; `viseme` [N] int, an index into `VISEMES`. Frame i shows the instant
(i + 0.5) / fps. In memory all but `viseme` are float32.
"""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from appliance.errors import InputError
from appliance.pipeline.fragments import writing
from appliance.storage import atomic

VISEMES: Final = ("SIL", "PBM", "FV", "TH", "ALV", "VEL", "SHR", "U", "O", "A", "E", "I")
CURVES: Final = ("opening", "closure", "width", "rounding", "vad")

Curve = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class MotionTrack:
    """N frames of motion at `fps`."""

    fps: float
    opening: Curve
    closure: Curve
    width: Curve
    rounding: Curve
    vad: Curve
    viseme: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.opening)

    @classmethod
    def at_rest(cls, fps: float, frames: int) -> MotionTrack:
        """A mouth that stays shut in silence."""
        zero = np.zeros(frames, np.float32)
        return cls(fps, zero, zero, zero, zero, zero, np.zeros(frames, np.int32))

    def __getitem__(self, frames: slice) -> MotionTrack:
        curves = {name: getattr(self, name)[frames] for name in CURVES}
        return MotionTrack(self.fps, viseme=self.viseme[frames], **curves)

    @classmethod
    def joined(cls, parts: list[MotionTrack]) -> MotionTrack:
        """One track from consecutive parts (at least one) of the same rate."""
        curves = {name: np.concatenate([getattr(part, name) for part in parts]) for name in CURVES}
        return cls(parts[0].fps, viseme=np.concatenate([part.viseme for part in parts]), **curves)

    def packed(self) -> bytes:
        """All but the rate, for `unpacked`: the curves one after the other, then the visemes; 24 bytes a frame."""
        curves = [np.asarray(getattr(self, name), "<f4").tobytes() for name in CURVES]
        return b"".join([*curves, np.asarray(self.viseme, "<i4").tobytes()])

    @classmethod
    def unpacked(cls, fps: float, data: bytes) -> MotionTrack:
        """What `packed` packed; `ValueError` if these bytes are no track."""
        table = np.frombuffer(data, "<f4").reshape(len(CURVES) + 1, -1)
        curves = {name: row.astype(np.float32) for name, row in zip(CURVES, table, strict=False)}
        return cls(fps, viseme=table[-1].view("<i4").astype(np.int32), **curves)

    def save(self, path: Path) -> None:
        """Write the `.npz`, whole or not at all."""
        with writing(path), atomic.replaced_file(path, suffix=".npz") as temporary:
            curves = {name: getattr(self, name) for name in CURVES}
            np.savez(temporary, fps=np.float64(self.fps), viseme=self.viseme, **curves)

    @classmethod
    def load(cls, path: Path) -> MotionTrack:
        """Read a track; `InputError` if the file is not one."""
        try:
            with np.load(path, allow_pickle=False) as stored:
                curves = {name: stored[name].astype(np.float32) for name in CURVES}
                track = cls(float(stored["fps"]), viseme=stored["viseme"].astype(np.int32), **curves)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise InputError(
                f"{path} is not a motion track: {error}", hint="make one with `mouthpiece motion AUDIO --out FILE.npz`"
            ) from error
        if len({len(getattr(track, name)) for name in (*CURVES, "viseme")}) != 1:
            raise InputError(f"{path} is not a motion track: its curves differ in length")
        return track
