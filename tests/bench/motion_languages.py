"""The motion network language by language, as two Markdown tables: `python -m tests.bench.motion_languages`.

Sentences: everyday ones (`tests/bench/sentences`), spoken by synthetic voices that no training has heard: in English
festival's kal and slt, in the other languages espeak-ng with variants that training leaves out. The truth is each
synthesiser's own times; espeak-ng is the synthesiser of much of the training, so its rows say how well the network
knows the language, not how well it knows people. "Kiosk" is a reverberation of 0.4 s and three others 10 dB below.

Words: people, see `spoken_words`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from math import isnan
from pathlib import Path
from typing import Final

from appliance.pipeline.motion import load_motion_model
from tests.bench import spoken_words
from tools.train import corpus, festival
from tools.train.baselines import Predictor, Samples, figures, kiosk, network
from tools.train.espeak import Espeak
from tools.train.measure import Count, Truth, truth_of
from tools.train.phones import Segment
from tools.train.sound import resampled

_SENTENCES: Final = Path(__file__).parent / "sentences"
_ESPEAK: Final = {
    "cmn": "cmn-latn-pinyin", "es": "es", "fr": "fr", "de": "de", "it": "it", "ru": "ru", "ja": "ja",
}  # fmt: skip
_VARIANTS: Final = ("Alicia", "Mario", "Denis", "shelby", "pablo", "Henrique")
_RATES: Final = (150, 175, 200)
_SEED: Final = 3000

Said = tuple[Samples, int, list[Segment]]


def lines(name: str) -> list[str]:
    """What is said: the sentences of a language, or others kept beside them."""
    return (_SENTENCES / f"{name}.txt").read_text(encoding="utf-8").split("\n")[:-1]


def _pinyin(text: str) -> str:
    from pypinyin import Style, lazy_pinyin

    return " ".join(lazy_pinyin(text, style=Style.TONE3, neutral_tone_with_five=True))


def _espeak(language: str, voice: str) -> Iterator[Said]:
    synthesiser = Espeak()
    for place, text in enumerate(lines(language)):
        variant, rate = _VARIANTS[place % len(_VARIANTS)], _RATES[place % len(_RATES)]
        samples, segments = synthesiser.say(
            _pinyin(text) if language == "cmn" else text, f"{voice}+{variant}", words_per_minute=rate
        )
        yield samples, synthesiser.rate_hz, segments


def heard(said: Iterator[Said]) -> tuple[list[Samples], list[Truth]]:
    """At 16 kHz, with the truth."""
    sounds, truths = [], []
    for samples, rate, segments in said:
        sound = resampled(samples, rate)
        sounds.append(sound)
        truths.append(truth_of(corpus.features(sound, segments)[1]))
    return sounds, truths


def sentences(predict: Predictor) -> Iterator[list[str]]:
    """The rows of the table of sentences."""
    english = lines("en")
    sources: list[tuple[str, str, str, Callable[[], Iterator[Said]]]] = [
        ("en", "kal (festival)", "segments", partial(festival.say, english, "kal_diphone")),
        ("en", "slt (festival, HTS)", "segments", partial(festival.say, english, "cmu_us_slt_arctic_hts")),
    ]
    for language, voice in _ESPEAK.items():
        sources.append((language, "espeak-ng", "events", partial(_espeak, language, voice)))
    for language, name, truth, say in sources:
        sounds, truths = heard(say())
        clean, noisy = figures(predict, sounds, truths), figures(predict, kiosk(sounds, _SEED), truths)
        yield [
            language,
            name,
            truth,
            f"{clean['closures']:.0f}",
            _pair(clean["closure_recall"], clean["closure_precision"]),
            f"{clean['false_per_10s']:.1f}",
            _pair(clean["contact_recall"], clean["contact_precision"]),
            f"{clean['opening_r']:.2f}",
            f"{clean['rounding_r']:.2f}",
            f"{clean['lag_ms']:.0f} ms",
            f"{clean['vad_f1']:.2f}",
            _pair(noisy["closure_recall"], noisy["closure_precision"]),
            f"{noisy['opening_r']:.2f}",
            f"{noisy['vad_f1']:.2f}",
        ]


def _pair(recall: float, precision: float) -> str:
    return "-" if isnan(recall) else f"{recall:.2f} / {precision:.2f}"


def words(predict: Predictor) -> Iterator[list[str]]:
    """The rows of the table of words."""
    for language, package, said in spoken_words.words():
        tracks = [predict(word.samples) for word in said]
        noisy = [predict(sound) for sound in kiosk([word.samples for word in said], _SEED)]
        plain = [place for place, word in enumerate(said) if not word.closures and not word.contacts]
        alarms = sum(spoken_words.closures(tracks[place], said[place]).wrong > 0 for place in plain)
        row = [language, package, str(len(said)), str(sum(len(word.closures) for word in said))]
        for shown in (tracks, tracks[1:] + tracks[:1], noisy):
            count = Count()
            for track, word in zip(shown, said, strict=True):
                count.add(spoken_words.closures(track, word))
            row.append(_pair(count.recall, count.precision))
        yield [*row[:5], f"{alarms} of {len(plain)}", *row[5:]]


def _print(heads: str, rows: Iterator[list[str]]) -> None:
    columns = [head.strip() for head in heads.split("|")]
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--weights", type=Path, help="other weights than the shipped ones")
    predict = network(load_motion_model(parser.parse_args().weights))
    _print(
        "language | voice | truth | closures | closure recall / precision | false per 10 s | contact recall / precision"
        " | opening r | rounding r | lag | voice F1 | kiosk: closure | opening r | voice F1",
        sentences(predict),
    )
    print()
    _print(
        "language | recordings | words | closures | closure recall / precision | words without p, b, m, f, v that"
        " close | chance | kiosk",
        words(predict),
    )


if __name__ == "__main__":
    main()
