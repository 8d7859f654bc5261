"""How well the shipped motion network does on voices that it never heard: `python -m tests.bench.motion_score`.

Voices: those of `tools.train.corpus.VALIDATION`, synthesised again with another seed, an actress and two neural voices
(`tools.train.unheard`), whose truth is PocketSphinx's alignment of their words. In the same run: the track of the
loudness alone and, where it is installed and the voice speaks English, PocketSphinx's all-phone recogniser; and the
same in a reverberant room with three other utterances of the voice 10 dB below. Controls: the truth against itself,
the truth 200 ms late, another utterance's truth. `--json FILE` keeps the figures; `--seed N` lets the voices say
something else.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from appliance.pipeline.motion import load_motion_model
from tools.train import corpus, dialogues, takes, unheard
from tools.train.baselines import (
    Predictor,
    Samples,
    envelope,
    figures,
    ideal,
    kiosk,
    late,
    network,
    pocketsphinx,
    utterances,
)
from tools.train.measure import Truth, score, summary

_SEED: Final = 1000
_SECONDS: Final = 180.0

Source = tuple[str, str, list[Samples], list[Truth]]
"""Name, language, what is heard and what is said."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, help="keep the figures here")
    parser.add_argument("--weights", type=Path, help="other weights than the shipped ones")
    parser.add_argument("--seed", type=int, default=_SEED, help="what the voices say")
    options = parser.parse_args()
    shown(measured(_validation(options.seed), options.weights, options.seed), options.json)


def measured(sources: Iterable[Source], weights: Path | None, seed: int) -> dict[str, dict[str, float]]:
    """The figures of the network, the baselines and the controls on every source."""
    net, sphinx = network(load_motion_model(weights)), pocketsphinx()
    table: dict[str, dict[str, float]] = {}
    for name, language, voices, truths in sources:
        rows: dict[str, tuple[Predictor, list[Samples]]] = {
            "network": (net, voices),
            "network in the kiosk": (net, kiosk(voices, seed)),
            "envelope": (envelope, voices),
        }
        if sphinx and language == "en":
            rows["pocketsphinx"] = (sphinx, voices)
            rows["pocketsphinx in the kiosk"] = (sphinx, rows["network in the kiosk"][1])
        for row, (predict, sounds) in rows.items():
            table[f"{name}: {row}"] = figures(predict, sounds, truths)
        tracks = [ideal(truth) for truth in truths]
        for control, predicted in (
            ("control: the truth", tracks),
            ("control: 200 ms late", [late(track, 0.2) for track in tracks]),
            ("control: another utterance", tracks[1:] + tracks[:1]),
        ):
            table[f"{name}: {control}"] = summary([score(*pair) for pair in zip(predicted, truths, strict=True)])
    return table


def shown(table: dict[str, dict[str, float]], path: Path | None) -> None:
    """Prints the figures, and keeps them at `path`."""
    for name, values in table.items():
        print(f"{name:46}", " ".join(f"{key}={value:.3f}" for key, value in values.items()))
    if path:
        path.write_text(json.dumps(table, indent=1))


def _validation(seed: int) -> Iterator[Source]:
    for voice in corpus.VALIDATION:
        yield voice.name, voice.language, *utterances(voice, _SECONDS, seed)
    yield dialogues.HEROINE, "en", *unheard.heroine()
    for name in takes.HELD_OUT:
        yield name, "en", *unheard.neural(name, _SECONDS, seed)


if __name__ == "__main__":
    main()
