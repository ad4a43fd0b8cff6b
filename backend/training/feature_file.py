"""The pooled vectors that travel with a release, for fine-tuning the head without pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from backend.training.evaluate import Scores


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
