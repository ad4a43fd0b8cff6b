"""Choose settings by folds inside the part learnt from; what is judged on is never looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from backend.training.baselines.classifiers import Kind, Targets
from backend.training.baselines.pixels import Indices, Pixels
from backend.training.manifest import Row

FOLDS = 3
TUNE_PX = 30
"""Settings are chosen at this size and used at every other: their units do not depend on it."""
TUNE_AT_MOST = 1000
"""Pictures that tuning looks at; more would cost hours on large data and change little."""


def units_of(rows: Sequence[Row]) -> npt.NDArray[np.int64]:
    """Return a number for each row; rows of one source or one near-duplicate group share it."""
    parent = list(range(len(rows)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    first: dict[tuple[str, str], int] = {}
    for number, row in enumerate(rows):
        for key in (("source", row.source), ("group", row.group)):
            parent[root(number)] = root(first.setdefault(key, number))
    return np.array([root(i) for i in range(len(rows))], np.int64)


def choose(
    kind: Kind, pixels: Pixels, indices: Indices, targets: Targets, units: Any, seed: int
) -> dict[str, Any]:
    """Return the settings with the best mean balanced accuracy over folds of unseen sources.

    Of equal ones the first tried is kept, and the founding settings are tried first.

    Args:
        kind: whose settings.
        pixels: pictures at `TUNE_PX`.
        indices: pictures to learn from.
        targets: theirs.
        units: theirs; no unit is cut by a fold.
        seed: of the folds and of the classifier.
    """
    folds = tuple(_folds(targets, units, seed))
    tried = kind.settings()
    scores = [_score(kind, settings, folds, pixels, indices, targets, seed) for settings in tried]
    return tried[int(np.argmax(scores))]


def _folds(targets: Targets, units: Any, seed: int) -> Iterator[tuple[Any, Any]]:
    from sklearn.model_selection import StratifiedGroupKFold

    if len(np.unique(units)) < FOLDS:
        return
    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    for learn, held in splitter.split(targets, targets, units):
        if len(set(targets[learn])) == len(set(targets[held])) == 2:
            yield learn, held


def _score(
    kind: Kind,
    settings: dict[str, Any],
    folds: Sequence[tuple[Any, Any]],
    pixels: Pixels,
    indices: Indices,
    targets: Targets,
    seed: int,
) -> float:
    accuracies = [0.0]
    for learn, held in folds:
        model = kind.make(seed, **settings)
        model.fit(pixels, indices[learn], targets[learn])
        right = model.predict(indices[held]) == targets[held]
        recalls = [np.mean(right[targets[held] == label]) for label in (0, 1)]
        accuracies.append(float(np.mean(recalls)))
    return float(np.mean(accuracies))
