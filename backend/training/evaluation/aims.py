"""What the project aims at, and where a model stands against it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

IN_DISTRIBUTION = ("val", "test")


@dataclass(frozen=True, slots=True)
class Aim:
    """One figure that is aimed at; `plausible` is what pilots made likely."""

    key: str
    title: str
    wanted: float
    plausible: str
    at_most: bool = False

    def met_by(self, value: float) -> bool:
        """Say whether a figure reaches the aim."""
        return value <= self.wanted if self.at_most else value >= self.wanted


_DEGRADED = (
    Aim("degraded_balanced_accuracy", "Balanced accuracy, degraded, mean", 0.88, "83–87 %"),
    Aim("worst_cell_balanced_accuracy", "Balanced accuracy, worst cell", 0.80, "not stated"),
)
_ACCUSED = Aim(
    "worst_human_source_accused",
    "Worst human source called AI-generated, at the served threshold",
    0.05,
    "not stated",
    at_most=True,
)
_KNOWN_SOURCES = (
    Aim("auc", "AUC, in distribution", 0.985, "not stated"),
    Aim("balanced_accuracy", "Balanced accuracy, in distribution", 0.94, "90–93 %"),
    *_DEGRADED,
    _ACCUSED,
    Aim("ece", "ECE, in distribution", 0.02, "not stated", at_most=True),
)
_UNSEEN = (
    Aim("auc", "AUC, unseen sources", 0.92, "not stated"),
    Aim("balanced_accuracy", "Balanced accuracy, unseen sources", 0.84, "75–81 %"),
    *_DEGRADED,
    _ACCUSED,
    Aim("ece", "ECE, unseen sources", 0.06, "not stated", at_most=True),
)


def standing(split: str, figures: Mapping[str, float]) -> list[tuple[Aim, float]]:
    """Return each aim of a split for which there is a figure, with that figure.

    There are none for `train`, which a model has learnt by heart.
    """
    aims = _UNSEEN if split == "unseen" else _KNOWN_SOURCES if split in IN_DISTRIBUTION else ()
    return [(aim, figures[aim.key]) for aim in aims if aim.key in figures]
