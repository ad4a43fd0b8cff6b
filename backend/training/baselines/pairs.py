"""Distances between pictures, summed up a block at a time.

A support vector machine with a radial kernel and nearest neighbours look at pictures through
their distances alone, so they need n * n numbers and two blocks, however many pixels there are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from backend.training.baselines.pixels import Indices, Pixels, blocks

Distances = npt.NDArray[np.float64]


def squared_distances(pixels: Pixels, left: Indices, right: Indices) -> Distances:
    """Return squared Euclidean distances of pixels in [-1, 1], shape (left, right)."""
    products = np.empty((len(left), len(right)))
    left_norms, right_norms = np.empty(len(left)), np.empty(len(right))
    for across in blocks(len(right), pixels.features):
        columns = pixels.floats(right[across])
        right_norms[across] = _norms(columns)
        for down in blocks(len(left), pixels.features):
            rows = pixels.floats(left[down])
            left_norms[down] = _norms(rows)
            products[down, across] = rows @ columns.T
    return _from_products(products, left_norms, right_norms)


def distances_among(pixels: Pixels, indices: Indices) -> Distances:
    """Return squared distances of pictures among themselves; each pair is looked at once."""
    products = np.empty((len(indices), len(indices)))
    parts = list(blocks(len(indices), pixels.features))
    for number, across in enumerate(parts):
        columns = pixels.floats(indices[across])
        for down in parts[number:]:
            rows = columns if down == across else pixels.floats(indices[down])
            products[down, across] = rows @ columns.T
            products[across, down] = products[down, across].T
    norms = products.diagonal().copy()
    return _from_products(products, norms, norms)


def _norms(rows: npt.NDArray[np.float32]) -> Any:
    return np.einsum("ij,ij->i", rows, rows, dtype=np.float64)


def _from_products(products: Distances, left: Any, right: Any) -> Distances:
    distances = np.multiply(products, -2.0, out=products)
    distances += left[:, None]
    distances += right[None, :]
    return np.maximum(distances, 0.0, out=distances)


def pixel_variance(pixels: Pixels, indices: Indices) -> float:
    """Return the variance of all pixels in [-1, 1]: scikit-learn's gamma `scale` rests on it."""
    total = squares = 0.0
    for part in blocks(len(indices), pixels.features):
        values = pixels.floats(indices[part])
        total += float(values.sum(dtype=np.float64))
        squares += float(_norms(values).sum())
    size = len(indices) * pixels.features
    return squares / size - (total / size) ** 2
