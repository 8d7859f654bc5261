"""Keeps the motion network running when the GPU does not: smaller blocks first, then the CPU.

The state stays in host memory between blocks, so neither step loses a frame: the block that failed is run again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

import numpy as np

from appliance.pipeline.motion_engines import Array, Engine, State

_SMALLEST_BLOCK: Final = 64
"""Frames. A block that does not fit even so is no question of size."""
_log = logging.getLogger(__name__)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a library complains of GPU memory; CUDA, torch and ONNX Runtime say it in words only."""
    text = f"{type(error).__name__} {error}".lower()
    return "out of memory" in text or "outofmemory" in text or "failed to allocate memory" in text


class GuardedEngine:
    """An engine that falls back; `device` is where it runs now, `warnings` says what happened."""

    def __init__(self, first: Engine, device: str, on_cpu: Callable[[], Engine], warnings: list[str]) -> None:
        self.device = device
        self._engine = first
        self._on_cpu = on_cpu
        self._warnings = warnings

    def initial(self) -> State:
        return self._engine.initial()

    def run(self, mel: Array, state: State) -> tuple[Array, State]:
        """Like `Engine.run`, for a block of any even length."""
        try:
            return self._engine.run(mel, state)
        except Exception as error:
            if self.device == "cpu":
                raise
            if is_out_of_memory(error) and len(mel) > _SMALLEST_BLOCK:
                half = len(mel) // 4 * 2
                self._warn(f"out of GPU memory on a block of {len(mel)} frames: going on in smaller blocks")
                first, between = self.run(mel[:half], state)
                second, after = self.run(mel[half:], between)
                return np.concatenate([first, second]), after
            self._warn(f"the GPU failed ({type(error).__name__}: {str(error)[:120]}): going on on the CPU")
            self._engine, self.device = self._on_cpu(), "cpu"
            return self._engine.run(mel, state)

    def _warn(self, text: str) -> None:
        if text not in self._warnings:
            self._warnings.append(text)
            _log.warning("%s", text)
