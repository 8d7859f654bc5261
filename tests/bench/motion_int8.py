"""What int8 costs, on the validation voices, as a Markdown table: `python -m tests.bench.motion_int8`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

import numpy as np

from appliance.pipeline import motion_int8, motion_weights
from appliance.pipeline.motion import MotionModel, load_motion_model
from appliance.pipeline.track import CURVES
from tools.train import corpus
from tools.train.baselines import figures, kiosk, network, utterances

_SECONDS: Final = 60.0
_SEED: Final = 77


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--weights", type=Path, default=motion_weights.SHIPPED, help="the float network")
    weights: Path = parser.parse_args().weights
    small = MotionModel(motion_int8.read(weights.with_suffix(motion_int8.SUFFIX)), "onnxruntime", "cpu")
    exact, rounded = network(load_motion_model(weights)), network(small)
    print("| voice | closures | float: closure recall / precision | int8 | curves differ by | visemes differ |")
    print(f"|{'---|' * 6}")
    for voice in corpus.VALIDATION:
        clean, truths = utterances(voice, _SECONDS, _SEED)
        for name, sounds in ((voice.name, clean), (f"{voice.name}, kiosk", kiosk(clean, _SEED))):
            pairs = [(exact(sound), rounded(sound)) for sound in sounds]
            apart = max(
                float(np.concatenate([np.abs(getattr(a, curve) - getattr(b, curve)) for a, b in pairs]).mean())
                for curve in CURVES
            )
            visemes = np.concatenate([a.viseme != b.viseme for a, b in pairs]).mean()
            before, after = figures(exact, sounds, truths), figures(rounded, sounds, truths)
            both = [f"{row['closure_recall']:.2f} / {row['closure_precision']:.2f}" for row in (before, after)]
            print(
                f"| {name} | {before['closures']:.0f} | {both[0]} | {both[1]} | {apart:.3f} | {visemes:.0%} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
