"""`python -m backend.training.texture_screening`: does more of each stage's texture pay?

The head reads mean and deviation of each channel over space. A texture is more than that: how
lopsided a channel's values are, how alike neighbouring positions are, and which channels go
together. Heads with one web copy and consistency are fitted and judged as in `screening`, on the
same folds; the last lines average the logits of some with the base's, as an adviser does in
`texture_network`, and, as a control, those of two fits of the base. Statistics are cached, so that
an interrupted run goes on.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from backend.model.architectures import load_initialisation
from backend.model.preprocess import FloatArray
from backend.model.stage_network import CHANNELS, FEATURE_SIZE, StageNetwork
from backend.model.texture import MIXED
from backend.model.texture_network import STEPS, TextureNetwork
from backend.training.commands import SHARED_DATA, progress_bar
from backend.training.features import Variant, cached
from backend.training.idea_fit import IdeaFit
from backend.training.ideas import BASE
from backend.training.manifest import Row, read_manifest
from backend.training.recipes import Regularisation
from backend.training.screen import Screened, averaged, figures_of, screen, seeds_line
from backend.training.screening import CACHE, INIT, JUDGED, SEEDS, SPEC

IDEA = replace(BASE, regularisation=Regularisation(consistency=0.1))
NEIGHBOURS = ((0, 1), (1, 0), (1, 1))
PARTS = {
    "moments": FEATURE_SIZE,
    "skewness": sum(CHANNELS),
    "neighbours": len(NEIGHBOURS) * sum(CHANNELS),
    "channels": len(STEPS) * MIXED * (MIXED - 1) // 2,
}
"""How many numbers each part has, in their order."""
LINES = {
    "base: mean and deviation": ("moments",),
    "and skewness": ("moments", "skewness"),
    "and neighbours' correlation": ("moments", "neighbours"),
    "and channels' correlation": ("moments", "channels"),
    "and all three": tuple(PARTS),
    "all three alone": ("skewness", "neighbours", "channels"),
    "channels' correlation alone": ("channels",),
}
AVERAGED = ("and all three", "all three alone", "channels' correlation alone")
"""Lines whose logits are averaged with the base's."""
_EPSILON = 1e-6


class Textures(TextureNetwork):
    """The trunk, whose statistics hold all parts, (n, 12192)."""

    STANDS_STILL = "statistics"

    def summary(self, stages: Sequence[Tensor]) -> Tensor:
        """Return moments, skewness, neighbours' and channels' correlations of the stages."""
        centred = [_centred(maps.float()) for maps in stages]
        return torch.cat(
            [
                StageNetwork.summary(self, stages),
                *(skewness(maps) for maps in centred),
                *(neighbours(maps) for maps in centred),
                self.texture(stages),
            ],
            dim=1,
        )


def _centred(maps: Tensor) -> Tensor:
    return maps - maps.mean(dim=(2, 3), keepdim=True)


def skewness(centred: Tensor) -> Tensor:
    """Return each channel's third standardised moment over space: (n, c, h, w) -> (n, c)."""
    variance = (centred * centred).mean(dim=(2, 3)) + _EPSILON
    return (centred**3).mean(dim=(2, 3)) / (variance * torch.sqrt(variance))


def neighbours(centred: Tensor) -> Tensor:
    """Return each channel's correlation with itself a position on: (n, c, h, w) -> (n, 3 c).

    To the right, below, and both.
    """
    variance = (centred * centred).mean(dim=(2, 3)) + _EPSILON
    height, width = centred.shape[-2:]
    found = []
    for down, right in NEIGHBOURS:
        here = centred[:, :, : height - down, : width - right]
        there = centred[:, :, down:, right:]
        found.append((here * there).mean(dim=(2, 3)) / variance)
    return torch.cat(found, dim=1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Extract, fit, judge, print."""
    argparse.ArgumentParser(description=__doc__).parse_args(arguments)
    rows = read_manifest(SHARED_DATA / "manifest.csv").of("train", "val", view="whole")
    variants = _statistics(rows)
    found: dict[str, list[list[float]]] = {}
    for seed in SEEDS:
        judged: dict[str, Sequence[Screened]] = {
            name: _judge(rows, [only(v, parts) for v in variants], seed)
            for name, parts in LINES.items()
        }
        base = judged[next(iter(LINES))]
        again = _judge(rows, [only(v, ("moments",)) for v in variants], seed, fit_seed=seed + 50)
        for name in AVERAGED:
            judged[f"base and “{name}”, averaged"] = averaged(base, judged[name])
        judged["control: base and base of another seed, averaged"] = averaged(base, again)
        for name, each in judged.items():
            found.setdefault(name, []).append(figures_of(each))
    print("| read by the head | clean AUC | bal. acc. | web copy AUC | bal. acc. | seeds apart |")  # noqa: T201
    print("|---|---|---|---|---|---|")  # noqa: T201
    for name, seeds in found.items():
        print(seeds_line(name, seeds))  # noqa: T201


def only(statistics: FloatArray, parts: Sequence[str]) -> FloatArray:
    """Return the columns of some parts: (n, 12192) -> (n, fewer)."""
    ends = np.cumsum(list(PARTS.values()))
    columns = [
        np.arange(end - width, end)
        for (name, width), end in zip(PARTS.items(), ends, strict=True)
        if name in parts
    ]
    return np.ascontiguousarray(statistics[:, np.concatenate(columns)])


def _statistics(rows: tuple[Row, ...]) -> list[FloatArray]:
    network = Textures()
    load_initialisation(network, SHARED_DATA / INIT)
    with progress_bar() as bar:
        return [
            cached(CACHE, network, rows, Variant(n), SPEC, bar, about="textures")
            for n in range(JUDGED)
        ]


def _judge(
    rows: tuple[Row, ...],
    variants: Sequence[FloatArray],
    seed: int,
    *,
    fit_seed: int | None = None,
) -> tuple[Screened, ...]:
    """Judge on the folds of a seed; heads start from `fit_seed`, or from the same."""
    fit = IdeaFit(IDEA, rows, variants, seed if fit_seed is None else fit_seed)
    return screen(rows, variants, fit, seed=seed)


if __name__ == "__main__":
    main()
