"""Fit the head with more than the plain loss of `head.fit_head`, as our own recipe does.

A picture's copies (clean, web) are in one batch here, so that losses can look at them together.
Needs torch.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from backend.model.preprocess import FloatArray
from backend.model.stage_network import StageHead
from backend.training.head import head_logits
from backend.training.metrics import roc_auc
from backend.training.recipes import HeadRecipe, Regularisation

Index = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pictures:
    """What is learnt from: n pictures in several copies."""

    copies: tuple[FloatArray, ...]
    """Statistics of each copy, (n, d)."""
    targets: Index
    weights: npt.NDArray[np.float64]
    sources: Index
    """Each picture's source, numbered."""
    families: Index
    """Each picture's generator family, numbered; human-made ones share a number."""

    def part(self, index: Index) -> Pictures:
        """Return some of the pictures."""
        return Pictures(
            tuple(c[index] for c in self.copies),
            self.targets[index],
            self.weights[index],
            self.sources[index],
            self.families[index],
        )


def numbered(names: Sequence[str]) -> Index:
    """Return each name's number among all of them in alphabetical order."""
    return np.unique(np.array(names), return_inverse=True)[1].astype(np.int64)


def fit_regularised(
    pictures: Pictures,
    recipe: HeadRecipe,
    regularisation: Regularisation,
    seed: int = 0,
    watched: Pictures | None = None,
    watch: Callable[[float], None] = lambda loss: None,
) -> StageHead:
    """Fit a head; AdamW and cosine as in `head.fit_head`.

    Where pictures to watch are given, the epoch is kept whose head ranks their copies best.
    `watch` is told each epoch's mean loss.
    """
    fitting = _Fitting(pictures, recipe, regularisation, seed)
    best, kept = -1.0, fitting.judge
    for _ in range(recipe.epochs):
        watch(fitting.epoch())
        if watched is None:
            continue
        found = _ranking(fitting.judge, watched)
        if found > best:
            best, kept = found, copy.deepcopy(fitting.judge)
    head = kept if watched is not None else fitting.judge
    head.eval()
    return head


def _ranking(head: StageHead, watched: Pictures) -> float:
    head.eval()
    found = [roc_auc(head_logits(head, c), watched.targets) for c in watched.copies]
    head.train()
    return float(np.mean(found))


class _Fitting:
    """The state of a fit between its epochs."""

    def __init__(
        self, pictures: Pictures, recipe: HeadRecipe, regularisation: Regularisation, seed: int
    ) -> None:
        torch.manual_seed(seed)
        self.regularisation = regularisation
        self.copies = [torch.from_numpy(c) for c in pictures.copies]
        y = torch.from_numpy(pictures.targets.astype(np.float32))
        self.y = y * (1 - 2 * recipe.smoothing) + recipe.smoothing
        self.generated = torch.from_numpy(pictures.targets == 1)
        self.families = torch.from_numpy(pictures.families)
        weights = np.ones(len(y)) if regularisation.balanced_batches else pictures.weights
        self.w = torch.from_numpy(weights.astype(np.float32))
        self.head = StageHead(
            recipe.hidden, recipe.drop_in, recipe.drop_hidden, inputs=self.copies[0].shape[1]
        )
        every = torch.cat(self.copies)
        self.head.mean.copy_(every.mean(dim=0))
        self.head.scale.copy_(1 / (every.std(dim=0, correction=0) + 1e-3))
        self.name = nn.Linear(recipe.hidden, int(pictures.families.max()) + 1)
        self.average = copy.deepcopy(self.head) if regularisation.averaging else None
        self.size = max(1, recipe.batch_size // len(self.copies))
        self.steps = -(-len(y) // self.size)
        self.optimiser = torch.optim.AdamW(
            [*self.head.parameters(), *self.name.parameters()],
            lr=recipe.lr,
            weight_decay=recipe.weight_decay,
        )
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
            self.optimiser, recipe.epochs * self.steps
        )
        self.draw = _BalancedDraw(pictures, seed) if regularisation.balanced_batches else None
        self.order = torch.Generator().manual_seed(seed)

    @property
    def judge(self) -> StageHead:
        return self.average if self.average is not None else self.head

    def epoch(self) -> float:
        self.head.train()
        total = 0.0
        for batch in self._batches():
            self.optimiser.zero_grad()
            loss = self._loss(batch)
            loss.backward()
            self.optimiser.step()
            self.schedule.step()
            self._move_average()
            total += float(loss.detach()) * len(batch)
        return total / (self.steps * self.size if self.draw else len(self.y))

    def _batches(self) -> Iterator[Tensor]:
        if self.draw is None:
            yield from torch.randperm(len(self.y), generator=self.order).split(self.size)
            return
        for _ in range(self.steps):
            yield torch.from_numpy(self.draw(self.size))

    def _loss(self, batch: Tensor) -> Tensor:
        copies = len(self.copies)
        x = torch.cat([c[batch] for c in self.copies])
        hidden = self.head.hidden_units(x)
        logits = self.head.out(hidden)[:, 0]
        y, w = self.y[batch].repeat(copies), self.w[batch].repeat(copies)
        loss = functional.binary_cross_entropy_with_logits(logits, y, w)
        if self.regularisation.consistency and copies > 1:
            each = logits.view(copies, -1)
            loss = loss + self.regularisation.consistency * (each[1:] - each[0]).square().mean()
        if self.regularisation.family:
            generated = self.generated[batch].repeat(copies)
            if generated.any():
                named = self.name(hidden[generated])
                families = self.families[batch].repeat(copies)[generated]
                loss = loss + self.regularisation.family * functional.cross_entropy(named, families)
        return loss

    @torch.no_grad()
    def _move_average(self) -> None:
        if self.average is None:
            return
        for mean, now in zip(self.average.parameters(), self.head.parameters(), strict=True):
            mean.lerp_(now, 1 - self.regularisation.averaging)


class _BalancedDraw:
    """Draws pictures: half of each class, sources of a class alike."""

    def __init__(self, pictures: Pictures, seed: int) -> None:
        self._rng = np.random.default_rng([seed, 29])
        self._classes: list[list[Index]] = []
        for target in (0, 1):
            mine = np.flatnonzero(pictures.targets == target)
            of = pictures.sources[mine]
            self._classes.append([mine[of == s] for s in np.unique(of)])

    def __call__(self, size: int) -> Index:
        """Return the numbers of `size` pictures."""
        picked: list[Any] = []
        for number in range(size):
            sources = self._classes[number % 2]
            members = sources[int(self._rng.integers(len(sources)))]
            picked.append(members[int(self._rng.integers(len(members)))])
        return np.array(picked, np.int64)
