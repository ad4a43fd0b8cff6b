"""Score a manifest with released weights exactly as serving does, and say how well it went."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from backend.model.card_judge import CardJudge
from backend.model.processor import this_processor
from backend.training.manifest import Row, open_picture
from backend.training.metrics import Array, Targets, summary
from backend.training.screen import group_views
from backend.training.train import Progress


@dataclass(frozen=True, slots=True)
class Scores:
    """What the network said of some rows, in their order.

    `logits` (n,) are before calibration, `scores` (n,) are P(ai_generated), `features`
    (n, d) the pooled vectors in half precision, `targets` (n,) 1 for ai_generated.
    """

    rows: tuple[Row, ...]
    logits: Array
    scores: Array
    features: np.ndarray[Any, np.dtype[np.float16]]
    targets: Targets

    def of_view(self, view: str) -> Scores:
        """Return the rows of one view alone."""
        keep = np.flatnonzero([r.view == view for r in self.rows])
        return Scores(
            tuple(self.rows[int(i)] for i in keep),
            self.logits[keep],
            self.scores[keep],
            self.features[keep],
            self.targets[keep],
        )

    def originals(self) -> Scores:
        """Return one entry an original: the logits of its views averaged, its first row.

        `scores` are the views' mean too, until they are calibrated anew.
        """
        member, first = group_views(self.rows)
        views = np.bincount(member)
        index = np.array(first)
        return Scores(
            tuple(self.rows[i] for i in first),
            np.bincount(member, weights=self.logits) / views,
            np.bincount(member, weights=self.scores) / views,
            self.features[index],
            self.targets[index],
        )


def score_rows(
    judge: CardJudge,
    rows: Sequence[Row],
    progress: Progress = lambda done, total, text: None,
) -> Scores:
    """Score every row's picture, a thread a core, in order.

    Raises:
        BadManifest: a picture cannot be read; the message names its row.
    """
    logits, scores, features = [], [], []
    for done, scored in enumerate(_score_all(judge, rows), start=1):
        logits.append(scored.logit)
        scores.append(scored.score)
        features.append(np.frombuffer(scored.features, "<f2"))
        progress(done, len(rows), "scoring")
    return Scores(
        tuple(rows),
        np.array(logits),
        np.array(scores),
        np.stack(features),
        np.array([r.target for r in rows], np.int64),
    )


def _score_all(judge: CardJudge, rows: Sequence[Row]) -> Iterator[Any]:
    with ThreadPoolExecutor(this_processor().cores) as pool:
        yield from pool.map(lambda row: judge.score(open_picture(row)), rows)


def report(scored: Scores, *, low: float, high: float) -> dict[str, Any]:
    """Return overall figures and those of each kind and generator with at least ten pictures.

    `low` and `high` are the served thresholds.
    """
    return {
        **summary(scored.scores, scored.targets, low=low, high=high),
        "human_called_ai_by_kind": _share_by(
            [r.kind for r in scored.rows], scored.targets == 0, scored.scores >= high
        ),
        "found_by_generator": _share_by(
            [r.generator for r in scored.rows], scored.targets == 1, scored.scores >= high
        ),
    }


def _share_by(
    names: Sequence[str], of: np.ndarray[Any, Any], hit: np.ndarray[Any, Any], least: int = 10
) -> dict[str, dict[str, float]]:
    column = np.array(names)
    table = {}
    for name in sorted(set(column[of])):
        mask = of & (column == name)
        if int(mask.sum()) >= least:
            table[str(name)] = {"n": int(mask.sum()), "share": float(np.mean(hit[mask]))}
    return table
