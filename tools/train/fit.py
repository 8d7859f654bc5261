"""Fits the network to the corpus: crops, augmentation, a loss that cares for closures, the rate of learning."""

from __future__ import annotations

import copy
import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from appliance.pipeline.mel import FALL_PER_FRAME, FLOOR, Channel
from appliance.pipeline.motion_net import DELAY, OUTPUTS, MotionNet, frames_of
from appliance.pipeline.track import VISEMES
from appliance.storage import atomic
from tools.train.augment import Augmenter
from tools.train.corpus import NOT_WHEN, Utterances
from tools.train.phones import PHONES
from tools.train.targets import Targets, targets

CROP: Final = 320
BATCH: Final = 16
_RATE: Final = 1.5e-3
_DECAY: Final = 0.01
_WARM_UP: Final = 200
_FOLLOW: Final = 0.003
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
# How much a viseme weighs: the rare ones that a viewer sees at once weigh more than the many that look alike.
_WEIGHTS: Final = {"PBM": 1.5, "FV": 3.0, "TH": 2.0, "U": 1.5, "O": 1.3}
_SHOWN: Final = torch.tensor([_WEIGHTS.get(viseme, 1.0) for viseme in VISEMES])


def heard(mel: Tensor) -> Tensor:
    """`mel.Level` and `mel.Channel` for a batch of crops [batch, T, bands], each at its own start."""
    fall = FALL_PER_FRAME * torch.arange(1, mel.shape[1] + 1)
    heights = (mel.mean(dim=2) + fall).clamp_min(FLOOR).cummax(dim=1).values - fall
    relative = mel - heights.clamp_min(FLOOR)[:, :, None]
    channels = [Channel() for _ in relative]
    return torch.stack([torch.from_numpy(c.equalised(r.numpy())) for c, r in zip(channels, relative, strict=True)])


class Crops:
    """Random crops of the voices; each voice is drawn with its weight."""

    def __init__(self, voices: list[Utterances], weights: list[float], seed: int) -> None:
        self._voices = voices
        self._share = np.asarray(weights) / np.sum(weights)
        self._random = np.random.default_rng(seed)

    def batch(self, size: int) -> tuple[Tensor, Tensor, Tensor]:
        """Raw log-mels [size, CROP, bands], phones and trust [size, CROP], at a random tempo."""
        mels, phones, trusts = [], [], []
        for voice in self._random.choice(len(self._voices), size, p=self._share):
            data = self._voices[voice]
            tempo = float(np.exp(self._random.uniform(-0.2, 0.2)))
            reach = int(CROP * tempo) + 1
            start = int(self._random.integers(max(len(data.phone) - reach, 1)))
            place = np.minimum(start + (np.arange(CROP) * tempo).astype(np.int64), len(data.phone) - 1)
            mels.append(data.mel[place].astype(np.float32))
            phones.append(data.phone[place].astype(np.int64))
            trusts.append(data.trust[place].astype(np.float32))
        return tuple(torch.from_numpy(np.stack(parts)) for parts in (mels, phones, trusts))  # type: ignore[return-value]


def loss_of(net: MotionNet, mel: Tensor, want: Targets, trust: Tensor) -> Tensor:
    """The weighted sum over the trusted frames; the last of the crop, still unanswered, do not count."""
    hidden, _ = net.hidden(mel, *net.initial(mel.shape[0]))
    raw = frames_of(net.exit(hidden), OUTPUTS)[:, DELAY:].float()
    assert net.helper is not None  # noqa: S101
    phones = frames_of(net.helper(hidden), len(PHONES))[:, DELAY:].float()
    frames = raw.shape[1]
    trust = trust[:, :frames]
    trusted = trust > 0
    timed = trusted & (trust != NOT_WHEN)

    def cut(curve: Tensor) -> Tensor:
        return curve[:, :frames]

    opening, closure, width, rounding, vad = raw[..., :5].unbind(-1)
    shape = (
        (8 + 16 * (1 - cut(want.vad))) * (torch.sigmoid(opening) - cut(want.opening)) ** 2
        + 2 * (torch.tanh(width) - cut(want.width)) ** 2
        + 3 * (torch.sigmoid(rounding) - cut(want.rounding)) ** 2
    )
    # A missed closure costs as much as a false one, though closed frames are few.
    sealed = functional.binary_cross_entropy_with_logits(closure, cut(want.closure), reduction="none")
    sealed = sealed * cut(want.closure_weight) * (1 + cut(want.closure))
    speech = functional.binary_cross_entropy_with_logits(vad, cut(want.vad), reduction="none")
    viseme = functional.cross_entropy(raw[..., 5:].transpose(1, 2), cut(want.viseme), _SHOWN, reduction="none")
    phone = functional.cross_entropy(phones.transpose(1, 2), cut(want.phone), reduction="none")
    look = (shape + 3 * sealed + 0.4 * viseme + 0.8 * phone) * trusted
    return look.sum() / trusted.sum().clamp_min(1) + (speech * timed).sum() / timed.sum().clamp_min(1)


class _Optimiser:
    """Muon for the weights that mix channels, AdamW for all others.

    Muon makes every direction of a matrix's step as long as the others, and so learns in half of AdamW's steps here.
    """

    def __init__(self, net: MotionNet) -> None:
        self._weights = [net.entry.weight, *(layer.weight for layer in (*net.reach, *net.mix))]
        # Muon takes matrices alone, so it is given the same numbers in that shape.
        self._matrices = [torch.nn.Parameter(weight.detach().flatten(1)) for weight in self._weights]
        others = [each for each in net.parameters() if not any(each is weight for weight in self._weights)]
        self.parts: tuple[torch.optim.Optimizer, ...] = (
            torch.optim.Muon(self._matrices, lr=_RATE, weight_decay=_DECAY, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW(others, lr=_RATE, weight_decay=_DECAY),
        )

    def step(self) -> None:
        for matrix, weight in zip(self._matrices, self._weights, strict=True):
            assert weight.grad is not None  # noqa: S101
            matrix.grad = weight.grad.flatten(1)
        for part in self.parts:
            part.step()


def fit(
    net: MotionNet,
    crops: Crops,
    *,
    steps: int,
    seed: int,
    fade: bool,
    colour_db: float = 0.0,
    report: Callable[[int, float], None] = lambda _step, _loss: None,
) -> None:
    """Train in place, at a steady rate or one that fades to nothing; `report(step, loss)` every 100 steps.

    `colour_db` is how far the colours of a speaker's vowels, murmurs and noises are moved against each other.
    What remains in `net` is the running average of its weights, which is what a lower rate would have reached.
    """
    _keep_memory()
    augment = Augmenter(torch.Generator().manual_seed(seed))
    optimiser = _Optimiser(net)
    schedules = [
        torch.optim.lr_scheduler.LambdaLR(
            part, lambda step: min(1.0, (step + 1) / _WARM_UP) * (1 - step / steps if fade else 1.0)
        )
        for part in optimiser.parts
    ]
    averaged = copy.deepcopy(net).eval()
    pairs = zip(averaged.state_dict().values(), net.state_dict().values(), strict=True)
    followers, leaders = zip(*[pair for pair in pairs if pair[0].is_floating_point()], strict=True)
    total = 0.0
    net.train()
    for step in range(1, steps + 1):
        raw, phone, trust = crops.batch(BATCH)
        with torch.no_grad():
            raw, phone = augment.emptied(raw, phone)
            if colour_db:
                raw = augment.coloured(raw, phone, colour_db)
            mel, want = heard(augment(raw)), targets(phone)
        with torch.autocast("cpu", torch.bfloat16):
            loss = loss_of(net, mel, want, trust)
        net.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        for schedule in schedules:
            schedule.step()
        with torch.no_grad():
            for follower, leader in zip(followers, leaders, strict=True):
                follower.lerp_(leader, max(_FOLLOW, 1 / step))
        total += float(loss.detach())
        if step % 100 == 0:
            report(step, total / 100)
            total = 0.0
    net.load_state_dict(averaged.state_dict())
    net.eval()


def saved(net: MotionNet, path: Path) -> None:
    """Keeps a network that learns, as an npz of its state."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic.replaced_file(path, suffix=".npz") as temporary:
        np.savez(temporary, **{name: tensor.numpy() for name, tensor in net.state_dict().items()})


def loaded(path: Path) -> MotionNet:
    """What `saved` kept."""
    net = MotionNet(extra=len(PHONES))
    with np.load(path, allow_pickle=False) as stored:
        net.load_state_dict({name: torch.from_numpy(stored[name]) for name in stored.files})
    return net.eval()


def _keep_memory() -> None:
    """Let the C library keep freed memory: to fetch the same pages anew in every step costs a third of the time."""
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        for option, value in ((_M_TRIM_THRESHOLD, 2**31 - 1), (_M_MMAP_THRESHOLD, 2**30)):
            library.mallopt(option, value)
