"""The log's feature vectors as safetensors, written without holding them in memory.

Tensor names are those of a release's `features.safetensors`: `train.features`, `train.labels`,
`train.sha256`, `train.group`, … Format: https://github.com/huggingface/safetensors (eight bytes
of header length, the header as JSON, then the tensors' bytes).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from backend.domain import Label
from backend.exporting.examples import Example, Spools
from backend.wire import Json

MAIN = "features.safetensors"
_NAMED = ("group", "source", "kind", "generator")
_ORDER = ("features", "labels", "sha256", *_NAMED, "scores", "audit")
_NO_SCORE = float("nan")


def file_names(counts: Mapping[str, int]) -> dict[str, str]:
    """Return the file of each model's vectors: the one that made most has the plain name.

    Vectors of two models cannot be mixed, so each model has a file of its own.
    """
    ranked = sorted(counts, key=lambda sha256: (-counts[sha256], sha256))
    return {
        sha256: MAIN if place == 0 else f"features-{sha256[:12]}.safetensors"
        for place, sha256 in enumerate(ranked)
    }


def write_vectors(
    path: Path,
    model_sha256: str,
    model: Json,
    placed: Sequence[tuple[Example, str, str]],
    spools: Spools,
) -> None:
    """Write one model's vectors; `placed` are examples, splits and groups."""
    rows = [place for place in placed if place[0].model == model_sha256]
    splits = {split: [p for p in rows if p[1] == split] for split in ("train", "val", "test")}
    columns = {split: _Columns(some) for split, some in splits.items() if some}
    names = {name: sorted(_names(columns.values(), name, spools)) for name in _NAMED}
    size = model["vector_bytes"] // 2
    with path.open("wb") as file:
        file.write(_header(columns, names, size, model_sha256, model["version"]))
        for some in columns.values():
            some.write(file, spools, names)


class _Columns:
    """The tensors of one split, one row an example."""

    def __init__(self, rows: Sequence[tuple[Example, str, str]]) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def write(self, file: BinaryIO, spools: Spools, names: dict[str, list[str]]) -> None:
        for example, _, _ in self.rows:
            file.write(spools.vector(example))
        packed: dict[str, bytearray] = {name: bytearray() for name in _ORDER[1:]}
        index = {name: {text: i for i, text in enumerate(names[name])} for name in _NAMED}
        for example, _, group in self.rows:
            line = spools.line(example)
            packed["labels"] += struct.pack("<b", example.label is Label.AI_GENERATED)
            packed["sha256"] += bytes.fromhex(example.sha256)
            for name in _NAMED:
                text = group if name == "group" else line["credit"][name]
                packed[name] += struct.pack("<i", index[name][text])
            probabilities = line["record"]["probabilities"]
            score = probabilities["ai_generated"] if probabilities else _NO_SCORE
            packed["scores"] += struct.pack("<f", score)
            packed["audit"] += struct.pack("<b", line["record"]["audit"])
        for tensor in packed.values():
            file.write(tensor)


def _names(parts: Iterable[_Columns], name: str, spools: Spools) -> set[str]:
    rows = (row for part in parts for row in part.rows)
    if name == "group":
        return {group for _, _, group in rows}
    return {spools.line(example)["credit"][name] for example, _, _ in rows}


def _header(
    columns: dict[str, _Columns],
    names: dict[str, list[str]],
    size: int,
    model_sha256: str,
    version: str,
) -> bytes:
    metadata = {name: json.dumps(texts) for name, texts in names.items()}
    metadata |= {"model_version": version, "model_sha256": model_sha256}
    header: dict[str, Any] = {"__metadata__": metadata}
    start = 0
    for split, part in columns.items():
        count = len(part)
        shapes: dict[str, tuple[str, list[int], int]] = {
            "features": ("F16", [count, size], 2 * size * count),
            "labels": ("I8", [count], count),
            "sha256": ("U8", [count, 32], 32 * count),
            **{name: ("I32", [count], 4 * count) for name in _NAMED},
            "scores": ("F32", [count], 4 * count),
            "audit": ("I8", [count], count),
        }
        for name in _ORDER:
            kind, shape, length = shapes[name]
            header[f"{split}.{name}"] = {
                "dtype": kind,
                "shape": shape,
                "data_offsets": [start, start + length],
            }
            start += length
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text
