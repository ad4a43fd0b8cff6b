"""Fine-tune a head on standardised vectors: AdamW, dropout, and a memory of what it knew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from backend.tuning.head import LEARNT, Floats, Head, gelu

Report = Callable[[dict[str, Any], Head], None]
_BETAS = (0.9, 0.999)
_EPSILON = 1e-8


@dataclass(frozen=True, slots=True)
class TuneRecipe:
    """How a head is fine-tuned; chosen on planted domains of training pictures (docs/loop.md)."""

    steps: int = 200
    batch_size: int = 192
    lr: float = 1e-3
    """At the start; it falls to nothing along a cosine."""
    weight_decay: float = 0.01
    drop_in: float = 0.2
    drop_hidden: float = 0.5
    """Both as the released heads were fitted."""
    replay_share: float = 0.5
    """Part of every batch that comes from the release's own training rows."""
    memory: float = 0.5
    """How far a replayed row's target is what the release said of it, and not its label.
    Source: Li & Hoiem 2016, "Learning without Forgetting", arXiv 1606.09282."""
    folds: int = 2
    """Held-out groups of the new data that thresholds are set on."""
    report_every: int = 20


@dataclass(frozen=True, slots=True)
class Rows:
    """Vectors as the head is shown them (n, d), and the probability each is to be given (n,)."""

    shown: Floats
    wanted: Floats

    def __len__(self) -> int:
        return len(self.wanted)


def fit(
    head: Head,
    new: Rows,
    replay: Rows,
    recipe: TuneRecipe,
    *,
    seed: int = 0,
    report: Report = lambda entry, head: None,
) -> Head:
    """Return the head after so many steps; alike for the same rows, recipe and seed.

    `report` hears step, losses and the head so far every `report_every` steps, and may raise
    to stop.
    """
    rng = np.random.default_rng(seed)
    learnt = [np.array(getattr(head, name)) for name in LEARNT]
    moments = [(np.zeros_like(p), np.zeros_like(p)) for p in learnt]
    replayed = round(recipe.batch_size * recipe.replay_share) if len(replay) else 0
    fresh = recipe.batch_size - replayed
    losses: list[tuple[float, float]] = []
    for step in range(1, recipe.steps + 1):
        mine, old = rng.integers(0, len(new), fresh), rng.integers(0, max(1, len(replay)), replayed)
        shown = np.concatenate([new.shown[mine], replay.shown[old]])
        wanted = np.concatenate([new.wanted[mine], replay.wanted[old]])
        gradients, loss = _gradients(learnt, head.out_bias, shown, wanted, recipe, rng)
        losses.append((float(loss[:fresh].mean()), float(loss[fresh:].mean()) if replayed else 0.0))
        rate = recipe.lr * 0.5 * (1 + np.cos(np.pi * (step - 1) / recipe.steps))
        _adamw(learnt, gradients, moments, step, rate, recipe.weight_decay)
        if step % recipe.report_every == 0 or step == recipe.steps:
            new_loss, replay_loss = np.mean(losses, axis=0)
            entry = {"step": step, "loss": float(new_loss), "replay_loss": float(replay_loss)}
            report(entry, _with(head, learnt))
            losses.clear()
    return _with(head, learnt).halved()


def _with(head: Head, learnt: list[Floats]) -> Head:
    return replace(head, **dict(zip(LEARNT, learnt, strict=True)))


def _gradients(
    learnt: list[Floats],
    out_bias: Floats,
    shown: Floats,
    wanted: Floats,
    recipe: TuneRecipe,
    rng: np.random.Generator,
) -> tuple[list[Floats], npt.NDArray[Any]]:
    """Return the gradients of the mean cross-entropy, and each row's (n,)."""
    weight, bias, out = learnt
    shown = shown * _kept(shown.shape, recipe.drop_in, rng)
    activity, slope = gelu(shown @ weight.T + bias)
    kept = _kept(activity.shape, recipe.drop_hidden, rng)
    hidden = activity * kept
    logits = hidden @ out[0] + out_bias[0]
    by_logit = ((_sigmoid(logits) - wanted) / len(wanted)).astype(np.float32)
    by_hidden = by_logit[:, None] * out * kept * slope
    loss = np.logaddexp(0.0, logits) - wanted * logits
    return [by_hidden.T @ shown, by_hidden.sum(axis=0), (by_logit @ hidden)[None]], loss


def _kept(shape: tuple[int, ...], drop: float, rng: np.random.Generator) -> Floats | float:
    """Return a dropout mask that keeps the mean."""
    if not drop:
        return 1.0
    mask = rng.random(shape, dtype=np.float32) >= drop
    return np.asarray(mask / np.float32(1 - drop), np.float32)


def _adamw(
    learnt: list[Floats],
    gradients: list[Floats],
    moments: list[tuple[Floats, Floats]],
    step: int,
    rate: float,
    decay: float,
) -> None:
    """Take one step of AdamW in place (Loshchilov & Hutter 2019, arXiv 1711.05101)."""
    first, second = _BETAS
    for value, gradient, (mean, square) in zip(learnt, gradients, moments, strict=True):
        mean += (1 - first) * (gradient - mean)
        square += (1 - second) * (gradient * gradient - square)
        way = (mean / (1 - first**step)) / (np.sqrt(square / (1 - second**step)) + _EPSILON)
        value -= np.float32(rate) * (way + np.float32(decay) * value)


def _sigmoid(z: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.asarray(np.exp(-np.logaddexp(0.0, -z)))


def remembered(labels: npt.NDArray[Any], logits: npt.NDArray[Any], memory: float) -> Floats:
    """Return replay targets: label and the release's own raw probability, mixed."""
    return np.asarray((1 - memory) * labels + memory * _sigmoid(logits), np.float32)
