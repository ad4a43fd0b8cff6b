"""`python -m backend.training.probe [VERSION]`: released weights beside the frozen probe.

The probe is the one that the data's own notes describe: statistics of all stages of the
initialisation, whole views and native crops, standardised, logistic regression with C .001 and
sources weighted by count^-.5. Prints one Markdown table for `test` and `unseen`, on pictures as
they are and on a seeded web copy of each; both splits are opened, and the opening is recorded.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from backend.domain import utc_now
from backend.model.architectures import load_initialisation
from backend.model.card import Card
from backend.model.openvino_runtime import OpenVinoJudge
from backend.model.preprocess import FloatArray, Preprocessing
from backend.model.processor import this_processor
from backend.model.registry import find_card
from backend.model.stage_network import StageNetwork
from backend.settings import Settings
from backend.training.commands import RUNS, SHARED_DATA, progress_bar
from backend.training.degrade import seeded_web_copy
from backend.training.evaluation import openings
from backend.training.features import Variant, cached
from backend.training.folds import source_weights
from backend.training.manifest import SEALED, Manifest, Row, open_picture, read_manifest
from backend.training.metrics import roc_auc
from backend.training.screen import Logits, balanced, group_views
from backend.training.screening import CACHE, INIT
from backend.training.train import Progress

SPEC = Preprocessing(256, 256, "bicubic")
C, SOURCE_POWER = 0.001, 0.5
VARIANTS = (0, 1)
LEDGER = RUNS / "openings.jsonl"


def main(arguments: Sequence[str]) -> None:
    """Fit the probe, score both, print."""
    manifest = read_manifest(SHARED_DATA / "manifest.csv")
    card = find_card(Settings(home=Path("no-home")), arguments[0] if arguments else None)
    network = StageNetwork()
    load_initialisation(network, SHARED_DATA / INIT)
    lines = [
        "| split | pictures | probe AUC | bal. acc. | served AUC | bal. acc. |",
        "|---|---|---|---|---|---|",
    ]
    with progress_bar() as report:
        learnt = manifest.of("train", "val")
        probe = _Probe(learnt, _statistics(network, learnt, 0, report))
        judge = OpenVinoJudge(card)
        for split in SEALED:
            _record(manifest, card, split)
            rows = manifest.of(split)
            whole = [i for i, r in enumerate(rows) if r.view == "whole"]
            for variant in VARIANTS:
                ours = score_copies(judge, [rows[i] for i in whole], variant, report)
                theirs = probe.logits(_statistics(network, rows, variant, report))
                kind = "as they are" if variant == 0 else "web copies"
                cells = [*figures(rows, theirs, 0.0), *figures([rows[i] for i in whole], ours, 0.5)]
                text = " | ".join(f"{cell:.3f}" for cell in cells)
                lines.append(f"| {split} | {kind} | {text} |")
    print("\n".join(lines))  # noqa: T201


class _Probe:
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
        found = self._model.decision_function(self._standardised(statistics))
        return np.asarray(found, np.float64)


def figures(rows: Sequence[Row], scores: Logits, threshold: float) -> tuple[float, float]:
    """Return AUC and balanced accuracy of originals, the scores of their views averaged."""
    member, first = group_views(rows)
    mean = np.bincount(member, weights=scores) / np.bincount(member)
    targets = np.array([rows[i].target for i in first], np.int64)
    return roc_auc(mean, targets), balanced(mean, targets, threshold)


def score_copies(
    judge: OpenVinoJudge, rows: Sequence[Row], variant: int, progress: Progress
) -> Logits:
    """Return P(ai_generated) of each picture, or of its seeded web copy, as it is served."""

    def score(row: Row) -> float:
        picture = open_picture(row)
        if variant:
            picture = seeded_web_copy(picture, variant, row.sha256)
        return judge.score(picture).score

    found = []
    with ThreadPoolExecutor(this_processor().cores) as pool:
        for done, value in enumerate(pool.map(score, rows), start=1):
            found.append(value)
            progress(done, len(rows), "scoring")
    return np.array(found)


def _statistics(
    network: StageNetwork, rows: tuple[Row, ...], variant: int, progress: Progress
) -> FloatArray:
    name = INIT.rpartition("/")[2]
    return cached(CACHE, network, name, rows, Variant(variant), SPEC, progress)


def _record(manifest: Manifest, card: Card, split: str) -> None:
    openings.record(
        LEDGER,
        openings.Opening(
            utc_now().isoformat(timespec="seconds"),
            card.ref.version,
            card.ref.sha256,
            split,
            manifest.sha256,
            "probe",
        ),
    )


if __name__ == "__main__":
    main(sys.argv[1:])
