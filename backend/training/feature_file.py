"""The pooled vectors that travel with a release, for fine-tuning the head without pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from backend.errors import BadRun
from backend.model.preprocess import FloatArray
from backend.model.vectors import without_opinion
from backend.training.evaluate import Scores
from backend.training.manifest import Row


def write_features(path: Path, parts: dict[str, Scores]) -> None:
    """Write pooled vectors with labels, groups and sources of `train` and `val` alone.

    Group and source are indices into the name lists of the file's metadata.
    """
    tensors: dict[str, np.ndarray[Any, Any]] = {}
    metadata: dict[str, str] = {}
    for field in ("group", "source", "kind", "generator"):
        names = sorted({getattr(r, field) for part in parts.values() for r in part.rows})
        metadata[field] = json.dumps(names)
        index = {name: i for i, name in enumerate(names)}
        for split, part in parts.items():
            column = [index[getattr(r, field)] for r in part.rows]
            tensors[f"{split}.{field}"] = np.array(column, np.int32)
    for split, part in parts.items():
        tensors[f"{split}.features"] = part.features
        tensors[f"{split}.logits"] = part.logits.astype(np.float32)
        tensors[f"{split}.labels"] = part.targets.astype(np.int8)
        digests = [bytes.fromhex(r.sha256) for r in part.rows]
        tensors[f"{split}.sha256"] = np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 32)
    save_file(tensors, path, metadata=metadata)


def released_vectors(path: Path, rows: Sequence[Row]) -> FloatArray:
    """Return every stage's statistics of some rows of `train` and `val`, as a release has them.

    (n, 2048). An opinion that its vectors end with is left out: it was learnt from these rows.

    Raises:
        BadRun: it carries none for a row.
    """
    tensors = load_file(path)
    found = {
        digest.tobytes().hex(): vector
        for split in ("train", "val")
        for digest, vector in zip(
            tensors[f"{split}.sha256"], tensors[f"{split}.features"], strict=True
        )
    }
    missing = next((row for row in rows if row.sha256 not in found), None)
    if missing is not None:
        raise BadRun(f"{path} carries no vector of row {missing.number}, {missing.path}.")
    vectors = np.stack([found[row.sha256] for row in rows])
    return without_opinion(vectors).astype(np.float32)
