"""Fit an idea of `ideas` to some rows. Needs torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from backend.model.preprocess import FloatArray
from backend.model.stage_network import CHANNELS
from backend.training import weighting
from backend.training.folds import make_folds, source_weights
from backend.training.head import fit_head, head_logits
from backend.training.ideas import Idea
from backend.training.manifest import Row
from backend.training.recipes import Regularisation
from backend.training.regularised_head import Pictures, fit_regularised, numbered
from backend.training.screen import Logits, stack
from backend.training.stage_heads import join_heads

Index = npt.NDArray[np.int64]
Judge = Callable[[FloatArray], Logits]


class IdeaFit:
    """How an idea is fitted to some of the rows; `learnt` notes from how many each time."""

    def __init__(
        self, idea: Idea, rows: tuple[Row, ...], variants: Sequence[FloatArray], seed: int
    ) -> None:
        self._idea, self._rows, self._seed = idea, rows, seed
        self._used = columns(idea)
        self._variants = [self._shown(v) for v in variants]
        self._targets = np.array([r.target for r in rows], np.int64)
        self._kept = kept(rows, idea, seed)
        self.learnt: list[tuple[int, int]] = []
        """Rows and sources of each fit."""

    def __call__(self, index: Index) -> Judge:
        """Fit to the rows of an index; the judge scores statistics (n, d)."""
        index = index[self._kept[index]]
        rows = [self._rows[int(i)] for i in index]
        self.learnt.append((len(rows), len({r.source for r in rows})))
        weights = self._weights(index, rows)
        if self._idea.regularisation is not None or self._idea.early_stop:
            return self._fit_regularised(index, rows, weights)
        return self._fit_plain(index, weights)

    def _shown(self, statistics: FloatArray) -> FloatArray:
        return statistics if self._used.all() else statistics * self._used

    def _weights(self, index: Index, rows: Sequence[Row]) -> weighting.Weights:
        weights = source_weights(rows, self._idea.power)
        match self._idea.weighting:
            case "source":
                return weights
            case "size":
                return weighting.size_matched(rows, weights)
            case "hard kinds":
                return weighting.hard_kinds(rows, weights)
            case "mined":
                return weighting.mined(rows, weights, self._inner(index, weights), self._seed)

    def _inner(
        self, index: Index, weights: weighting.Weights
    ) -> Callable[[Index], Callable[[Index], Logits]]:
        def fit(part: Index) -> Callable[[Index], Logits]:
            judge = self._fit_plain(index[part], weights[part])
            return lambda held: judge(self._variants[0][index[held]])

        return fit

    def _fit_plain(self, index: Index, weights: weighting.Weights) -> Judge:
        learn, idea = self._idea.learn, self._idea
        x = stack([self._variants[v] for v in learn], index)
        y, w = np.tile(self._targets[index], len(learn)), np.tile(weights, len(learn))
        if idea.linear is not None:
            return _linear(x, y, w, idea.linear)
        fits = [fit_head(x, y, w, idea.head, self._seed * 100 + n) for n in range(idea.heads)]
        head = join_heads(fits)
        return lambda judged: head_logits(head, self._shown(judged))

    def _fit_regularised(
        self, index: Index, rows: Sequence[Row], weights: weighting.Weights
    ) -> Judge:
        pictures = Pictures(
            tuple(self._variants[v][index] for v in self._idea.learn),
            self._targets[index],
            weights,
            numbered([r.source for r in rows]),
            numbered([r.more.get("family", "") for r in rows]),
        )
        watched = None
        if self._idea.early_stop:
            fold = make_folds(rows, 5, self._seed)[0]
            watched = pictures.part(np.flatnonzero(fold.held_out))
            pictures = pictures.part(np.flatnonzero(fold.learn))
        regularisation = self._idea.regularisation or Regularisation()
        head = fit_regularised(pictures, self._idea.head, regularisation, self._seed, watched)
        return lambda judged: head_logits(head, self._shown(judged))


def columns(idea: Idea) -> npt.NDArray[np.bool_]:
    """Return which of the 2,048 statistics an idea reads."""
    parts = []
    for stage, width in enumerate(CHANNELS):
        for moment in ("mean", "deviation"):
            parts.append(np.full(width, stage in idea.stages and moment in idea.moments))
    return np.concatenate(parts)


def kept(rows: Sequence[Row], idea: Idea, seed: int) -> npt.NDArray[np.bool_]:
    """Return which rows may be learnt from: shares of sources and rows, drawn by the seed."""
    rng = np.random.default_rng([seed, 17])
    sources = sorted({row.source for row in rows})
    order = rng.permutation(len(sources))[: round(idea.sources * len(sources))]
    chosen = {sources[int(i)] for i in order}
    found = np.array([row.source in chosen for row in rows])
    drawn = rng.permutation(len(rows))
    found[drawn[round(idea.pictures * len(rows)) :]] = False
    seen: Counter[tuple[str, str]] = Counter()
    for i in drawn:
        key = rows[int(i)].source, rows[int(i)].view
        seen[key] += 1
        if idea.each is not None and seen[key] > idea.each:
            found[i] = False
    return found


def _linear(x: FloatArray, y: Any, w: Any, c: float) -> Judge:
    from sklearn.linear_model import LogisticRegression

    mean, scale = x.mean(axis=0), x.std(axis=0) + 1e-3
    model = LogisticRegression(C=c, max_iter=400).fit((x - mean) / scale, y, sample_weight=w)
    return lambda judged: np.asarray(model.decision_function((judged - mean) / scale), np.float64)
