"""Folds whose held-out sources and generator families occur nowhere in what is learnt from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from backend.domain import Label
from backend.training.manifest import Row

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Fold:
    """Which rows are learnt from and which are held out; some rows are in neither."""

    learn: Mask
    held_out: Mask


def make_folds(
    rows: Sequence[Row], count: int = 5, seed: int = 0, sized_by: Mask | None = None
) -> tuple[Fold, ...]:
    """Make folds that are disjoint in sources and, for generated pictures, in families.

    Families (generated) and sources (human-made) are dealt to the folds, the largest first,
    each to the fold that holds the least of its class. A row is left out of learning if its
    source, family or near-duplicate group is held out. Sizes are counted among the rows of
    `sized_by`, all by default: with other views of the same originals the folds stay the same.
    """
    unit = np.array([_unit(row) for row in rows])
    counted = np.ones(len(rows), bool) if sized_by is None else sized_by
    place = _deal([rows[int(i)] for i in np.flatnonzero(counted)], unit[counted], count, seed)
    home = np.array([place[u] for u in unit])
    source = np.array([r.source for r in rows])
    group = np.array([r.group for r in rows])
    folds = []
    for number in range(count):
        held_out = home == number
        touched = np.isin(source, source[held_out]) | np.isin(group, group[held_out])
        folds.append(Fold(learn=~held_out & ~touched, held_out=held_out))
    return tuple(folds)


def _unit(row: Row) -> str:
    if row.label is Label.AI_GENERATED:
        return f"family {row.more.get('family') or row.generator}"
    return f"source {row.source}"


def _deal(rows: Sequence[Row], unit: Any, count: int, seed: int) -> dict[str, int]:
    rng = np.random.default_rng(seed)
    label = {u: row.label for u, row in zip(unit, rows, strict=True)}
    size = Counter(unit.tolist())
    order = sorted(size, key=lambda u: (-size[u], rng.random()))
    load = {kind: np.zeros(count) for kind in Label}
    place = {}
    for name in order:
        fold = int(np.argmin(load[label[name]]))
        place[name] = fold
        load[label[name]][fold] += size[name]
    return place


def source_weights(rows: Sequence[Row], power: float = 0.25) -> npt.NDArray[np.float64]:
    """Return a weight for each row: count of its source to the minus `power`, classes equal.

    The weights of each class sum to one half of the number of rows.
    """
    size = Counter(r.source for r in rows)
    weight = np.array([size[r.source] ** -power for r in rows])
    target = np.array([r.target for r in rows])
    for value in (0, 1):
        mask = target == value
        if mask.any():
            weight[mask] *= len(rows) / 2 / weight[mask].sum()
    return weight
