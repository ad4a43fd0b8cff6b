"""Scores and thresholds of a fine-tuned head, from rows that it has not learnt from.

A release's calibration was fitted on sources it had not met, which no fine-tune can repeat.
It is kept: the new head's logits are brought onto the old one's scale by a straight line
through the evaluation rows. Thresholds are set on those rows and on held-out groups of the
new data together, and are never looser than those the first release came with.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from backend.model.card import Calibration
from backend.training.calibrate import Origins, Thresholds, apply, held_tight
from backend.tuning.examples import Examples
from backend.tuning.head import Head

Logits = npt.NDArray[np.float64]
SET_ON = "the release's val rows and held-out groups of the new data, never looser than before"


def scores(head: Head, examples: Examples, calibration: Calibration) -> Logits:
    """Return calibrated scores of some rows."""
    return apply(calibration, head.logits(examples.features))


def tuned_thresholds(
    held_out: list[tuple[Examples, Logits]], loosest: Mapping[str, float]
) -> Thresholds:
    """Set thresholds on held-out rows and their scores; none looser than the given ones.

    `loosest` holds `human_at_most` and `ai_at_least`.
    """
    return held_tight(
        np.concatenate([score for _, score in held_out]),
        np.concatenate([rows.labels for rows, _ in held_out]),
        Origins.apart([str(source) for rows, _ in held_out for source in rows.sources]),
        loosest,
    )
