"""Labelled vectors out of an export: the `features*.safetensors` in its zip."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from backend.errors import BadInput
from backend.model.card import Card
from backend.tuning.examples import Examples, Gathered, contradictions, sharing_trunk

MAX_BYTES = 2 * 1024**3
"""Unpacked vectors beyond this are taken for a bomb: 500,000 pictures have as much."""
_SPLITS = ("train", "val", "test")


def from_export(file: Path, card: Card, known: Iterable[Card]) -> Gathered:
    """Gather an export's labelled vectors that come from this release's trunk.

    All but audit records, and what shares a group with one, is learnt from.

    Raises:
        BadInput: it is no export, damaged, contradicts itself, or holds no fitting vector.
    """
    models = {c.ref.sha256 for c in sharing_trunk(card, known)}
    left: Counter[str] = Counter()
    parts, audits = list[Examples](), list[Any]()
    for name, raw in _members(file):
        try:
            found, audit, model = _read(raw)
        except (SafetensorError, KeyError, ValueError, IndexError, TypeError) as error:
            raise BadInput(f"{name} in {file.name} is damaged: {error}.") from error
        if model not in models or found.features.shape[1] != card.feature_size:
            left["scored by another network"] += len(found)
            continue
        parts.append(found)
        audits.append(audit)
    if not parts:
        raise BadInput(
            f"{file.name} holds no vectors of the network in {card.ref.version}"
            + (f" ({sum(left.values())} of other networks)." if left else ".")
        )
    every = _joined(parts)
    contradictions(every)
    held = np.isin(every.groups, every.groups[np.concatenate(audits) == 1])
    return Gathered(every.take(~held), every.take(held), left)


def _members(file: Path) -> Iterator[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(file) as archive:
            wanted = [
                info
                for info in archive.infolist()
                if info.filename.rpartition("/")[2].startswith("features")
                and info.filename.endswith(".safetensors")
            ]
            if not wanted:
                raise BadInput(f"{file.name} has no features.safetensors: it is no export of ours.")
            if sum(info.file_size for info in wanted) > MAX_BYTES:
                raise BadInput(f"The vectors in {file.name} unpack to more than 2 GB.")
            for info in wanted:
                yield info.filename, archive.read(info)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise BadInput(f"{file.name} is no whole zip file: {error}.") from error


def _read(raw: bytes) -> tuple[Examples, Any, str]:
    size = int.from_bytes(raw[:8], "little")
    metadata = json.loads(raw[8 : 8 + size]).get("__metadata__", {})
    names = {field: np.array(json.loads(metadata[field])) for field in ("group", "source")}
    tensors = load(raw)
    rows = [
        Examples(
            tensors[f"{split}.features"].astype(np.float16),
            tensors[f"{split}.labels"].astype(np.int64),
            names["group"][tensors[f"{split}.group"]],
            names["source"][tensors[f"{split}.source"]],
            np.array([key.tobytes().hex() for key in tensors[f"{split}.sha256"]]),
        )
        for split in _SPLITS
        if f"{split}.features" in tensors
    ]
    audit = [
        tensors.get(f"{split}.audit", np.zeros(len(tensors[f"{split}.labels"]), np.int8))
        for split in _SPLITS
        if f"{split}.features" in tensors
    ]
    every = _joined(rows)
    if not set(np.unique(every.labels)) <= {0, 1} or not np.isfinite(every.features).all():
        raise ValueError("labels other than 0 and 1, or vectors that are no numbers")
    return every, np.concatenate(audit), str(metadata["model_sha256"])


def _joined(parts: list[Examples]) -> Examples:
    if not parts:
        raise ValueError("no rows")
    return Examples(
        np.concatenate([p.features for p in parts]),
        np.concatenate([p.labels for p in parts]),
        np.concatenate([p.groups for p in parts]),
        np.concatenate([p.sources for p in parts]),
        np.concatenate([p.keys for p in parts]),
    )
