"""Fine-tune a release's head and make the candidate ready to serve, stage by stage.

Every stage leaves a file in the run folder, and an interrupted run goes on with the next:
`config.json` (what was asked), `fold-N.safetensors` (heads that set the thresholds),
`head.safetensors` (the head), then the candidate's folder, whole or not at all. The folder
holds weights and figures, no vector and no name of a picture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from backend.errors import BadRun
from backend.model.card import Calibration, Card
from backend.training.calibrate import Thresholds, align
from backend.training.run import Run
from backend.tuning.examples import Examples, Gathered, from_release
from backend.tuning.figures import balanced
from backend.tuning.fit import Report, Rows, TuneRecipe, fit, remembered
from backend.tuning.head import Head, read_head
from backend.tuning.scale import Logits, scores, tuned_thresholds

LEAST_EXAMPLES = 10
Progress = Callable[[int, int, str], None]
QUIET: Progress = lambda done, total, text: None  # noqa: E731


@dataclass(frozen=True, slots=True)
class Tuned:
    """A head with its scale, and what its card will say of how it came about."""

    head: Head
    calibration: Calibration
    thresholds: Thresholds
    data: dict[str, Any]
    recipe: TuneRecipe
    seed: int
    history: list[dict[str, Any]]


def tune(
    card: Card,
    data: Gathered,
    run: Run,
    *,
    recipe: TuneRecipe | None = None,
    seed: int = 0,
    progress: Progress = QUIET,
) -> Tuned:
    """Fine-tune a release's head on gathered examples, or go on with an interrupted run.

    Raises:
        BadRun: too little to learn from, or the folder holds another run.
    """
    recipe = recipe or TuneRecipe()
    _require_enough(data)
    described = data.described()
    run.start(_configuration(card, described, recipe, seed))
    bench = _Bench(card, recipe)
    total = recipe.steps * (recipe.folds + 1)
    folds = _folds(data.learn, recipe.folds, seed)
    held_out: list[tuple[Examples, Logits]] = []
    for number, held in enumerate(folds):

        def step(done: int, at: int = number) -> None:
            progress(at * recipe.steps + done, total, f"held-out groups, part {at + 1}")

        path = run.folder / f"fold-{number}.safetensors"
        head = bench.fitted(path, data.learn.take(~held), seed + 1 + number, step)
        rows = data.learn.take(held)
        held_out.append((rows, scores(head, rows, bench.calibrated(head))))
    head = bench.fitted(
        run.folder / "head.safetensors",
        data.learn,
        seed,
        lambda done: progress(len(folds) * recipe.steps + done, total, "fine-tuning the head"),
        _curve(run, bench),
    )
    calibration = bench.calibrated(head)
    held_out.append((bench.val, scores(head, bench.val, calibration)))
    thresholds = tuned_thresholds(held_out, card.root_thresholds)
    return Tuned(head, calibration, thresholds, described, recipe, seed, run.history())


def _require_enough(data: Gathered) -> None:
    counted = ", ".join(f"{n} {why}" for why, n in data.left.items())
    aside = f" Left aside: {counted}." if counted else ""
    if len(data.learn) < LEAST_EXAMPLES or len(set(data.learn.groups)) < LEAST_EXAMPLES:
        raise BadRun(
            f"There are {len(data.learn)} reviewed pictures to learn from; at least "
            f"{LEAST_EXAMPLES} different ones are wanted.{aside} Review more, then try again."
        )


def _configuration(
    card: Card, described: dict[str, Any], recipe: TuneRecipe, seed: int
) -> dict[str, Any]:
    return {
        "parent": {"version": card.ref.version, "sha256": card.ref.sha256},
        "data": described,
        "recipe": asdict(recipe),
        "seed": seed,
    }


def _folds(examples: Examples, count: int, seed: int) -> list[Any]:
    """Deal the groups to folds; returns a mask of held-out rows for each."""
    groups = np.unique(examples.groups)
    place = np.random.default_rng(seed).permutation(len(groups)) % count
    fold = place[np.searchsorted(groups, examples.groups)]
    return [fold == number for number in range(count) if np.any(fold == number)]


class _Bench:
    """What every fit of a run shares: the old head, its replay rows and evaluation rows."""

    def __init__(self, card: Card, recipe: TuneRecipe) -> None:
        self.head = read_head(card)
        self.recipe = recipe
        self.old = Calibration(
            float(card.document["calibration"]["slope"]),
            float(card.document["calibration"]["intercept"]),
        )
        replay, logits = from_release(card, "train")
        self.replay = Rows(
            self.head.standardise(replay.features),
            remembered(replay.labels, logits, recipe.memory),
        )
        self.val, self.val_logits = from_release(card, "val")

    def fitted(
        self,
        path: Path,
        learn: Examples,
        seed: int,
        progress: Callable[[int], None],
        curve: Report = lambda entry, head: None,
    ) -> Head:
        """Return the head fitted on some rows, from its file where it is there already."""
        if path.exists():
            return Head(**load_file(path))

        def report(entry: dict[str, Any], head: Head) -> None:
            progress(int(entry["step"]))
            curve(entry, head)

        new = Rows(self.head.standardise(learn.features), learn.labels.astype(np.float32))
        head = fit(self.head, new, self.replay, self.recipe, seed=seed, report=report)
        fresh = path.with_name(path.name + ".new")
        save_file({f.name: getattr(head, f.name) for f in fields(head)}, fresh)
        fresh.replace(path)
        return head

    def calibrated(self, head: Head) -> Calibration:
        """Return the calibration that keeps the old one's scale."""
        return align(head.logits(self.val.features), self.val_logits).over(self.old)


def _curve(run: Run, bench: _Bench) -> Report:
    """Return what writes the run's history: losses and evaluation figures, step by step."""
    history: list[dict[str, Any]] = []

    def note(entry: dict[str, Any], head: Head) -> None:
        said = scores(head, bench.val, bench.calibrated(head))
        accuracy = balanced(said, bench.val.labels, 0.5)
        history.append({**entry, "evaluation_balanced_accuracy": accuracy})
        run.write_history(history)

    return note
