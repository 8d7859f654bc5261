"""What the motion network costs the processor, as a Markdown table: `python -m tests.bench.motion_cost`.

Processor time of all threads over the time of the speech, for every engine that runs the network and in blocks as a
microphone gives them; the best of three. `--weights FILE` measures another network.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Final

import numpy as np

from appliance.pipeline import motion_int8, motion_weights
from appliance.pipeline.motion import MotionModel
from appliance.settings import SPEECH_RATE_HZ
from tools.train import corpus
from tools.train.baselines import Predictor, Samples, network, utterances

_SECONDS: Final = 60.0
_SEED: Final = 77
_BLOCKS_S: Final = (0.04, 0.1, _SECONDS)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--weights", type=Path, default=motion_weights.SHIPPED, help="the float network")
    path: Path = parser.parse_args().weights
    exact, small = motion_weights.read(path), motion_int8.read(path.with_suffix(motion_int8.SUFFIX))
    voice = next(voice for voice in corpus.VALIDATION if voice.kind == "espeak")
    speech = np.resize(np.concatenate(utterances(voice, _SECONDS, _SEED)[0]), round(_SECONDS * SPEECH_RATE_HZ))
    print("| engine | in blocks of 40 ms | 100 ms | at once |\n|---|---|---|---|")
    for name, weights, engine in (
        ("ONNX Runtime", exact, "onnxruntime"),
        ("torch", exact, "torch"),
        ("ONNX Runtime, int8", small, "onnxruntime"),
    ):
        model = MotionModel(weights, engine, "cpu")
        shares = [min(_share(network(model, block), speech) for _ in range(3)) for block in _BLOCKS_S]
        print(f"| {name} | {' | '.join(f'{share:.2%}' for share in shares)} |", flush=True)


def _share(predict: Predictor, speech: Samples) -> float:
    """The part of one core that is busy with speech in real time."""
    started = time.process_time()
    predict(speech)
    return (time.process_time() - started) / _SECONDS


if __name__ == "__main__":
    main()
