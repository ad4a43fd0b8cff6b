"""`python -m backend.training.trunk_screening`: does fine-tuning the trunk pay on unseen sources?

A third of the human sources and of the generator families is held out. On the rest the trunk is
fine-tuned with care (see `fine_tuning`), and the same heads are fitted on the statistics of the
trunk as it was and of the tuned one. Prints one Markdown table; an interrupted run goes on. A
quarter of an hour on two cores that have bfloat16, and an hour and more without.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from backend.model.architectures import load_initialisation
from backend.model.preprocess import FloatArray
from backend.model.stage_network import StageNetwork
from backend.training.commands import SHARED_DATA, progress_bar
from backend.training.features import Variant, cached
from backend.training.fine_tuning import fine_tune
from backend.training.folds import make_folds, source_weights
from backend.training.head import fit_head
from backend.training.manifest import Row, read_manifest
from backend.training.metrics import roc_auc
from backend.training.recipes import StageRecipe, TrunkRecipe, find_recipe
from backend.training.screen import Logits, balanced, original_of, stack
from backend.training.screening import CACHE, INIT
from backend.training.stage_heads import fit_heads
from backend.training.train import Progress

FOLDS = 3


def main(arguments: Sequence[str] | None = None) -> None:
    """Tune, fit, judge, print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--steps", type=int, default=TrunkRecipe().steps)
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args(arguments)
    recipe = find_recipe("brush-1")
    assert isinstance(recipe, StageRecipe)  # noqa: S101
    with progress_bar() as report:
        trial = _Trial(recipe, given.seed, report)
        before, after = trial.frozen(), trial.tuned(given.steps)
    print("| trunk | clean AUC | bal. acc. | web copy AUC | bal. acc. |")  # noqa: T201
    print("|---|---|---|---|---|")  # noqa: T201
    for name, logits in (
        ("as it was", before),
        (f"fine-tuned, {given.steps * TrunkRecipe().batch_size:,} patches", after),
        ("both, logits averaged", [(a + b) / 2 for a, b in zip(before, after, strict=True)]),
    ):
        print(f"| {name} | {' | '.join(trial.figures(logits))} |")  # noqa: T201


class _Trial:
    """One draw of held-out sources and families, and what is fitted on the rest."""

    def __init__(self, recipe: StageRecipe, seed: int, progress: Progress) -> None:
        self._recipe, self._seed, self._progress = recipe, seed, progress
        manifest = read_manifest(SHARED_DATA / "manifest.csv")
        self._rows = manifest.of("train", "val", view=recipe.view)
        fold = make_folds(self._rows, FOLDS, seed)[0]
        self._learn, self._held = np.flatnonzero(fold.learn), np.flatnonzero(fold.held_out)
        learnt = {original_of(self._rows[int(i)]) for i in self._learn}
        # Patches come from native crops too.
        self._pictures = [r for r in manifest.of("train", "val") if original_of(r) in learnt]

    def frozen(self) -> list[Logits]:
        """Return the held-out logits on the initialisation, for each variant."""
        return self._judge(self._start())

    def tuned(self, steps: int) -> list[Logits]:
        """Return the held-out logits on the fine-tuned trunk, for each variant."""
        network = self._start(hidden=self._recipe.hidden)
        variants = self._statistics(network)
        x, y, w = self._learnt(variants)
        network.head = fit_head(x, y, w, self._recipe.head, self._seed)
        recipe = replace(TrunkRecipe(), steps=steps)
        learnt_from = [r.sha256 for r in self._pictures]
        about = hashlib.sha256(repr((learnt_from, recipe, self._seed)).encode()).hexdigest()[:16]
        folder = CACHE.parent / f"trunk-{about}"
        spec = self._recipe.preprocessing
        fine_tune(
            network,
            self._pictures,
            recipe,
            spec,
            folder,
            seed=self._seed,
            progress=self._progress,
        )
        return self._judge(network, folder)

    def figures(self, logits: Sequence[Logits]) -> list[str]:
        """Return AUC and balanced accuracy of the held-out originals, for each variant."""
        targets = np.array([self._rows[int(i)].target for i in self._held], np.int64)
        return [
            f"{value:.3f}"
            for each in logits
            for value in (roc_auc(each, targets), balanced(each, targets))
        ]

    def _start(self, hidden: int = 8) -> StageNetwork:
        network = StageNetwork(hidden)
        load_initialisation(network, SHARED_DATA / INIT)
        return network

    def _judge(self, network: StageNetwork, folder: Path = CACHE) -> list[Logits]:
        variants = self._statistics(network, folder)
        heads = fit_heads(self._recipe, self._rows, variants, self._learn, self._seed)
        return [heads.logits(part[self._held]) for part in variants]

    def _statistics(self, network: StageNetwork, folder: Path = CACHE) -> list[FloatArray]:
        spec = self._recipe.preprocessing
        return [
            cached(folder, network, self._rows, Variant(n), spec, self._progress) for n in (0, 1)
        ]

    def _learnt(self, variants: Sequence[FloatArray]) -> tuple[Any, Any, Any]:
        rows: list[Row] = [self._rows[int(i)] for i in self._learn]
        targets = np.array([r.target for r in rows], np.int64)
        weights = source_weights(rows, self._recipe.source_power)
        copies = len(variants)
        return stack(variants, self._learn), np.tile(targets, copies), np.tile(weights, copies)


if __name__ == "__main__":
    main()
