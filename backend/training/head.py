"""Fit the small head on cached statistics: seconds, so that ideas can be screened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from backend.model.preprocess import FloatArray
from backend.model.stage_network import StageHead
from backend.training.recipes import HeadRecipe


def fit_head(
    features: FloatArray,
    targets: npt.NDArray[Any],
    weights: npt.NDArray[Any],
    recipe: HeadRecipe,
    seed: int = 0,
    watch: Callable[[float], None] = lambda loss: None,
) -> StageHead:
    """Fit a head on statistics (n, 2048) with targets and weights (n,); AdamW, cosine.

    `watch` is told each epoch's mean loss.
    """
    torch.manual_seed(seed)
    head = StageHead(recipe.hidden, recipe.drop_in, recipe.drop_hidden)
    head.mean.copy_(torch.from_numpy(features.mean(axis=0)))
    head.scale.copy_(torch.from_numpy(1 / (features.std(axis=0) + 1e-3)))
    x = torch.from_numpy(features)
    y = torch.from_numpy(targets.astype(np.float32))
    y = y * (1 - 2 * recipe.smoothing) + recipe.smoothing
    w = torch.from_numpy(weights.astype(np.float32))
    optimiser = torch.optim.AdamW(head.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay)
    steps = recipe.epochs * -(-len(x) // recipe.batch_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    order = torch.Generator().manual_seed(seed)
    head.train()
    for _ in range(recipe.epochs):
        total = 0.0
        for batch in torch.randperm(len(x), generator=order).split(recipe.batch_size):
            optimiser.zero_grad()
            loss = functional.binary_cross_entropy_with_logits(head(x[batch]), y[batch], w[batch])
            loss.backward()
            optimiser.step()
            schedule.step()
            total += float(loss.detach()) * len(batch)
        watch(total / len(x))
    head.eval()
    return head


@torch.inference_mode()
def head_logits(head: StageHead, features: FloatArray) -> npt.NDArray[np.float64]:
    """Return the log-odds of statistics: (n, 2048) -> (n,)."""
    return np.asarray(head(torch.from_numpy(features)).double().numpy(), np.float64)
