"""`python -m backend.training.screening`: which ideas pay, on folds of unseen sources.

Every choice of our own recipe is judged here: statistics of the fixed trunk are cached once,
heads are fitted in seconds. Prints Markdown tables. Figures are means over the seeds (of folds
and heads) of five folds that are disjoint in sources and generator families, on the clean views
and on a seeded web copy of each; beside the web copies' AUC stands its gap to the base, and the
last column is how far the seeds are apart. Each result is kept in `runs/screening.jsonl`;
started again, the command goes on there.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

from backend.model.architectures import load_initialisation
from backend.model.card import CHECKPOINT, FEATURES, Card
from backend.model.preprocess import FloatArray, Preprocessing
from backend.model.registry import find_card
from backend.model.stage_network import StageNetwork
from backend.settings import Settings
from backend.training.commands import RUNS, SHARED_DATA, progress_bar
from backend.training.evaluation.memory import Remembered
from backend.training.feature_file import released_vectors
from backend.training.features import Variant, cached
from backend.training.idea_fit import IdeaFit
from backend.training.ideas import BASE, TABLES, Idea
from backend.training.manifest import Manifest, Row, read_manifest
from backend.training.screen import screen
from backend.training.train import Progress

SPEC = Preprocessing(256, 256, "bicubic")
INIT = "init/resnet18-imagenet-partial.safetensors"
CACHE = RUNS / "cache"
RESULTS = RUNS / "screening.jsonl"
JUDGED = 2
"""Variants that are judged: pictures as they are, and a web copy of each."""
SEEDS = (0, 1)
Figures = dict[str, Any]


class Notebook:
    """Results by idea, seed and data; every one is written as soon as it is there."""

    def __init__(self, path: Path, data: str) -> None:
        self._memory, self._data = Remembered(path), data

    def find(self, idea: Idea, seed: int) -> Figures | None:
        """Return what was found before, or None."""
        found = self._memory.get(self._key(idea, seed))
        return dict(found) if found is not None else None

    def write(self, idea: Idea, seed: int, figures: Figures) -> None:
        """Keep a result."""
        with self._memory as memory:
            memory.add(self._key(idea, seed), {"idea": idea.name, "seed": seed, **figures})

    def _key(self, idea: Idea, seed: int) -> str:
        # The name is a word for people: the same setting under two names is one result.
        setting = {name: getattr(idea, name) for name in idea.__slots__ if name != "name"}
        asked = f"{self._data} {SPEC} {INIT} {seed} {setting}"
        return hashlib.sha256(asked.encode()).hexdigest()


def try_idea(
    idea: Idea, rows: tuple[Row, ...], variants: Sequence[FloatArray], seed: int
) -> Figures:
    """Return the figures of an idea on the rows as they are and on a web copy of each.

    `auc` and `balanced_accuracy` hold one mean over the folds for each variant, `learnt` the
    mean rows and sources of a fit.
    """
    fit = IdeaFit(idea, rows, variants, seed)
    found = screen(rows, variants[:JUDGED], fit, seed=seed, views=idea.views)
    return {
        "auc": [each.auc for each in found],
        "balanced_accuracy": [each.balanced_accuracy for each in found],
        "learnt": np.mean(fit.learnt, axis=0).round().astype(int).tolist(),
    }


def table(found: Sequence[tuple[Idea, Sequence[Figures]]], base: Sequence[Figures]) -> str:
    """Write ideas with their figures, one for each seed, as a Markdown table."""
    lines = [
        "| idea | learnt from: views, sources | clean AUC | bal. acc. | web copy AUC (to base) "
        "| bal. acc. | seeds apart |",
        "|---|---|---|---|---|---|---|",
    ]
    for idea, seeds in found:
        mean = {name: np.mean([s[name] for s in seeds], axis=0) for name in ("auc", "learnt")}
        accuracy = np.mean([s["balanced_accuracy"] for s in seeds], axis=0)
        gap = mean["auc"][1] - np.mean([s["auc"][1] for s in base])
        apart = float(np.max(np.ptp([s["auc"] for s in seeds], axis=0)))
        rows, sources = mean["learnt"]
        lines.append(
            f"| {idea.name} | {rows:,.0f}, {sources:,.0f} | {mean['auc'][0]:.3f} "
            f"| {accuracy[0]:.3f} | {mean['auc'][1]:.3f} ({gap:+.3f}) | {accuracy[1]:.3f} "
            f"| {apart:.3f} |"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Try what was not tried yet, and print the tables."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--table", choices=tuple(TABLES), action="append")
    options.add_argument("--seed", type=int, action="append", help="Default: 0 and 1.")
    given = options.parse_args(arguments)
    manifest = read_manifest(SHARED_DATA / "manifest.csv")
    trials = _Trials(manifest, given.seed or SEEDS)
    for name in given.table or TABLES:
        found = [(idea, trials.of(idea)) for idea in TABLES[name]]
        print(f"{name}\n\n{table(found, trials.of(BASE))}\n", flush=True)  # noqa: T201


class _Trials:
    """Ideas on the manifest's `train` and `val`; statistics are read when first needed."""

    def __init__(self, manifest: Manifest, seeds: Sequence[int]) -> None:
        self._manifest, self._seeds = manifest, seeds
        self._notebook = Notebook(RESULTS, manifest.sha256[:16])
        self._read: dict[tuple[str, ...], Statistics] = {}

    def of(self, idea: Idea) -> list[Figures]:
        """Return an idea's figures, one for each seed."""
        return [self._notebook.find(idea, seed) or self._try(idea, seed) for seed in self._seeds]

    def _try(self, idea: Idea, seed: int) -> Figures:
        views = (*idea.views, *idea.also)
        if views not in self._read:
            learnt = self._manifest.of("train", "val")
            self._read[views] = Statistics(tuple(row for row in learnt if row.view in views))
        found = self._read[views]
        figures = try_idea(idea, found.rows, found.first(max(JUDGED, max(idea.learn) + 1)), seed)
        self._notebook.write(idea, seed, figures)
        return figures


class Statistics:
    """Statistics of some rows, each variant read or extracted when it is first needed."""

    def __init__(self, rows: tuple[Row, ...]) -> None:
        self.rows = rows
        self._found: list[FloatArray] = []

    def first(self, count: int) -> list[FloatArray]:
        """Return the first variants."""
        if len(self._found) < count:
            network = StageNetwork()
            load_initialisation(network, SHARED_DATA / INIT)
            with progress_bar() as bar:
                for variant in range(len(self._found), count):
                    self._found.append(_variant(network, self.rows, variant, bar))
        return self._found[:count]


def _variant(
    network: StageNetwork, rows: tuple[Row, ...], variant: int, progress: Progress
) -> FloatArray:
    """Return statistics of a copy; of whole views as they are, a release may carry them."""
    if variant == 0 and all(row.view == "whole" for row in rows):
        card = find_card(Settings(home=Path("no-home")), None)
        if card.preprocessing == SPEC and has_trunk_of(network, card):
            return released_vectors(card.folder / FEATURES, rows)
    return cached(CACHE, network, rows, Variant(variant), SPEC, progress)


def has_trunk_of(network: StageNetwork, card: Card) -> bool:
    """Say whether a release's trunk is this network's, in the half precision it is kept in."""
    kept = load_file(card.folder / CHECKPOINT)
    trunk = {k: v for k, v in network.state_dict().items() if not k.startswith("head.")}
    return all(
        name in kept and bool(torch.equal(kept[name].half(), tensor.half()))
        for name, tensor in trunk.items()
    )


if __name__ == "__main__":
    main()
