"""Scores and thresholds of a fine-tuned head, from rows that it has not learnt from.

A release's calibration was fitted on sources it had not met, which no fine-tune can repeat.
It is kept: the new head's logits are brought onto the old one's scale by a straight line
through the evaluation rows. Thresholds are set on those rows and on held-out groups of the
new data together, and are never looser than those the first release came with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from backend.model.card import Calibration
from backend.training.calibrate import (
    FALSE_NEGATIVE_RATE,
    FALSE_POSITIVE_RATE,
    WORST_SOURCE_RATE,
    Thresholds,
    apply,
    choose_thresholds,
)
from backend.tuning.examples import Examples
from backend.tuning.head import Head

Logits = npt.NDArray[np.float64]
SET_ON = "the release's val rows and held-out groups of the new data, never looser than before"


@dataclass(frozen=True, slots=True)
class Line:
    """old logit = slope * new logit + intercept, by least squares."""

    slope: float
    intercept: float

    def over(self, calibration: Calibration) -> Calibration:
        """Return the calibration of the new logits that gives what the old one's gave."""
        return Calibration(
            max(1e-6, calibration.slope * self.slope),
            calibration.slope * self.intercept + calibration.intercept,
        )


def align(new: Logits, old: Logits) -> Line:
    """Fit the line from new logits to old ones."""
    slope, intercept = np.polyfit(new, old, 1)
    return Line(float(slope), float(intercept))


def scores(head: Head, examples: Examples, calibration: Calibration) -> Logits:
    """Return calibrated scores of some rows."""
    return apply(calibration, head.logits(examples.features))


def tuned_thresholds(
    held_out: list[tuple[Examples, Logits]], loosest: dict[str, Any]
) -> Thresholds:
    """Set thresholds on held-out rows and their scores; none looser than the given ones.

    `loosest` holds `human_at_most` and `ai_at_least`.
    """
    chosen = choose_thresholds(
        np.concatenate([score for _, score in held_out]),
        np.concatenate([rows.labels for rows, _ in held_out]),
        [str(source) for rows, _ in held_out for source in rows.sources],
        false_positive_rate=FALSE_POSITIVE_RATE,
        worst_source_rate=WORST_SOURCE_RATE,
        false_negative_rate=FALSE_NEGATIVE_RATE,
    )
    return Thresholds(
        min(chosen.human_at_most, float(loosest["human_at_most"])),
        max(chosen.ai_at_least, float(loosest["ai_at_least"])),
        chosen.target_false_positive_rate,
        chosen.target_worst_source_rate,
        chosen.target_false_negative_rate,
    )
