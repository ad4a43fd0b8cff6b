"""`python -m backend.training.recipe_report RUN…`: the founding recipes beside the baselines.

Scores the epoch that each finished run kept on `test` and `unseen`, on pictures as they are and
on a web copy of each, and prints the tables that `brushmark baselines` prints of classical models;
then how each recipe went on `val`. Each run's figures are kept in its folder as `judged.json`; both
splits are opened once a run, and the run counts it. All runs must have learnt from the same data.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.data import DataLoader

from backend.errors import BadRun
from backend.model.architectures import load_checkpoint
from backend.model.network import ARCHITECTURE, Network
from backend.model.preprocess import Preprocessing
from backend.training.baselines.results import WEB_COPIES
from backend.training.baselines.table import Judged, judged_table, markdown_table, with_range
from backend.training.compiled import Look, looking
from backend.training.features import Variant, VariantViews
from backend.training.manifest import SEALED, Row, counts
from backend.training.metrics import Array, Targets, confusion, roc_auc
from backend.training.release import finished
from backend.training.run import Run, kept_epoch, write_json
from backend.training.views import loader_workers

COPIES = {"": 0, WEB_COPIES: 1}
JUDGED = "judged.json"
SPEC = Preprocessing()
_BATCH = 32


@dataclass(frozen=True, slots=True)
class Recipes(Judged):
    """The runs of one recipe, a seed each; `seeds` holds what was judged and what happened."""

    name: str
    seeds: tuple[dict[str, Any], ...]

    @property
    def title(self) -> str:
        """Its name in tables."""
        return self.name

    def aucs(self, split: str) -> list[float]:
        """Return each seed's AUC on a split."""
        return [seed["auc"][split] for seed in self.seeds]


def main(arguments: Sequence[str] | None = None) -> None:
    """Judge what was not judged yet, and print the tables."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("run", nargs="+", type=Path, help="folders of finished runs of one task")
    print(report([Run(folder) for folder in options.parse_args(arguments).run]))  # noqa: T201


def report(runs: Sequence[Run]) -> str:
    """Return the tables of some finished runs as Markdown.

    Raises:
        BadRun: a run has not finished, is none of a founding recipe, or is of other data.
        BadManifest: its pictures are no longer what it was trained on.
    """
    lines: dict[str, list[dict[str, Any]]] = {}
    data, held = None, {}
    for run in runs:
        config, manifest = finished(run)
        if config["architecture"] != ARCHITECTURE:
            raise BadRun(f"{run.folder} is no run of a founding recipe.")
        if data not in (None, config["data"]):
            raise BadRun(f"{run.folder} has learnt from other data than {runs[0].folder}.")
        data, view = config["data"], config["recipe"]["view"]
        held = {split: manifest.of(split, view=view) for split in SEALED}
        lines.setdefault(config["recipe"]["name"], []).append(judged(run, held))
    recipes = [Recipes(name, tuple(seeds)) for name, seeds in lines.items()]
    parts = [
        judged_table(recipes, split + end, counts(rows), "whole views, the epoch kept")
        for split, rows in held.items()
        for end in COPIES
    ]
    return "\n\n".join([*parts, _areas(recipes), _courses(recipes)])


def judged(run: Run, held: dict[str, tuple[Row, ...]]) -> dict[str, Any]:
    """Return what a run's kept epoch says of each split, and the run's history.

    Kept in the run's folder: a run is judged once.
    """
    path = run.folder / JUDGED
    if not path.exists():
        network = Network()
        load_checkpoint(network, run.best_path)
        look = looking(network, "forward", SPEC.crop_px, sum(map(len, held.values())))
        found: dict[str, Any] = {"judged": {}, "auc": {}}
        for split, rows in held.items():
            run.count_opening(split)
            targets: Targets = np.array([row.target for row in rows], np.int64)
            for end, copy in COPIES.items():
                scores = _scores(look, rows, copy)
                found["judged"][split + end] = confusion(scores, targets)
                found["auc"][split + end] = roc_auc(scores, targets)
        write_json(path, found)
    kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return {**kept, "history": run.history(), "select_by": run.config()["select_by"]}


def _scores(look: Look, rows: tuple[Row, ...], copy: int) -> Array:
    """Return P(ai_generated) of each row's copy: (n,)."""
    views = VariantViews(rows, Variant(copy), SPEC)
    loader = DataLoader(views, batch_size=_BATCH, num_workers=loader_workers(len(rows)))
    logits = np.concatenate([look(images) for images, _ in loader]).astype(np.float64)
    return np.asarray(1 / (1 + np.exp(logits[:, 0] - logits[:, 1])))


def _areas(recipes: Iterable[Recipes]) -> str:
    splits = [split + end for split in SEALED for end in COPIES]
    rows = [
        (one.title, *(with_range(one.aucs(split)) for split in splits), len(one.seeds))
        for one in recipes
    ]
    return "**AUC**, percent.\n\n" + markdown_table(("recipe", *splits, "seeds"), rows)


def _courses(recipes: Iterable[Recipes]) -> str:
    rows = []
    for one in recipes:
        kept = [kept_epoch(seed["history"], seed["select_by"]) for seed in one.seeds]
        last = [seed["history"][-1] for seed in one.seeds]
        rows.append(
            (
                one.title,
                ", ".join(f"{entry['epoch'] + 1}" for entry in kept),
                f"{len(one.seeds[0]['history'])}",
                *(with_range([e["accuracy"] for e in epochs]) for epochs in (kept, last)),
                *(with_range([e["auc"] for e in epochs]) for epochs in (kept, last)),
                *(f"{np.mean([e['loss'] for e in epochs]):.3f}" for epochs in (kept, last)),
            )
        )
    heading = (
        "recipe",
        "epoch kept, by seed",
        "of",
        "`val` accuracy, kept",
        "last",
        "`val` AUC, kept",
        "last",
        "loss, kept",
        "last",
    )
    return "**How it went**, percent.\n\n" + markdown_table(heading, rows)


if __name__ == "__main__":
    main()
