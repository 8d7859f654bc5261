"""What a face does, frame by frame, in the terms that a painter needs.

`modes` [N, len(Mode)] are coefficients of `appliance.pipeline.modes`; `tongue` [N] 0..1 raises the tongue from the
floor of the mouth to the upper teeth; `blink` [N] 0..1 closes the eyes.
"""

from __future__ import annotations

from dataclasses import dataclass

from appliance.pipeline.face_frame import Floats


@dataclass(frozen=True, slots=True)
class Performance:
    """N frames; see the module's docstring."""

    modes: Floats
    tongue: Floats
    blink: Floats

    def __len__(self) -> int:
        return len(self.modes)

    def __getitem__(self, frames: slice) -> Performance:
        return Performance(self.modes[frames], self.tongue[frames], self.blink[frames])
