"""The founding project's five models: its settings, the settings tried to better them, and k-means.

All learn from and answer about pictures by their places in a `Pixels`. Targets and answers are
1 for ai_generated and 0 for human_made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from backend.errors import UnknownField
from backend.training.baselines import pairs
from backend.training.baselines.pixels import Indices, Pixels, blocks

Targets = npt.NDArray[np.int64]
Settings = Mapping[str, Any]


class Classifier(Protocol):
    """What learns from some pictures and answers about others."""

    def fit(self, pixels: Pixels, indices: Indices, targets: Targets) -> None:
        """Learn from pictures; `targets` are theirs, in the order of `indices`."""

    def predict(self, indices: Indices) -> Targets:
        """Answer for each picture, 1 or 0."""


class SupportVectors:
    """A radial support vector machine whose kernel comes from distances summed in blocks.

    `gamma` is in units of scikit-learn's `scale`, 1 / (features * variance), so that it means
    the same at every size.
    """

    def __init__(self, seed: int, C: float = 10.0, gamma: float = 1.0) -> None:  # noqa: N803
        self._penalty, self._factor = C, gamma

    def fit(self, pixels: Pixels, indices: Indices, targets: Targets) -> None:
        """Learn; holds (n, n) numbers."""
        from sklearn.svm import SVC

        variance = pairs.pixel_variance(pixels, indices) or 1.0
        self._gamma = self._factor / (pixels.features * variance)
        machine = SVC(kernel="precomputed", C=self._penalty)
        machine.fit(self._kernel(pairs.distances_among(pixels, indices)), targets)
        # Only the support vectors are looked at again.
        self._pixels, self._support = pixels, indices[machine.support_]
        self._weights, self._bias = machine.dual_coef_[0], float(machine.intercept_[0])

    def _kernel(self, distances: pairs.Distances) -> pairs.Distances:
        distances *= -self._gamma
        return np.exp(distances, out=distances)

    def predict(self, indices: Indices) -> Targets:
        """Answer by the sign of the decision function."""
        kernel = self._kernel(pairs.squared_distances(self._pixels, indices, self._support))
        return np.asarray(kernel @ self._weights + self._bias > 0, np.int64)


class Neighbours:
    """The k nearest pictures vote; a tie goes to human_made, as in scikit-learn."""

    def __init__(self, seed: int, k: int = 4, weights: str = "uniform") -> None:
        self._k, self._weights = k, weights

    def fit(self, pixels: Pixels, indices: Indices, targets: Targets) -> None:
        """Remember the pictures: there is nothing to learn."""
        self._pixels, self._indices, self._targets = pixels, indices, targets

    def predict(self, indices: Indices) -> Targets:
        """Answer by majority, or by votes that weigh 1 / distance."""
        distances = pairs.squared_distances(self._pixels, indices, self._indices)
        k = min(self._k, len(self._indices))
        nearest = np.argsort(distances, axis=1, kind="stable")[:, :k]
        votes = 2.0 * self._targets[nearest] - 1.0
        if self._weights == "distance":
            near = np.sqrt(np.take_along_axis(distances, nearest, axis=1))
            votes /= np.maximum(near, 1e-9)
        return np.asarray(votes.sum(axis=1) > 0, np.int64)


class OnFloats:
    """A scikit-learn model that has to hold every picture as 32-bit floats while it learns."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def fit(self, pixels: Pixels, indices: Indices, targets: Targets) -> None:
        """Learn; holds (n, features) numbers."""
        self._pixels = pixels
        self.model.fit(pixels.floats(indices), targets)

    def predict(self, indices: Indices) -> Targets:
        """Answer a block at a time."""
        answers = np.empty(len(indices), np.int64)
        for part in blocks(len(indices), self._pixels.features):
            answers[part] = self.model.predict(self._pixels.floats(indices[part]))
        return answers


class TwoMeans(OnFloats):
    """Two clusters found without labels; each is then named after the majority of its members."""

    def fit(self, pixels: Pixels, indices: Indices, targets: Targets) -> None:
        """Find the clusters, then name them; an even cluster is called human_made."""
        super().fit(pixels, indices, targets)
        members = self.model.labels_
        self._names = np.array([_majority(targets[members == cluster]) for cluster in (0, 1)])

    def predict(self, indices: Indices) -> Targets:
        """Answer with the name of the nearer centre."""
        return np.asarray(self._names[super().predict(indices)], np.int64)


def _majority(targets: Targets) -> int:
    return int(2 * targets.sum() > len(targets))


def _tree(seed: int, **settings: Any) -> Classifier:
    from sklearn.tree import DecisionTreeClassifier

    return OnFloats(DecisionTreeClassifier(random_state=seed, **settings))


def _forest(seed: int, **settings: Any) -> Classifier:
    from sklearn.ensemble import RandomForestClassifier

    return OnFloats(RandomForestClassifier(random_state=seed, n_jobs=1, **settings))


def _two_means(seed: int, **settings: Any) -> Classifier:
    from sklearn.cluster import KMeans

    # The floats are ours and not looked at again: no copy is needed.
    return TwoMeans(KMeans(2, random_state=seed, copy_x=False, **settings))


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of classifier: how it is made, the founding settings, and the grid for the tuned."""

    title: str
    make: Callable[..., Classifier]
    founding: Settings
    grid: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    copies_of_pixels: int = 1
    """How often learning holds every pixel as a 32-bit float; if never, n * n distances."""
    relative_time: float = 1.0
    """A rough guess at time per pixel and picture, to do the quick ones first."""

    def settings(self) -> tuple[dict[str, Any], ...]:
        """Return what tuning tries: the founding settings, then every setting of the grid."""
        values = product(*self.grid.values()) if self.grid else ()
        grid = (dict(zip(self.grid, chosen, strict=True)) for chosen in values)
        return (dict(self.founding), *grid)


KINDS: dict[str, Kind] = {
    "svm": Kind(
        "SVM, radial kernel",
        SupportVectors,
        {"C": 10.0},
        {"C": (1.0, 10.0, 100.0), "gamma": (0.1, 1.0, 10.0)},
        copies_of_pixels=0,
        relative_time=3.0,
    ),
    "knn": Kind(
        "k nearest neighbours",
        Neighbours,
        {"k": 4},
        # Odd, so that nothing is tied; up to 33 because a broad vote steadies noisy distances.
        {"k": (1, 5, 9, 17, 33), "weights": ("uniform", "distance")},
        copies_of_pixels=0,
    ),
    "tree": Kind(
        "decision tree",
        _tree,
        {},
        # Some of the pixels at each split: all of them are tried by the founding settings already.
        {"max_depth": (4, None), "min_samples_leaf": (10, 1), "max_features": ("sqrt", 0.1)},
        relative_time=40.0,
    ),
    "forest": Kind(
        "random forest",
        _forest,
        {"min_samples_leaf": 10, "max_features": 10},
        {"min_samples_leaf": (10, 3, 1), "max_features": (10, 50)},
        relative_time=2.0,
    ),
    # Ten starts, because one may end in a poor pair of clusters. There are no labels to tune by.
    "kmeans": Kind(
        "k-means, two clusters",
        _two_means,
        {"n_init": 10},
        copies_of_pixels=2,
        relative_time=2.5,
    ),
}


def find_kind(name: str) -> Kind:
    """Return a kind of classifier. Raises `UnknownField` with the nearest known name."""
    try:
        return KINDS[name]
    except KeyError:
        raise UnknownField(name, KINDS, what="baseline") from None
