"""A model card with hashes: what a set of weights is, and the proof that it is that."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from backend.domain import Label, ModelRef, Policy
from backend.errors import WeightsDamaged, WeightsMissing
from backend.model.preprocess import Preprocessing

CARD_NAME = "card.json"
CARD_FORMAT = 1
CLASSES = (Label.HUMAN_MADE.value, Label.AI_GENERATED.value)
"""Order of the network's two logits."""
GRAPH_XML, GRAPH_BIN = "graph.xml", "graph.bin"
INT8_XML, INT8_BIN = "graph-int8.xml", "graph-int8.bin"
"""An 8-bit copy of the graph: there only where a release found it as good."""
CHECKPOINT = "checkpoint.safetensors"
FEATURES = "features.safetensors"
METRICS = "metrics.json"


@dataclass(frozen=True, slots=True)
class Calibration:
    """Platt scaling of the logit difference: P(ai) = sigmoid(slope * logit + intercept).

    Source: Platt 1999, “Probabilistic outputs for support vector machines”.
    """

    slope: float = 1.0
    intercept: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.slope) and math.isfinite(self.intercept) and self.slope > 0):
            raise ValueError("slope and intercept are finite, slope above 0")

    def apply(self, logit: float) -> float:
        """Return the calibrated P(ai_generated) of a logit."""
        z = self.slope * logit + self.intercept
        return 1.0 / (1.0 + math.exp(-z)) if z >= 0 else math.exp(z) / (1.0 + math.exp(z))


@dataclass(frozen=True, slots=True)
class Card:
    """What serving needs of a card, and the whole document for people."""

    folder: Path
    ref: ModelRef
    architecture: str
    preprocessing: Preprocessing
    calibration: Calibration
    policy: Policy
    min_short_side_px: int
    feature_size: int
    files: Mapping[str, str]
    document: Mapping[str, Any]

    @property
    def has_int8(self) -> bool:
        """Say whether the release brings an 8-bit graph."""
        return INT8_XML in self.files and INT8_BIN in self.files

    @property
    def int8_is_portable(self) -> bool:
        """Say whether the 8-bit graph judges alike without VNNI: its weights have 7 bits."""
        found = self.document.get("int8")
        return isinstance(found, Mapping) and found.get("weight_bits") == 7

    @property
    def parent(self) -> str | None:
        """The version that this one was fine-tuned from, if it was."""
        parent = self.document.get("parent")
        return str(parent["version"]) if isinstance(parent, Mapping) else None

    @property
    def root_thresholds(self) -> dict[str, float]:
        """The thresholds of the first release that it descends from: no descendant's are looser."""
        root = self.document.get("tuning", {}).get("root_thresholds", self.document["thresholds"])
        return {name: float(root[name]) for name in ("human_at_most", "ai_at_least")}


def load_card(folder: Path) -> Card:
    """Read a card; the hashes of its files are checked by `verify_files`.

    Raises:
        WeightsMissing: no card in that folder.
        WeightsDamaged: a card that is not one of ours.
    """
    path = folder / CARD_NAME
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise WeightsMissing(f"There are no weights in {folder}: no {CARD_NAME}.") from error
    try:
        document = json.loads(raw)
        return _parse(folder, document, hashlib.sha256(raw).hexdigest())
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise WeightsDamaged(f"{path} is no card that this version reads: {error!r}.") from error


def _parse(folder: Path, document: Any, digest: str) -> Card:
    if document["format"] != CARD_FORMAT:
        raise ValueError(f"card format {document['format']}, this version reads {CARD_FORMAT}")
    if tuple(document["classes"]) != CLASSES:
        raise ValueError(f"classes {document['classes']}, wanted {list(CLASSES)}")
    thresholds, calibration = document["thresholds"], document["calibration"]
    files = document["files"]
    for name in (GRAPH_XML, GRAPH_BIN, CHECKPOINT):
        if name not in files:
            raise ValueError(f"no hash of {name}")
    for name in files:
        if Path(name).name != name:
            raise ValueError(f"a file outside the folder: {name}")
    return Card(
        folder=folder,
        ref=ModelRef(document["version"], digest),
        architecture=document["architecture"],
        preprocessing=Preprocessing.from_json(document["preprocessing"]),
        calibration=Calibration(calibration["slope"], calibration["intercept"]),
        policy=Policy(
            0,
            thresholds["human_at_most"],
            thresholds["ai_at_least"],
            datetime.fromisoformat(document["released_at"]),
        ),
        min_short_side_px=int(document["scope"]["min_short_side_px"]),
        feature_size=int(document["feature_size"]),
        files=files,
        document=document,
    )


def verify_files(card: Card, names: Iterable[str] | None = None) -> None:
    """Hold files of a set of weights against the hashes that its card names; all by default.

    Raises:
        WeightsDamaged: a file is missing, unknown to the card, or not the one that was released.
    """
    for name in card.files if names is None else names:
        path, wanted = card.folder / name, card.files.get(name)
        try:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise WeightsDamaged(f"The weights {card.ref.version} lack their {name}.") from error
        if found != wanted:
            raise WeightsDamaged(
                f"{name} of the weights {card.ref.version} is not the file that its card names "
                "(SHA-256 differs): it was damaged or tampered with. Get the release again."
            )
