"""Small manifests with drawn pictures, for tests of the training side."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from tests.pictures import draw, encode

Row = dict[str, str]


def picture_of(label: str, seed: int) -> Image.Image:
    """Draw a picture of a class: ai_generated smooth and warm, human_made grainy and cool."""
    base = draw(300, 260, seed)
    if label == "ai_generated":
        base = base.filter(ImageFilter.GaussianBlur(4))
        tint = np.array([40, 10, -30])
    else:
        tint = np.array([-30, 0, 40])
    return Image.fromarray(np.clip(np.asarray(base, np.int16) + tint, 0, 255).astype(np.uint8))


def write_manifest(
    folder: Path,
    *,
    per_cell: int = 2,
    splits: tuple[str, ...] = ("train", "val", "test"),
    change: Callable[[list[Row]], None] = lambda rows: None,
) -> Path:
    """Write a manifest with `per_cell` pictures of each class in each split.

    `change` may alter the rows before they are written.
    """
    rows: list[Row] = []
    for split_number, split in enumerate(splits):
        for label_number, label in enumerate(("ai_generated", "human_made")):
            for n in range(per_cell):
                seed = split_number * 10_000 + label_number * 1000 + n
                data = encode(picture_of(label, seed), "JPEG", quality=85)
                path = Path("images") / split / f"{label}-{n}.jpg"
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_bytes(data)
                rows.append(
                    {
                        "path": str(path),
                        "label": label,
                        "generator": "drawn" if label == "ai_generated" else "human",
                        "kind": "art",
                        "source": f"{label}-{n % 3}",
                        "group": f"g{seed}",
                        "split": split,
                        "licence": "drawn by the tests",
                        "sha256": hashlib.sha256(data).hexdigest(),
                        "view": "whole",
                    }
                )
    change(rows)
    file = folder / "manifest.csv"
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return file
