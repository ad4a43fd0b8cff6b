"""An 8-bit copy of the served graph, kept only where it judges as the full one does.

Source: NNCF's post-training quantisation (https://docs.openvino.ai), calibrated on real
pictures of the training split.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from PIL import Image

from backend.model.card import GRAPH_BIN, GRAPH_XML, Calibration
from backend.model.card_judge import CardJudge
from backend.model.openvino_runtime import openvino_core
from backend.model.preprocess import Preprocessing, to_tensor
from backend.model.processor import this_processor
from backend.training.calibrate import apply
from backend.training.degrade import seeded_web_copy
from backend.training.evaluation.grid import CLEAN, GRID, Cell, degrade
from backend.training.manifest import Row, open_picture
from backend.training.metrics import Array, Targets, roc_auc
from backend.training.screen import balanced, group_views

CALIBRATION_PICTURES = 300
WEIGHT_BITS = 7
"""Without VNNI the sum of two products has 16 bits to fit into, which those of full 8-bit weights
overflow; with 7 bits the graph judges alike on every processor."""
MAX_BALANCED_ACCURACY_LOSS = 0.003
MAX_AUC_LOSS = 0.005
CELLS_EACH = 6
"""Of the grid's cells, for each picture; every cell on a third of them tells as much as all on all
within the gate's margins, for a third of the passes."""
# The head and the statistics are cheap, and the heat map needs them fine: convolutions alone
# are brought to 8 bits.
_KEPT_FINE = (
    "Divide",
    "Exp",
    "Log",
    "MatMul",
    "Multiply",
    "Power",
    "ReduceMean",
    "ReduceSum",
    "Sqrt",
    "Subtract",
)


def quantise(folder: Path, target: Path, spec: Preprocessing, rows: Sequence[Row]) -> None:
    """Write an 8-bit copy of a folder's graph, calibrated on an even draw of the rows.

    Every second picture is a web copy: both kinds are served. Ranges are medians over pictures, so
    that a few outliers do not make the steps coarse.
    """
    import nncf
    from nncf.quantization.range_estimator import RangeEstimatorParametersSet

    count = min(len(rows), CALIBRATION_PICTURES)
    chosen = [rows[int(i)] for i in np.linspace(0, len(rows) - 1, count)]
    pictures = [
        to_tensor(_picture(row, number % 2), spec)[None] for number, row in enumerate(chosen)
    ]
    model = openvino_core().read_model(folder / GRAPH_XML, folder / GRAPH_BIN)
    small = nncf.quantize(
        model,
        nncf.Dataset(pictures),
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(pictures),
        ignored_scope=nncf.IgnoredScope(types=list(_KEPT_FINE), validate=False),
        advanced_parameters=nncf.AdvancedQuantizationParameters(
            overflow_fix=nncf.OverflowFix.ENABLE,  # WEIGHT_BITS
            activations_range_estimator_params=RangeEstimatorParametersSet.MEDIAN_MINMAX,
        ),
    )
    ov.save_model(small, target, compress_to_fp16=True)


def gate(
    full: CardJudge, small: CardJudge, rows: Sequence[Row], calibration: Calibration
) -> dict[str, Any]:
    """Hold an 8-bit judge against the full one, on clean views and on the degradation grid.

    Of the grid each original goes through `CELLS_EACH` cells in turn, so that all come up alike.

    Returns:
        Figures of both on both, and `accepted`: no more than .3 points of balanced accuracy
        (at one half) and .005 AUC lost on either.
    """
    member, first = group_views(rows)
    targets = np.array([rows[i].target for i in first], np.int64)
    degraded = [cell for cell in GRID if cell != CLEAN]
    turns = {
        "clean": [[CLEAN] * len(rows)],
        "grid": [
            [degraded[(CELLS_EACH * original + turn) % len(degraded)] for original in member]
            for turn in range(CELLS_EACH)
        ],
    }
    figures: dict[str, Any] = {}
    accepted = True
    for name, looks in turns.items():
        found = {}
        for kind, judge in (("full", full), ("int8", small)):
            means = [
                np.bincount(member, weights=_logits(judge, rows, cells)) / np.bincount(member)
                for cells in looks
            ]
            scores = apply(calibration, np.concatenate(means))
            found[kind] = _figures(scores, np.tile(targets, len(looks)))
        figures[name] = found
        lost = {k: found["full"][k] - found["int8"][k] for k in ("balanced_accuracy", "auc")}
        accepted = accepted and lost["balanced_accuracy"] <= MAX_BALANCED_ACCURACY_LOSS
        accepted = accepted and lost["auc"] <= MAX_AUC_LOSS
    return {"accepted": accepted, "split": "val", "weight_bits": WEIGHT_BITS, **figures}


def _figures(scores: Array, targets: Targets) -> dict[str, float]:
    return {"balanced_accuracy": balanced(scores, targets, 0.5), "auc": roc_auc(scores, targets)}


def _logits(judge: CardJudge, rows: Sequence[Row], cells: Sequence[Cell]) -> Array:
    """Return the logit of each row's picture as its cell leaves it: (n,)."""

    def logit(row: Row, cell: Cell) -> float:
        return judge.score(degrade(cell, open_picture(row), row.sha256)).logit

    with ThreadPoolExecutor(this_processor().cores) as pool:
        return np.array(list(pool.map(logit, rows, cells)))


def _picture(row: Row, seed: int) -> Image.Image:
    picture = open_picture(row)
    if not seed:
        return picture
    return seeded_web_copy(picture, seed, row.sha256)
