"""Train our own recipe: fixed trunk, statistics of every stage, a small head.

From top to bottom: statistics of every view are cached (an interrupted run goes on there);
heads fitted on folds of unseen sources and families give out-of-fold logits, which calibrate
and set thresholds; heads of several seeds, fitted on the whole training split, are joined
into one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from backend.domain import Label
from backend.errors import BadManifest
from backend.model.architectures import load_initialisation, save_checkpoint
from backend.model.preprocess import FloatArray
from backend.model.stage_network import StageNetwork
from backend.model.texture_network import TextureNetwork
from backend.training.features import Variant, cached
from backend.training.folds import make_folds
from backend.training.full_disk import told_when_full
from backend.training.live_curves import write_curves
from backend.training.manifest import Manifest, Row, counts, require_classes
from backend.training.metrics import roc_auc
from backend.training.parallel import ALONE, Team
from backend.training.recipes import StageRecipe
from backend.training.run import Run
from backend.training.screen import Logits, Screened, balanced, group_views, screen
from backend.training.stage_heads import PASSED_ON, Heads, fit_heads
from backend.training.train import Progress, load_torchvision, silent, start_together

OOF_NAME = "out-of-fold.safetensors"
FOLDS = 5


def train_stages(
    recipe: StageRecipe,
    manifest: Manifest,
    run: Run,
    *,
    seed: int = 0,
    init: Path | None = None,
    progress: Progress = lambda done, total, text: None,
    team: Team = ALONE,
) -> dict[str, Any]:
    """Train, or go on with an interrupted run; returns the run's one history entry.

    Args and errors are those of `train.train`. A team shares out the extraction alone: heads
    take seconds, so that each process fits them and the leader writes.
    """
    require_classes(manifest, ("train", "val"), recipe.view)
    _require_folds(manifest.of("train", "val", view=recipe.view), seed)
    start_together(run, _configuration(recipe, manifest, seed, init), team)
    if run.history():
        return run.history()[0]
    with told_when_full(run.folder):
        return _train(recipe, manifest, run, seed, init, progress, team)


def _require_folds(rows: Sequence[Row], seed: int) -> None:
    """Refuse, before anything is extracted, what cannot be dealt to folds.

    Raises:
        BadManifest: a fold would lack a class.
    """
    for fold in make_folds(rows, FOLDS, seed):
        for part in (fold.learn, fold.held_out):
            if len({rows[int(i)].label for i in np.flatnonzero(part)}) < len(Label):
                raise BadManifest(
                    f"This recipe judges itself on {FOLDS} folds of generator families and of "
                    "human sources that a fold has not met: `train` and `val` need at least "
                    f"{FOLDS} of each. A recipe such as seed-1 does without."
                )


def _train(
    recipe: StageRecipe,
    manifest: Manifest,
    run: Run,
    seed: int,
    init: Path | None,
    progress: Progress,
    team: Team,
) -> dict[str, Any]:
    network = StageNetwork() if not recipe.advisers else TextureNetwork()
    if init is None:
        load_torchvision(network)
    else:
        load_initialisation(network, init)
    rows = manifest.of("train", "val", view=recipe.view)
    variants = [
        cached(
            run.folder.parent / "cache",  # which other seeds share
            network,
            rows,
            Variant(n),
            recipe.preprocessing,
            progress if team.leads else silent,
            team,
        )
        for n in range(recipe.web_copies + 1)
    ]
    if team.leads:
        _fit(recipe, network, rows, variants, run, seed)
    team.wait()
    return run.history()[0]


def _fit(
    recipe: StageRecipe,
    network: StageNetwork,
    rows: tuple[Row, ...],
    variants: list[FloatArray],
    run: Run,
    seed: int,
) -> None:
    """Fit the heads, on folds and on the whole training split, and write the run's results."""
    folds, opinions = _out_of_fold(recipe, rows, variants, seed)
    _write_out_of_fold(run.folder / OOF_NAME, folds, opinions)
    learn = np.flatnonzero([r.split == "train" for r in rows])
    losses: list[list[float]] = []
    heads = fit_heads(recipe, rows, variants, learn, seed, losses)
    heads.put_into(network)
    save_checkpoint(network, run.best_path)
    figures = {**_figures(folds), **_validation(heads, rows, variants[0])}
    run.write_history([{"epoch": 0, **figures, "head_loss": losses}])
    write_curves(run)


def _configuration(
    recipe: StageRecipe, manifest: Manifest, seed: int, init: Path | None
) -> dict[str, Any]:
    return {
        "recipe": asdict(recipe),
        "architecture": recipe.architecture,
        **_widths(recipe),
        "preprocessing": recipe.preprocessing.to_json(),
        "epochs": 1,
        "seed": seed,
        "select_by": "auc",
        "initialisation": str(init) if init else "torchvision IMAGENET1K_V1",
        "data": manifest.described(),
        "rows": {split: counts(manifest.of(split, view=recipe.view)) for split in ("train", "val")},
    }


def _widths(recipe: StageRecipe) -> dict[str, int]:
    """Return the options that the network is built from."""
    hidden = recipe.hidden * recipe.heads
    if not recipe.advisers:
        return {"hidden": hidden}
    return {"hidden": hidden + PASSED_ON, "adviser_hidden": recipe.hidden * recipe.advisers}


def _out_of_fold(
    recipe: StageRecipe, rows: tuple[Row, ...], variants: list[FloatArray], seed: int
) -> tuple[tuple[Screened, ...], FloatArray | None]:
    """Return out-of-fold logits of the clean views and of each web copy.

    And, where there are advisers, each row's opinion by one that had not met its kin.
    """
    opinions = np.zeros(len(rows), np.float32) if recipe.advisers else None
    held_out = iter([fold.held_out for fold in make_folds(rows, FOLDS, seed)])

    def fit(index: Any) -> Callable[[FloatArray], Logits]:
        heads, held = fit_heads(recipe, rows, variants, index, seed), next(held_out)
        if opinions is not None:
            opinions[held] = heads.opinions(variants[0][held])
        return heads.logits

    return screen(rows, variants, fit, folds=FOLDS, seed=seed), opinions


def _write_out_of_fold(path: Path, folds: Sequence[Screened], opinions: FloatArray | None) -> None:
    tensors: dict[str, Any] = {
        "logits": np.stack([f.logits for f in folds]),
        "targets": folds[0].targets,
        "first_row": np.array(folds[0].originals, np.int64),
    }
    if opinions is not None:
        tensors["opinions"] = opinions
    save_file(tensors, path)


def _figures(folds: Sequence[Screened]) -> dict[str, Any]:
    return {
        "fold_auc": [round(a, 4) for a in folds[0].fold_auc],
        "out_of_fold_auc": folds[0].auc,
        "out_of_fold_auc_web": float(np.mean([f.auc for f in folds[1:]])) if folds[1:] else None,
        "out_of_fold_balanced_accuracy": folds[0].balanced_accuracy,
    }


def _validation(heads: Heads, rows: Sequence[Row], statistics: FloatArray) -> dict[str, float]:
    index = np.flatnonzero([r.split == "val" for r in rows])
    logits, targets = average_views([rows[int(i)] for i in index], heads.logits(statistics[index]))
    accuracy = float(np.mean((logits >= 0) == (targets == 1)))
    return {
        "accuracy": accuracy,
        "balanced-accuracy": balanced(logits, targets),
        "auc": roc_auc(logits, targets),
    }


def average_views(
    rows: Sequence[Row], logits: Logits
) -> tuple[Logits, np.ndarray[Any, np.dtype[np.int64]]]:
    """Return one logit and one target for each original, its views averaged, in row order."""
    member, first = group_views(rows)
    mean = np.bincount(member, weights=logits) / np.bincount(member)
    return mean, np.array([rows[i].target for i in first], np.int64)
