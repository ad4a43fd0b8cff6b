"""Counts of what the training pictures were before they were copied: format and short side.

They travel with a release as `originals.json`, so that a running Brushmark can tell whether the
pictures that it meets are like those that its model learnt from. Nothing in them is of one picture.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from backend.domain import SIDE_EDGES_PX, Label
from backend.model.reference import ORIGINALS_NAME
from backend.training.manifest import Manifest, Row, read_manifest
from backend.training.run import write_json

_SPLITS = ("train", "val")
_AS_JPEG = frozenset({"MPO"})
"""Cameras' files of several JPEGs, of which the first is looked at."""


def count_originals(manifest: Manifest) -> dict[str, Any] | None:
    """Count the originals of a manifest; None where it does not say what they were."""
    rows = [r for r in manifest.of(*_SPLITS) if r.view == "whole" and _side_px(r)]
    if not rows:
        return None
    return {
        "about": "originals of the training and validation pictures, each once",
        "manifest_sha256": manifest.sha256,
        "counts": {label.value: _counts(r for r in rows if r.label is label) for label in Label},
    }


def _counts(rows: Iterable[Row]) -> dict[str, dict[str, int]]:
    formats: Counter[str] = Counter()
    sides: Counter[str] = Counter()
    for row in rows:
        name = row.more.get("original_format", "").upper() or "unknown"
        formats["JPEG" if name in _AS_JPEG else name] += 1
        sides[str(max(edge for edge in SIDE_EDGES_PX if edge <= _side_px(row)))] += 1
    return {"format": dict(sorted(formats.items())), "side": dict(sorted(sides.items()))}


def _side_px(row: Row) -> int:
    sides = [row.more.get(name, "") for name in ("original_width", "original_height")]
    return min(int(side) for side in sides) if all(side.isdecimal() for side in sides) else 0


def main() -> None:
    """Write `originals.json` into a version's folder, from the manifest it was trained on."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    found = count_originals(read_manifest(given.manifest))
    if found is None:
        parser.error("the manifest does not say what the originals were")
    write_json(given.folder / ORIGINALS_NAME, found)


if __name__ == "__main__":
    main()
