"""Heads over the statistics of every stage, joined into those of a network. Needs torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from backend.model.preprocess import FloatArray
from backend.model.stage_network import FEATURE_SIZE, StageHead, StageNetwork
from backend.model.texture_network import VECTOR_SIZE, TextureNetwork
from backend.training.folds import source_weights
from backend.training.head import head_logits
from backend.training.manifest import Row
from backend.training.recipes import StageRecipe
from backend.training.regularised_head import Pictures, fit_regularised, numbered
from backend.training.screen import Index, Logits

PASSED_ON = 32
"""Hidden units that pass the adviser's opinion on: so many that it is still heard when a
fine-tuning drops half of them."""


@dataclass(frozen=True, slots=True)
class Heads:
    """What is fitted above a trunk that stands still."""

    head: StageHead
    adviser: StageHead | None = None

    def logits(self, statistics: FloatArray) -> Logits:
        """Return log-odds of `StageNetwork.statistics`, or of `TextureNetwork.details`: (n,)."""
        vectors = statistics
        if self.adviser is not None:
            opinions = self.opinions(statistics)[:, None]
            vectors = np.concatenate([statistics[:, :FEATURE_SIZE], opinions], axis=1)
        logits: Logits = head_logits(self.head, vectors)
        return logits

    def opinions(self, details: FloatArray) -> FloatArray:
        """Return what the adviser says of `TextureNetwork.details`: (n,)."""
        assert self.adviser is not None  # noqa: S101
        said: FloatArray = head_logits(self.adviser, apart(details)[1]).astype(np.float32)
        return said

    def put_into(self, network: StageNetwork) -> None:
        """Make these the heads of a network."""
        network.head = self.head
        if self.adviser is not None:
            assert isinstance(network, TextureNetwork)  # noqa: S101
            network.adviser = self.adviser


def fit_heads(
    recipe: StageRecipe,
    rows: Sequence[Row],
    variants: Sequence[FloatArray],
    index: Index,
    seed: int,
    losses: list[list[float]] | None = None,
) -> Heads:
    """Fit the recipe's heads on some of the rows, each in all variants, and join them.

    An adviser is fitted by itself, so that the two err apart, and the joint logit is their mean.
    Each fit's mean loss of every epoch is appended to `losses`.
    """
    losses = [] if losses is None else losses
    fit = partial(_joined, recipe, rows=rows, index=index, seed=seed, losses=losses)
    if not recipe.advisers:
        return Heads(fit(variants, recipe.heads))
    moments, texture = zip(*map(apart, variants), strict=True)
    return Heads(advised(fit(moments, recipe.heads)), fit(texture, recipe.advisers))


def apart(details: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return moments (n, 2048) and texture (n, 6048) of `TextureNetwork.details`."""
    moments, texture = np.split(details, [FEATURE_SIZE], axis=1)
    return np.ascontiguousarray(moments), np.ascontiguousarray(texture)


def _joined(
    recipe: StageRecipe,
    variants: Sequence[FloatArray],
    count: int,
    *,
    rows: Sequence[Row],
    index: Index,
    seed: int,
    losses: list[list[float]],
) -> StageHead:
    """Fit heads of several seeds to the same numbers and join them into one."""
    chosen = [rows[int(i)] for i in index]
    pictures = Pictures(
        tuple(variant[index] for variant in variants),
        np.array([r.target for r in chosen], np.int64),
        source_weights(chosen, recipe.source_power),
        numbered([r.source for r in chosen]),
        numbered([r.more.get("family", "") for r in chosen]),
    )
    heads = []
    for n in range(count):
        lost: list[float] = []
        heads.append(
            fit_regularised(
                pictures, recipe.head, recipe.regularisation, seed * 100 + n, watch=lost.append
            )
        )
        losses.append(lost)
    return join_heads(heads)


def join_heads(heads: Sequence[StageHead]) -> StageHead:
    """Join heads of equal standardisation into one whose logit is the mean of theirs.

    Hidden units lie side by side, output weights are divided by the number of heads: an
    ensemble at the price of one.
    """
    first = heads[0]
    joined = StageHead(sum(h.hidden.out_features for h in heads), inputs=len(first.mean))
    with torch.no_grad():
        joined.mean.copy_(first.mean)
        joined.scale.copy_(first.scale)
        joined.hidden.weight.copy_(torch.cat([h.hidden.weight for h in heads]))
        joined.hidden.bias.copy_(torch.cat([h.hidden.bias for h in heads]))
        joined.out.weight.copy_(torch.cat([h.out.weight for h in heads], dim=1) / len(heads))
        joined.out.bias.copy_(torch.stack([h.out.bias for h in heads]).mean(dim=0))
    joined.eval()
    return joined


def advised(head: StageHead) -> StageHead:
    """Return a head that reads one more number, log-odds, and whose logit is the mean of both.

    Pairs of hidden units pass that number on as it is, since gelu(z) - gelu(-z) = z.
    """
    width = head.hidden.out_features
    found = StageHead(width + PASSED_ON, inputs=VECTOR_SIZE)
    signs = torch.tensor([1.0, -1.0]).repeat(PASSED_ON // 2)
    with torch.no_grad():
        for parameter in found.parameters():
            parameter.zero_()
        found.mean[:FEATURE_SIZE] = head.mean
        found.scale[:FEATURE_SIZE] = head.scale
        found.hidden.weight[:width, :FEATURE_SIZE] = head.hidden.weight
        found.hidden.weight[width:, FEATURE_SIZE] = signs
        found.hidden.bias[:width] = head.hidden.bias
        found.out.weight[:, :width] = head.out.weight / 2
        found.out.weight[:, width:] = signs / PASSED_ON
        found.out.bias.copy_(head.out.bias / 2)
    found.eval()
    return found
