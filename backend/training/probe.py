"""`python -m backend.training.probe`: released weights beside a probe on frozen features.

The probe is the one that the data's own notes describe: statistics of all stages of the
initialisation, standardised, logistic regression with C .001 and sources weighted by count^-.5;
on whole views alone, or on whole views and native crops, whose logits are averaged. The trunk of
`brush-2` is the initialisation, so that one pass of the served graph gives the release's score
and the probe's statistics; those of the whole views of `train` and `val` travel with the release.

Prints one Markdown table for `test` and `unseen`, on pictures as they are and on a seeded web
copy of each; both splits are opened, and the opening is recorded. Passes are kept in
`runs/cache`; started again, the command goes on there.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from backend.domain import utc_now
from backend.errors import BadRun
from backend.model.architectures import OF_STAGES
from backend.model.card import FEATURES, Card
from backend.model.openvino_runtime import OpenVinoJudge
from backend.model.preprocess import FloatArray
from backend.model.processor import this_processor
from backend.model.registry import find_card
from backend.model.vectors import without_opinion
from backend.settings import Settings
from backend.training.commands import RUNS, SHARED_DATA, progress_bar
from backend.training.degrade import seeded_web_copy
from backend.training.evaluation import openings
from backend.training.feature_file import released_vectors
from backend.training.folds import source_weights
from backend.training.manifest import SEALED, Manifest, Row, open_picture, read_manifest
from backend.training.metrics import roc_auc
from backend.training.screen import Logits, balanced, group_views
from backend.training.train import Progress

C, SOURCE_POWER = 0.001, 0.5
COPIES = {"as they are": 0, "web copies": 1}
LEDGER, CACHE = RUNS / "openings.jsonl", RUNS / "cache"
VIEWS = {"whole": ("whole",), "both": ("whole", "crop")}
_CHUNK = 256


@dataclass(frozen=True, slots=True)
class Passed:
    """What passes of the served graph gave, for n pictures."""

    statistics: FloatArray
    """(n, 2048)."""
    scores: npt.NDArray[np.float64]
    """(n,): P(ai_generated), calibrated."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Fit the probe, score both, print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--version", help="Default: the served version.")
    options.add_argument("--views", choices=tuple(VIEWS), default="both")
    given = options.parse_args(arguments)
    manifest = read_manifest(SHARED_DATA / "manifest.csv")
    card = find_card(Settings(home=Path("no-home")), given.version)
    if card.architecture not in OF_STAGES:
        raise BadRun(f"{card.ref.version} has no statistics of every stage to probe.")
    with progress_bar() as report:
        print(_table(_Comparison(manifest, card, VIEWS[given.views], report)))  # noqa: T201


class _Comparison:
    """A release and a probe that is learnt from the same pictures."""

    def __init__(
        self, manifest: Manifest, card: Card, views: tuple[str, ...], progress: Progress
    ) -> None:
        self._manifest, self._card, self._views = manifest, card, views
        self._judge, self._progress = OpenVinoJudge(card), progress
        self._plain = OpenVinoJudge(card, precision="f32")
        whole, crops = (manifest.of("train", "val", view=view) for view in VIEWS["both"])
        rows, statistics = list(whole), [released_vectors(card.folder / FEATURES, whole)]
        if "crop" in views:
            rows += crops
            statistics.append(self._statistics(crops, 0))
        self._probe = Probe(rows, np.concatenate(statistics))

    def of(self, split: str, variant: int) -> list[float]:
        """Return AUC and balanced accuracy of the probe, then those of the release."""
        rows = [r for r in self._manifest.of(split) if r.view in self._views]
        whole = [row for row in rows if row.view == "whole"]
        theirs = figures(rows, self._probe.logits(self._statistics(rows, variant)), 0.0)
        served = cached_passes(self._judge, whole, variant, CACHE, self._progress)
        ours = figures(whole, served.scores, 0.5)
        return [*theirs, *ours]

    def record(self, split: str) -> None:
        """Note in the ledger that a sealed split is opened."""
        ref = self._card.ref
        now = utc_now().isoformat(timespec="seconds")
        opened = openings.Opening(
            now, ref.version, ref.sha256, split, self._manifest.sha256, "probe"
        )
        openings.record(LEDGER, opened)

    def _statistics(self, rows: Sequence[Row], variant: int) -> FloatArray:
        """Return statistics in 32 bits, as those that travel with a release: (n, 2048)."""
        passed = cached_passes(self._plain, rows, variant, CACHE, self._progress)
        return without_opinion(passed.statistics)


def _table(comparison: _Comparison) -> str:
    lines = [
        "| split | pictures | probe AUC | bal. acc. | release AUC | bal. acc. |",
        "|---|---|---|---|---|---|",
    ]
    for split in SEALED:
        comparison.record(split)
        for title, variant in COPIES.items():
            cells = " | ".join(f"{value:.3f}" for value in comparison.of(split, variant))
            lines.append(f"| {split} | {title} | {cells} |")
    return "\n".join(lines)


class Probe:
    """Logistic regression on standardised statistics."""

    def __init__(self, rows: Sequence[Row], statistics: FloatArray) -> None:
        self._mean, self._scale = statistics.mean(axis=0), statistics.std(axis=0) + 1e-3
        self._model = LogisticRegression(C=C, max_iter=1000).fit(
            self._standardised(statistics),
            np.array([r.target for r in rows]),
            sample_weight=source_weights(rows, SOURCE_POWER),
        )

    def _standardised(self, statistics: FloatArray) -> FloatArray:
        return np.asarray((statistics - self._mean) / self._scale, np.float32)

    def logits(self, statistics: FloatArray) -> Logits:
        """Return log-odds of ai_generated: (n, 2048) -> (n,)."""
        found = self._model.decision_function(self._standardised(statistics))
        return np.asarray(found, np.float64)


def figures(rows: Sequence[Row], scores: Logits, threshold: float) -> tuple[float, float]:
    """Return AUC and balanced accuracy of originals, the scores of their views averaged."""
    member, first = group_views(rows)
    mean = np.bincount(member, weights=scores) / np.bincount(member)
    targets = np.array([rows[i].target for i in first], np.int64)
    return roc_auc(mean, targets), balanced(mean, targets, threshold)


def cached_passes(
    judge: OpenVinoJudge, rows: Sequence[Row], variant: int, folder: Path, progress: Progress
) -> Passed:
    """Pass each picture, or its seeded web copy, as it is served, but for what is kept."""
    statistics, scores = [], []
    folder.mkdir(parents=True, exist_ok=True)
    for start in range(0, len(rows), _CHUNK):
        part = rows[start : start + _CHUNK]
        about = (judge.ref.sha256, judge.device, [r.sha256 for r in part], variant)
        path = folder / f"passed-{hashlib.sha256(repr(about).encode()).hexdigest()[:24]}.npz"
        if not path.exists():
            _pass_all(judge, part, variant, path)
        with np.load(path) as kept:
            statistics.append(kept["statistics"].astype(np.float32))
            scores.append(kept["scores"])
        progress(start + len(part), len(rows), f"passing copy {variant}")
    return Passed(np.concatenate(statistics), np.concatenate(scores))


def _pass_all(judge: OpenVinoJudge, rows: Sequence[Row], variant: int, path: Path) -> None:
    def one(row: Row) -> tuple[FloatArray, float]:
        picture = open_picture(row)
        if variant:
            picture = seeded_web_copy(picture, variant, row.sha256)
        scored = judge.score(picture)
        return np.frombuffer(scored.features, "<f2"), scored.score

    with ThreadPoolExecutor(this_processor().cores) as pool:
        found = list(pool.map(one, rows))
    fresh = path.with_suffix(".new")
    with fresh.open("wb") as file:
        statistics, scores = [f for f, _ in found], [s for _, s in found]
        np.savez(file, statistics=np.stack(statistics), scores=np.array(scores))
    fresh.replace(path)


if __name__ == "__main__":
    main()
