"""`python -m backend.training.screening`: which ideas pay, on folds of unseen sources.

Every choice of our own recipe is judged here: statistics of the fixed trunk are cached once,
heads are fitted in seconds. Prints one Markdown table; figures are means over two seeds (of folds
and heads) of five folds that are disjoint in sources and generator families, on the clean views
and on a seeded web copy of each; the last column is how far the two seeds are apart.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from backend.model.architectures import load_initialisation
from backend.model.preprocess import FloatArray, Preprocessing
from backend.model.stage_network import CHANNELS, StageNetwork
from backend.training.commands import SHARED_DATA, progress_bar
from backend.training.features import Variant, cached
from backend.training.folds import source_weights
from backend.training.head import fit_head, head_logits
from backend.training.manifest import Row, read_manifest
from backend.training.recipes import HeadRecipe
from backend.training.screen import Logits, Screened, screen, stack

log = logging.getLogger(__name__)
SPEC = Preprocessing(256, 256, "bicubic")
INIT = "init/resnet18-imagenet-partial.safetensors"
CACHE = Path("runs/cache")
SEEDS = (0, 1)


@dataclass(frozen=True, slots=True)
class Idea:
    """One setting to try; the rest is as in the base."""

    name: str
    head: HeadRecipe = field(default_factory=HeadRecipe)
    power: float = 0.25
    learn: tuple[int, ...] = (0, 1)
    """Variants learnt from: 0 clean, 1 web copy."""
    views: tuple[str, ...] = ("whole", "crop")
    stages: tuple[int, ...] = (0, 1, 2, 3, 4)
    moments: tuple[str, ...] = ("mean", "deviation")
    linear: float | None = None
    """C of a logistic regression in place of the head with a hidden layer."""
    sources: float = 1.0
    """Share of the sources that is learnt from."""


BASE = Idea("base: hidden 128, 10 epochs, clean + web copy, both views")
IDEAS = (
    BASE,
    replace(BASE, name="clean alone", learn=(0,)),
    replace(BASE, name="web copy alone", learn=(1,)),
    replace(BASE, name="whole views alone", views=("whole",)),
    replace(BASE, name="native crops alone", views=("crop",)),
    replace(BASE, name="last stage, means", stages=(4,), moments=("mean",)),
    replace(BASE, name="last stage", stages=(4,)),
    replace(BASE, name="early stages 0-3", stages=(0, 1, 2, 3)),
    replace(BASE, name="means alone", moments=("mean",)),
    replace(BASE, name="linear, C .001", linear=0.001),
    replace(BASE, name="no source weights", power=0.0),
    replace(BASE, name="source weights count^-.5", power=0.5),
    replace(BASE, name="source weights 1/count", power=1.0),
    replace(BASE, name="hidden 32", head=HeadRecipe(hidden=32)),
    replace(BASE, name="hidden 512", head=HeadRecipe(hidden=512)),
    replace(BASE, name="5 epochs", head=HeadRecipe(epochs=5)),
    replace(BASE, name="20 epochs", head=HeadRecipe(epochs=20)),
    replace(BASE, name="smoothing .05", head=HeadRecipe(smoothing=0.05)),
    replace(BASE, name="dropout in .4", head=HeadRecipe(drop_in=0.4)),
    replace(BASE, name="weight decay .5", head=HeadRecipe(weight_decay=0.5)),
    replace(BASE, name="three quarters of the sources", sources=0.75),
    replace(BASE, name="half of the sources", sources=0.5),
    replace(BASE, name="a quarter of the sources", sources=0.25),
)


def columns(idea: Idea) -> npt.NDArray[np.bool_]:
    """Return which of the 2,048 statistics an idea reads."""
    parts = []
    for stage, width in enumerate(CHANNELS):
        for moment in ("mean", "deviation"):
            parts.append(np.full(width, stage in idea.stages and moment in idea.moments))
    return np.concatenate(parts)


def fitter(
    idea: Idea, rows: tuple[Row, ...], variants: list[FloatArray], seed: int
) -> Callable[[npt.NDArray[np.int64]], Callable[[FloatArray], Logits]]:
    """Return how an idea is fitted to some of the rows."""
    targets = np.array([r.target for r in rows], np.int64)
    used = columns(idea)

    def fit(index: npt.NDArray[np.int64]) -> Callable[[FloatArray], Logits]:
        kept = _share_of_sources(rows, idea.sources, seed)
        index = np.array(
            [i for i in index if rows[i].view in idea.views and rows[i].source in kept]
        )
        x = stack([variants[v] * used for v in idea.learn], index)
        y = np.tile(targets[index], len(idea.learn))
        w = np.tile(source_weights([rows[i] for i in index], idea.power), len(idea.learn))
        if idea.linear is not None:
            return _linear(x, y, w, idea.linear)
        head = fit_head(x, y, w, idea.head, seed)
        return lambda judged: head_logits(head, judged * used)

    return fit


def _share_of_sources(rows: tuple[Row, ...], share: float, seed: int) -> set[str]:
    sources = sorted({row.source for row in rows})
    order = np.random.default_rng([seed, 17]).permutation(len(sources))
    return {sources[int(i)] for i in order[: round(share * len(sources))]}


def _linear(x: FloatArray, y: Any, w: Any, c: float) -> Callable[[FloatArray], Logits]:
    from sklearn.linear_model import LogisticRegression

    mean, scale = x.mean(axis=0), x.std(axis=0) + 1e-3
    model = LogisticRegression(C=c, max_iter=400).fit((x - mean) / scale, y, sample_weight=w)
    return lambda judged: np.asarray(model.decision_function((judged - mean) / scale), np.float64)


def try_idea(
    idea: Idea, rows: tuple[Row, ...], variants: list[FloatArray], seed: int
) -> tuple[Screened, ...]:
    """Return the folds' figures of an idea on each variant of the views it reads."""
    keep = np.flatnonzero([r.view in idea.views for r in rows])
    part = tuple(rows[i] for i in keep)
    chosen = [v[keep] for v in variants]
    return screen(part, chosen, fitter(idea, part, chosen, seed), seed=seed)


def main() -> None:
    """Print the table."""
    manifest = read_manifest(SHARED_DATA / "manifest.csv")
    rows = manifest.of("train", "val")
    network = StageNetwork()
    load_initialisation(network, SHARED_DATA / INIT)
    with progress_bar() as bar:
        variants = [
            cached(CACHE, network, INIT.rpartition("/")[2], rows, Variant(n), SPEC, bar)
            for n in (0, 1)
        ]
    print("| idea | clean AUC | bal. acc. | web copy AUC | bal. acc. | seeds apart |")  # noqa: T201
    print("|---|---|---|---|---|---|")  # noqa: T201
    for idea in IDEAS:
        print(_line(idea, [try_idea(idea, rows, variants, seed) for seed in SEEDS]), flush=True)  # noqa: T201


def _line(idea: Idea, found: list[tuple[Screened, ...]]) -> str:
    """Write an idea's row: figures averaged over the seeds, and the widest gap of an AUC."""
    cells = [
        f"{np.mean([getattr(seed[variant], figure) for seed in found]):.3f}"
        for variant in (0, 1)
        for figure in ("auc", "balanced_accuracy")
    ]
    apart = max(float(np.ptp([seed[variant].auc for seed in found])) for variant in (0, 1))
    return f"| {idea.name} | {' | '.join(cells)} | {apart:.3f} |"


if __name__ == "__main__":
    main()
