"""What a report says, as data: it travels in the page, and the page is drawn from nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from backend import __version__
from backend.domain import Policy, PredictionRecord, Review
from backend.wire import Json, record_to_json, time_to_text

FORMAT = 1
_SPLITS = ("val", "test", "unseen")


def facts(
    record: PredictionRecord,
    *,
    policy: Policy | None,
    card: Mapping[str, Any] | None,
    review: Review | None,
    made_at: datetime,
) -> Json:
    """Put together what a report says of a record.

    Args:
        record: the check; who asked, and where the picture was seen, stay out of the report.
        policy: the thresholds of that check, where they are still known.
        card: the card of the model that judged it, where that model is at hand.
        review: the standing review of the bytes: its label and day go in, its author does not.
        made_at: when the report was made.
    """
    document = record_to_json(record)
    for name in ("client", "context", "review", "appeals", "heatmap", "elapsed_ms", "likeness"):
        document.pop(name, None)
    return {
        "format": FORMAT,
        "brushmark": __version__,
        "made_at": time_to_text(made_at),
        "record": document,
        "thresholds": policy
        and {"human_at_most": policy.human_at_most, "ai_at_least": policy.ai_at_least},
        "card": card and card_facts(card),
        "review": review
        and {"label": review.label.value, "created_at": time_to_text(review.created_at)},
    }


def card_facts(card: Mapping[str, Any]) -> Json:
    """Return what a reader of the report needs of a model card."""
    figures = card.get("figures")
    known = figures if isinstance(figures, Mapping) else {}
    return {
        "released_at": str(card.get("released_at", "")),
        "intended_use": str(card.get("intended_use", "")),
        "not_for": _texts(card.get("not_for")),
        "limits": _texts(card.get("limits")),
        "figures": {split: row for split in _SPLITS if (row := _figures(known.get(split)))},
    }


def _texts(value: object) -> list[str]:
    return [str(text) for text in value] if isinstance(value, list) else []


def _figures(split: object) -> Json | None:
    """Return the figures of one set of pictures under the card's thresholds, if it has them."""
    try:
        numbers, served = split["n"], split["served"]  # type: ignore[index]
        return {
            "pictures": sum(int(n) for n in numbers.values()),
            "decided": float(served["coverage"]),
            "right": float(served["accuracy_when_decided"]),
            "human_called_ai": float(served["human_called_ai"]),
            "ai_called_human": float(served["ai_called_human"]),
        }
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
