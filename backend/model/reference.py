"""What a version learnt from, as far as its weights ship it: scores, vectors, facts of pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from backend.domain import Label
from backend.errors import BrushmarkError
from backend.model.card import CLASSES, FEATURES, Calibration
from backend.model.preprocess import FloatArray
from backend.model.registry import find_card
from backend.settings import Settings

ORIGINALS_NAME = "originals.json"
"""Counts of format and short side of the training pictures' originals, by label."""
_SMALL = 1e-3


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """The training pictures' vectors, standardised and of length one, and their labels."""

    vectors: np.ndarray[Any, np.dtype[np.float16]]
    ai_generated: np.ndarray[Any, np.dtype[np.bool_]]
    mean: FloatArray
    spread: FloatArray

    def share_ai(self, features: FloatArray, k: int = 5) -> FloatArray:
        """Return for each vector the share of AI-generated among the `k` pictures most alike.

        Args:
            features: float32 of shape (n, d), as the log keeps them.
        """
        standard = (features - self.mean) / self.spread
        lengths = np.linalg.norm(standard, axis=1, keepdims=True)
        likeness = (standard / np.maximum(lengths, _SMALL)) @ self.vectors.astype(np.float32).T
        nearest = np.argpartition(-likeness, k, axis=1)[:, :k]
        share: FloatArray = self.ai_generated[nearest].mean(axis=1).astype(np.float32)
        return share


@dataclass(frozen=True, slots=True)
class Reference:
    """What logged pictures are compared with.

    `validation_scores` are calibrated scores of the held-out pictures by label; `originals`
    counts by label, fact (`format`, `side`) and key, empty where the weights bring none.
    """

    version: str
    folder: Path
    validation_scores: Mapping[Label, FloatArray]
    originals: Mapping[str, Mapping[str, Mapping[str, int]]]

    def neighbourhood(self) -> Neighbourhood:
        """Return the training pictures' vectors; read from the file once."""
        path = self.folder / FEATURES
        return _neighbourhood(path, path.stat().st_mtime_ns)


def find_reference(settings: Settings, version: str) -> Reference | None:
    """Return what a version ships for comparisons; None where it ships nothing readable."""
    try:
        card = find_card(settings)
        if card.ref.version != version:
            card = find_card(settings, version)
        path = card.folder / FEATURES
        return _load(path, path.stat().st_mtime_ns, version, card.calibration)
    except (BrushmarkError, OSError, SafetensorError, KeyError, ValueError):
        return None


@lru_cache(maxsize=4)
def _load(path: Path, _changed_ns: int, version: str, scale: Calibration) -> Reference:
    with safe_open(path, "numpy") as file:
        labels = file.get_tensor("val.labels")
        calibrated = np.array([scale.apply(float(x)) for x in file.get_tensor("val.logits")])
    return Reference(
        version=version,
        folder=path.parent,
        validation_scores={
            Label(name): calibrated[labels == index] for index, name in enumerate(CLASSES)
        },
        originals=_originals(path.with_name(ORIGINALS_NAME)),
    )


@lru_cache(maxsize=1)
def _neighbourhood(path: Path, _changed_ns: int) -> Neighbourhood:
    with safe_open(path, "numpy") as file:
        features = file.get_tensor("train.features").astype(np.float32)
        ai_generated = file.get_tensor("train.labels") == CLASSES.index(Label.AI_GENERATED)
    mean, spread = features.mean(axis=0), features.std(axis=0) + _SMALL
    features = (features - mean) / spread
    features /= np.maximum(np.linalg.norm(features, axis=1, keepdims=True), _SMALL)
    return Neighbourhood(features.astype(np.float16), ai_generated, mean, spread)


def _originals(path: Path) -> Mapping[str, Mapping[str, Mapping[str, int]]]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return {label: document["counts"][label] for label in CLASSES}
