"""Score a split under each cell of the grid, exactly as serving does, remembering every score."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from backend.errors import BadManifest, BrushmarkError
from backend.imaging.decode import decode
from backend.model.card import Calibration
from backend.model.card_judge import CardJudge
from backend.model.processor import this_processor
from backend.training.calibrate import apply
from backend.training.evaluate import Scores
from backend.training.evaluation.grid import GRID_VERSION, Cell, degrade
from backend.training.evaluation.memory import Remembered
from backend.training.manifest import Row
from backend.training.screen import original_of
from backend.training.train import Progress


@dataclass(frozen=True, slots=True)
class Examined:
    """Scores of one cell, one entry an original, its views averaged before calibration.

    `assessed` (n,) says where the gate would let the degraded picture through by its size;
    the scores are ungated.
    """

    cell: Cell
    scores: Scores
    assessed: npt.NDArray[np.bool_]

    @property
    def groups(self) -> list[str]:
        """The near-duplicate group of each original."""
        return [r.group for r in self.scores.rows]


@dataclass(frozen=True, slots=True)
class Scorer:
    """A judge with what its scores are remembered under.

    `name` tells apart what may score differently; `folder` holds a folder for each name.
    """

    judge: CardJudge
    calibration: Calibration
    name: str
    folder: Path

    def examine(self, cell: Cell, rows: Sequence[Row], progress: Progress) -> Examined:
        """Score every original under a cell; what is remembered is not scored again.

        Raises:
            BadManifest: a picture cannot be read, or is not the file that the manifest names.
        """
        path = self.folder / self.name / f"grid-{GRID_VERSION}-{cell.name}.jsonl"
        with Remembered(path) as memory:
            missing = [row for row in rows if memory.get(row.sha256) is None]
            done = len(rows) - len(missing)
            with ThreadPoolExecutor(this_processor().cores) as pool:
                # Leaving early (Ctrl-C) cancels what has not begun: the iterator does so.
                found = pool.map(lambda row: self._score(cell, row), missing)
                for row, entry in zip(missing, found, strict=True):
                    memory.add(row.sha256, entry)
                    done += 1
                    progress(done, len(rows), f"scoring {cell.title}")
            progress(len(rows), len(rows), f"scoring {cell.title}")
            entries = [memory.get(row.sha256) or {} for row in rows]
        return _gathered(cell, tuple(rows), entries, self.calibration, self.judge)

    def _score(self, cell: Cell, row: Row) -> dict[str, Any]:
        picture = degrade(cell, open_named(row), row.sha256)
        return {"logit": self.judge.score(picture).logit, "short_side_px": min(picture.size)}


def open_named(row: Row) -> Image.Image:
    """Decode a row's picture after its bytes were held against the manifest's SHA-256.

    Raises:
        BadManifest: it cannot be read, or is another file; the message names the row.
    """
    try:
        data = row.file.read_bytes()
        if hashlib.sha256(data).hexdigest() != row.sha256.lower():
            raise BadManifest(
                f"Row {row.number}: {row.path} is not the file that the manifest names "
                "(SHA-256 differs)."
            )
        return decode(data).image
    except BadManifest:
        raise
    except (OSError, BrushmarkError) as error:
        raise BadManifest(f"Row {row.number}: {row.path} cannot be read: {error}") from error


def _gathered(
    cell: Cell,
    rows: tuple[Row, ...],
    entries: Sequence[Any],
    calibration: Calibration,
    judge: CardJudge,
) -> Examined:
    logits = np.array([entry["logit"] for entry in entries], np.float64)
    targets = np.array([r.target for r in rows], np.int64)
    none = np.zeros((len(rows), 0), np.float16)
    scores = Scores(rows, logits, np.zeros(len(rows)), none, targets).originals()
    largest: dict[str, int] = {}
    for row, entry in zip(rows, entries, strict=True):
        name = original_of(row)
        largest[name] = max(largest.get(name, 0), int(entry["short_side_px"]))
    assessed = np.array([side >= judge.min_short_side_px for side in largest.values()])
    return Examined(cell, replace(scores, scores=apply(calibration, scores.logits)), assessed)


def limited(rows: Sequence[Row], originals: int | None) -> tuple[Row, ...]:
    """Return the rows of at most so many originals, half of each class, in file order.

    Which ones is decided by their group's hash, so that a smaller look is part of a larger one.
    """
    if originals is None:
        return tuple(rows)
    kept: set[str] = set()
    for target, share in ((1, originals // 2), (0, originals - originals // 2)):
        names = {original_of(r): r.group for r in rows if r.target == target}
        ranked = sorted(names, key=lambda n: hashlib.sha256(f"{names[n]} {n}".encode()).digest())
        kept.update(ranked[:share])
    return tuple(r for r in rows if original_of(r) in kept)
