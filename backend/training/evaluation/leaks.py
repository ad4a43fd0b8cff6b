"""Leak controls: what classifiers reach that see no picture, only what it was packed in.

Random forests learn from the training split and are judged on the evaluated one. Where one
that sees only size or format does well, a detector may have learnt that too, and its figures
on these pictures flatter it.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile, get_sampling

from backend.errors import BadManifest
from backend.model.processor import this_processor
from backend.training.evaluation.bootstrap import Interval, interval
from backend.training.evaluation.memory import Remembered
from backend.training.manifest import Row
from backend.training.metrics import roc_auc
from backend.training.screen import original_of
from backend.training.train import Progress

ALARM_AUC = 0.60
"""From here on a control on size or format alone says that the data are not equalised."""
THUMBNAIL_PX = 16
_TREES, _LEAST_LEAF, _DRAWS = 200, 5, 300
_SHUFFLES = 3
"""One shuffle may hit on something by chance; the control is their mean."""
Facts = Mapping[str, Any]
Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Control:
    """What one control sees and the AUC that it reaches."""

    name: str
    sees: str
    packing: bool
    """Whether it sees size or format alone, so that `ALARM_AUC` applies."""
    auc: Interval

    @property
    def alarms(self) -> bool:
        """Say whether the data are not equalised in what this control sees."""
        return self.packing and self.auc.value >= ALARM_AUC

    def to_json(self) -> dict[str, Any]:
        """Turn into what `metrics.json` holds."""
        return {"sees": self.sees, "auc": self.auc.to_json(), "alarms": self.alarms}


def controls(
    learn: Sequence[Row], judge: Sequence[Row], memory: Path, progress: Progress
) -> tuple[Control, ...]:
    """Fit every control on some rows and judge it on others, one row an original.

    Controls on the original's size and format need the manifest's columns `original_width`,
    `original_height` and `original_format`, and are left out where it has none.
    """
    rows = [*one_an_original(learn), *one_an_original(judge)]
    facts = facts_of(rows, memory, progress)
    learnt = np.arange(len(rows)) < len(one_an_original(learn))
    targets = np.array([r.target for r in rows], np.int64)
    groups = [row.group for row, seen in zip(rows, learnt, strict=True) if not seen]
    found = []
    views = _views(rows, facts)
    for number, (name, sees, packing, matrix) in enumerate(views, start=1):
        taught = [targets[learnt]]
        if name == "shuffled-labels":
            taught = [_shuffled(targets[learnt], seed) for seed in range(_SHUFFLES)]
        scores = [_forest(matrix[learnt], wanted, matrix[~learnt]) for wanted in taught]
        auc = _auc(scores, targets[~learnt], groups)
        found.append(Control(name, sees, packing, auc))
        progress(number, len(views), f"leak control: {name}")
    return tuple(found)


def one_an_original(rows: Sequence[Row]) -> list[Row]:
    """Return a row for each original: its whole view where it has one."""
    chosen: dict[str, Row] = {}
    for row in rows:
        name = original_of(row)
        if name not in chosen or row.view == "whole":
            chosen[name] = row
    return list(chosen.values())


def _views(rows: Sequence[Row], facts: Sequence[Facts]) -> list[tuple[str, str, bool, Matrix]]:
    thumbnails = np.stack([_pixels(f) for f in facts])
    file_size = np.array([[f["width"], f["height"], f["width"] / f["height"]] for f in facts])
    formats = _codes([str(f["format"]) for f in facts])
    packing = np.array([[f["quantiser"], f["subsampling"], f["bytes"]] for f in facts])
    found = [
        ("file-size", "width, height and aspect of the file", True, file_size),
        (
            "file-format",
            "format, JPEG quality, chroma and bytes of the file",
            True,
            np.column_stack([formats, packing]),
        ),
        ("thumbnail", f"a {THUMBNAIL_PX} x {THUMBNAIL_PX} thumbnail", False, thumbnails),
        (
            "shuffled-labels",
            f"a {THUMBNAIL_PX} x {THUMBNAIL_PX} thumbnail, labels shuffled",
            False,
            thumbnails,
        ),
    ]
    if all(_size(r) for r in rows):
        sizes = np.array([_size(r) for r in rows], np.float64)
        seen = np.column_stack([sizes, sizes[:, 0] / sizes[:, 1]])
        found.insert(0, ("original-size", "width, height and aspect of the original", True, seen))
    if all(r.more.get("original_format") for r in rows):
        codes = _codes([r.more["original_format"] for r in rows])[:, None]
        found.insert(1, ("original-format", "format of the original", True, codes))
    return found


def original_short_side(row: Row) -> int | None:
    """Return the original's short side in pixels where the manifest says it."""
    size = _size(row)
    return min(size) if size else None


def _size(row: Row) -> tuple[int, int] | None:
    try:
        width, height = int(row.more["original_width"]), int(row.more["original_height"])
    except (KeyError, ValueError):
        return None
    return (width, height) if width > 0 and height > 0 else None


def _forest(seen: Matrix, wanted: npt.NDArray[np.int64], judged: Matrix) -> Matrix:
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(
        _TREES, min_samples_leaf=_LEAST_LEAF, random_state=0, n_jobs=this_processor().cores
    ).fit(seen, wanted)
    return np.asarray(forest.predict_proba(judged)[:, 1], np.float64)


def _auc(
    scores: Sequence[Matrix], targets: npt.NDArray[np.int64], groups: Sequence[str]
) -> Interval:
    """Return the mean AUC of some classifiers on the same pictures."""
    return interval(
        lambda i: float(np.mean([roc_auc(s[i], targets[i]) for s in scores])), groups, draws=_DRAWS
    )


def facts_of(rows: Sequence[Row], memory: Path, progress: Progress) -> list[Facts]:
    """Return what each row's file is packed in and its thumbnail, remembered by SHA-256."""
    with Remembered(memory / "facts-1.jsonl") as known:
        missing = [row for row in rows if known.get(row.sha256) is None]
        with ThreadPoolExecutor(this_processor().cores) as pool:
            for done, (row, facts) in enumerate(
                zip(missing, pool.map(_facts, missing), strict=True), start=1
            ):
                known.add(row.sha256, facts)
                progress(done, len(missing), "leak controls: reading files")
        return [known.get(row.sha256) or {} for row in rows]


def _facts(row: Row) -> dict[str, Any]:
    try:
        data = row.file.read_bytes()
        with Image.open(io.BytesIO(data)) as image:
            width, height = image.size
            quantiser, subsampling = _jpeg_packing(image)
            small = image.convert("RGB").resize((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.BOX)
            return {
                "format": image.format,
                "width": width,
                "height": height,
                "bytes": len(data),
                "quantiser": quantiser,
                "subsampling": subsampling,
                "thumbnail": base64.b64encode(small.tobytes()).decode("ascii"),
            }
    except (OSError, ValueError) as error:
        raise BadManifest(f"Row {row.number}: {row.path} cannot be read: {error}") from error


def _shuffled(labels: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.int64]:
    """Deal labels anew within each class: what comes out knows nothing of the truth, exactly."""
    rng, found = np.random.default_rng(seed), labels.copy()
    for value in (0, 1):
        own = np.flatnonzero(labels == value)
        found[own] = rng.permutation(np.arange(len(own)) % 2)
    return found


def _jpeg_packing(image: Image.Image) -> tuple[float, int]:
    """Return mean quantiser step and chroma sampling; zeros where the file is no JPEG.

    The step falls as quality rises: as good as the quality, and no guess.
    """
    if not isinstance(image, JpegImageFile):
        return 0.0, 0
    tables = image.quantization
    return float(np.mean(tables[min(tables)])), int(get_sampling(image))


def _pixels(facts: Facts) -> Matrix:
    return np.frombuffer(base64.b64decode(facts["thumbnail"]), np.uint8).astype(np.float64)


def _codes(names: Sequence[str]) -> Matrix:
    return np.unique(np.asarray(names), return_inverse=True)[1].astype(np.float64)
