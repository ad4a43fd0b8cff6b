"""`python -m backend.training.generator_screening`: can the family of a generator be told?

A record's `likely_generator` may name only families whose out-of-fold precision is at least .8;
none has been that sure yet, so that it stays null. Here a linear classifier over the fixed trunk's
statistics is fitted on folds of unseen sources, and judged on clean views and on web copies.
Prints one Markdown table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from backend.model.architectures import load_initialisation
from backend.model.preprocess import FloatArray
from backend.model.stage_network import StageNetwork
from backend.training.commands import SHARED_DATA, progress_bar
from backend.training.features import Variant, cached
from backend.training.manifest import Row, read_manifest
from backend.training.recipes import StageRecipe, find_recipe
from backend.training.screening import CACHE, INIT

WANTED_PRECISION = 0.8
MIN_NAMED = 20
"""Pictures that must be given a family's name before its precision means anything."""
CONFIDENCES = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9)
REGULARISATION = 0.02
Names = npt.NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class Naming:
    """How a family's name fares when it is given from a confidence upwards."""

    confidence: float
    named: int
    precision: float


def out_of_fold(
    statistics: Sequence[FloatArray], family: Names, source: Names
) -> list[npt.NDArray[np.float64]]:
    """Return P(family), families in sorted order, (n, families) for each variant.

    Fitted on all variants of the pictures of other sources.
    """
    classes = sorted(set(family.tolist()))
    found = [np.zeros((len(family), len(classes))) for _ in statistics]
    mean, scale = statistics[0].mean(axis=0), statistics[0].std(axis=0) + 1e-3
    scaled = [(part - mean) / scale for part in statistics]
    for learn, held in GroupKFold(5).split(scaled[0], family, source):
        model = LogisticRegression(C=REGULARISATION / len(learn) ** 0.5, max_iter=1000)
        model.fit(
            np.concatenate([part[learn] for part in scaled]),
            np.tile(family[learn], len(scaled)),
            np.tile(_weights(family[learn]), len(scaled)),
        )
        columns = np.searchsorted(classes, model.classes_)
        for scores, part in zip(found, scaled, strict=True):
            scores[np.ix_(held, columns)] = model.predict_proba(part[held])
    return found


def _weights(family: Names) -> npt.NDArray[np.float64]:
    names, count = np.unique(family, return_counts=True)
    weight = count[np.searchsorted(names, family)] ** -0.5
    return np.asarray(weight * len(family) / weight.sum() * len(names))


def best_naming(scores: npt.NDArray[np.float64], family: Names, name: str) -> Naming | None:
    """Return the confidence at which a family is named best; None where it hardly ever is."""
    classes = sorted(set(family.tolist()))
    said, how_sure = scores.argmax(axis=1) == classes.index(name), scores.max(axis=1)
    ways = []
    for confidence in CONFIDENCES:
        named = said & (how_sure >= confidence)
        if named.sum() >= MIN_NAMED:
            right = float(np.mean(family[named] == name))
            ways.append(Naming(confidence, int(named.sum()), right))
    return max(ways, key=lambda way: way.precision, default=None)


def main() -> None:
    """Screen and print."""
    manifest = read_manifest(SHARED_DATA / "manifest.csv")
    rows = manifest.of("train", "val", view="whole")
    generated = np.flatnonzero([r.target == 1 for r in rows])
    statistics = [part[generated] for part in _statistics(rows)]
    family = np.array([rows[i].more["family"] for i in generated])
    source = np.array([rows[i].source for i in generated])
    scores = out_of_fold(statistics, family, source)
    print(_table(scores, family))  # noqa: T201


def _statistics(rows: tuple[Row, ...]) -> list[FloatArray]:
    recipe = find_recipe("brush-1")
    assert isinstance(recipe, StageRecipe)  # noqa: S101
    network = StageNetwork(recipe.hidden)
    load_initialisation(network, SHARED_DATA / INIT)
    with progress_bar() as report:
        return [
            cached(CACHE, network, rows, Variant(n), recipe.preprocessing, report)
            for n in range(recipe.web_copies + 1)
        ]


def _table(scores: Sequence[npt.NDArray[np.float64]], family: Names) -> str:
    lines = [
        "| family | pictures | precision, clean (named, from) | on web copies (named, from) |",
        "|---|---:|---|---|",
    ]
    for name in sorted(set(family.tolist())):
        ways = [best_naming(part, family, name) for part in scores]
        cells = [f"{w.precision:.2f} ({w.named}, {w.confidence})" if w else "—" for w in ways]
        lines.append(f"| {name} | {int(np.sum(family == name))} | {' | '.join(cells)} |")
    earned = [n for n in sorted(set(family.tolist())) if _earns(scores, family, n)]
    lines.append("")
    lines.append(f"At least {WANTED_PRECISION} on both: {', '.join(earned) or 'none'}.")
    return "\n".join(lines)


def _earns(scores: Sequence[npt.NDArray[np.float64]], family: Names, name: str) -> bool:
    """Say whether some confidence keeps a family's name right on every variant."""
    ways: list[Any] = [best_naming(part, family, name) for part in scores]
    return all(w is not None and w.precision >= WANTED_PRECISION for w in ways)


if __name__ == "__main__":
    main()
