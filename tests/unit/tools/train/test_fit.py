"""Training: repeatable by seed, it learns, and what it writes is what both engines run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("onnx", reason="writing the graph needs onnx")

import torch

from appliance.pipeline import motion_engines, motion_weights
from appliance.pipeline.mel import FRAME_HZ, Channel, Level
from appliance.pipeline.motion_net import OUTPUTS, STRIDE, VAD, MotionNet
from tools.train import export, fit
from tools.train.augment import Augmenter
from tools.train.corpus import NOT_WHEN, Utterances
from tools.train.phones import INDEX, PHONES
from tools.train.targets import targets


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit, "BATCH", 8)
    monkeypatch.setattr(fit, "_WARM_UP", 1)


def simple_voice(frames: int = 3000) -> Utterances:
    """Silence, a vowel and m in turn, each with a spectrum of its own."""
    random = np.random.default_rng(0)
    phone = np.resize(np.repeat([INDEX["sil"], INDEX["a"], INDEX["m"], INDEX["a"]], 12), frames).astype(np.uint8)
    looks = random.uniform(-12, 0, (len(PHONES), 40))
    looks[INDEX["sil"]] = -22
    mel = looks[phone] + 0.2 * random.standard_normal((frames, 40))
    return Utterances(mel.astype(np.float16), phone, np.array([0, frames]), np.ones(frames, np.uint8))


def trained(steps: int, seed: int) -> MotionNet:
    torch.manual_seed(seed)
    net = MotionNet(extra=len(PHONES))
    fit.fit(net, fit.Crops([simple_voice()], [1.0], seed), steps=steps, seed=seed, fade=True)
    return net.eval()


def test_the_same_seed_gives_the_same_network() -> None:
    one, other, foreign = trained(2, 5), trained(2, 5), trained(2, 6)
    for name, tensor in one.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name])
    assert not torch.equal(one.entry.weight, foreign.entry.weight)


def test_training_lowers_the_loss() -> None:
    torch.manual_seed(0)
    net = MotionNet(extra=len(PHONES))
    crops = fit.Crops([simple_voice()], [1.0], 0)
    raw, phone, trust = crops.batch(8)

    def loss() -> float:
        net.eval()
        with torch.no_grad():
            return float(fit.loss_of(net, fit.heard(raw), targets(phone), trust))

    before = loss()
    fit.fit(net, crops, steps=20, seed=0, fade=False)
    assert loss() < 0.8 * before


def test_frames_that_are_not_trusted_do_not_count() -> None:
    net = MotionNet(extra=len(PHONES)).eval()
    raw, phone, trust = fit.Crops([simple_voice()], [1.0], 0).batch(2)
    trust[:, 200:] = 0
    spoilt = phone.clone()
    spoilt[:, 220:] = INDEX["f"]
    with torch.no_grad():
        losses = [float(fit.loss_of(net, fit.heard(raw), targets(said), trust)) for said in (phone, spoilt)]
    assert losses[0] == pytest.approx(losses[1])


def test_who_is_trusted_in_what_but_not_in_when_teaches_no_voice_activity() -> None:
    torch.manual_seed(0)
    net = MotionNet(extra=len(PHONES)).eval()
    raw, phone, trust = fit.Crops([simple_voice()], [1.0], 0).batch(2)

    def lesson(trust: torch.Tensor) -> list[int]:
        """The outputs whose biases are to change."""
        net.zero_grad()
        fit.loss_of(net, fit.heard(raw), targets(phone), trust).backward()  # type: ignore[no-untyped-call]
        bias = net.exit.bias
        assert bias is not None
        assert bias.grad is not None
        changed = bias.grad.reshape(STRIDE, OUTPUTS).abs().amax(dim=0) > 1e-4
        return [int(place) for place in changed.nonzero().flatten()]

    everything = lesson(trust)
    assert VAD in everything
    assert lesson(torch.full_like(trust, NOT_WHEN)) == [output for output in everything if output != VAD]
    assert lesson(torch.zeros_like(trust)) == []


def test_a_network_is_kept_with_all_that_it_has_learnt(tmp_path: Path) -> None:
    net = trained(1, 4)
    fit.saved(net, tmp_path / "here" / "net.npz")
    for name, tensor in fit.loaded(tmp_path / "here" / "net.npz").state_dict().items():
        assert torch.equal(tensor, net.state_dict()[name])


def test_a_batch_hears_what_the_stream_hears() -> None:
    mel = simple_voice(500).mel.astype(np.float32)
    stream = Channel().equalised(Level().relative(mel))
    np.testing.assert_allclose(fit.heard(torch.from_numpy(mel)[None])[0].numpy(), stream, atol=1e-4)


def test_augmentation_is_repeatable_and_finite() -> None:
    mel = torch.from_numpy(simple_voice(800).mel.astype(np.float32)).reshape(4, 200, 40)
    one, other = (Augmenter(torch.Generator().manual_seed(3))(mel) for _ in range(2))
    assert torch.equal(one, other)
    assert torch.isfinite(one).all()
    assert not torch.equal(one, mel)


def test_vowels_murmurs_and_noises_are_coloured_apart() -> None:
    phone = torch.tensor([[INDEX[name] for name in ("a", "m", "s", "e", "n", "t")]])
    changed = Augmenter(torch.Generator().manual_seed(1)).coloured(torch.zeros(1, 6, 40), phone, 3.0)[0]
    for one in range(3):
        assert torch.equal(changed[one], changed[one + 3])
        assert not torch.equal(changed[one], changed[(one + 1) % 3])
    assert 0.1 < changed.std() < 2


def test_an_empty_room_has_no_labels() -> None:
    mel = torch.zeros(200, 10, 40)
    phone = torch.full((200, 10), INDEX["a"])
    _, after = Augmenter(torch.Generator().manual_seed(0)).emptied(mel, phone)
    assert set(after.sum(dim=1).tolist()) == {0, 10 * INDEX["a"]}


def test_both_engines_run_what_was_written(tmp_path: Path) -> None:
    torch.manual_seed(2)
    net = MotionNet()
    export.write(
        {name: tensor.numpy() for name, tensor in net.state_dict().items()},
        tmp_path / "mine.safetensors",
    )
    weights = motion_weights.read(tmp_path / "mine.onnx")
    mel = np.random.default_rng(0).standard_normal((int(FRAME_HZ), 40)).astype(np.float32)
    results = []
    for name in motion_engines.NAMES:
        engine = motion_engines.load(weights, name, "cpu")
        first, state = engine.run(mel[:30], engine.initial())
        results.append(np.concatenate([first, engine.run(mel[30:], state)[0]]))
    np.testing.assert_allclose(results[0], results[1], atol=1e-4)


def test_folding_the_normalisation_changes_nothing() -> None:
    net = trained(3, 1)
    shipped = MotionNet().eval()
    shipped.load_state_dict({name: torch.from_numpy(tensor) for name, tensor in export.folded(net).items()})
    mel = torch.randn(1, 200, 40)
    with torch.no_grad():
        torch.testing.assert_close(shipped(mel, *shipped.initial())[0], net(mel, *net.initial())[0], atol=1e-3, rtol=0)


def test_the_files_do_not_depend_on_the_day(tmp_path: Path) -> None:
    tensors = {name: tensor.numpy() for name, tensor in MotionNet().state_dict().items()}
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
        export.write(tensors, tmp_path / folder / "base.safetensors")
    for suffix in ("safetensors", "onnx"):
        assert (tmp_path / "one" / f"base.{suffix}").read_bytes() == (
            tmp_path / "other" / f"base.{suffix}"
        ).read_bytes()
