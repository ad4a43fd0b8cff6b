"""The contract's JSON of the domain's values: one place for the API, the command line, the store.

`record_to_document` is what the log keeps; `record_to_json` adds what is known of the bytes
since (the latest review, the number of appeals) and is what users read. CONTRACT.md gives the
shape.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import is_dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, get_args, get_type_hints

from backend.domain import (
    Basis,
    Context,
    Evidence,
    EvidenceStatus,
    ImageFacts,
    Label,
    ModelRef,
    Outcome,
    Policy,
    Prediction,
    PredictionRecord,
    Review,
    Source,
    Verdict,
)

Json = dict[str, Any]
_SURROGATE = re.compile("[\ud800-\udfff]")
_INTEGERS_BELOW = 1 << 63
"""What SQLite keeps as an integer."""


def time_to_text(moment: datetime) -> str:
    """Write a moment as RFC 3339 in UTC with milliseconds, so that text sorts like time."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def time_from_text(text: str) -> datetime:
    """Read an RFC 3339 moment; one without a zone is taken as UTC.

    Raises:
        ValueError: the text is no moment.
        OverflowError: its zone takes it out of the years 1 to 9999.
    """
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def record_to_document(record: PredictionRecord) -> Json:
    """Turn a record into the document that the log keeps."""
    verdict, image, context = record.verdict, record.image, record.context
    prediction = verdict.prediction
    return {
        "id": record.id,
        "created_at": time_to_text(record.created_at),
        "client": record.client,
        "outcome": verdict.outcome.value,
        "probabilities": None
        if prediction is None
        else {label.value: p for label, p in prediction.probabilities.items()},
        "basis": verdict.basis.value if verdict.basis else None,
        "summary": verdict.summary,
        "conflict": verdict.conflict,
        "evidence": [
            {
                "kind": e.kind,
                "status": e.status.value,
                "label": e.label.value if e.label else None,
                "detail": e.detail,
                "prompt": e.prompt,
            }
            for e in verdict.evidence
        ],
        "image": {
            "sha256": image.sha256,
            "format": image.format,
            "width": image.width,
            "height": image.height,
            "bytes": image.bytes,
            "frames": image.frames,
        },
        "likely_generator": prediction.likely_generator if prediction else None,
        "model": {"version": record.model.version, "sha256": record.model.sha256}
        if record.model
        else None,
        "policy": record.policy,
        "context": {
            "source": context.source.value,
            "page_url": context.page_url,
            "image_url": context.image_url,
            "page_title": context.page_title,
        },
        "elapsed_ms": round(record.elapsed_ms, 2),
        "audit": record.audit,
    }


def record_from_document(document: Mapping[str, Any]) -> PredictionRecord:
    """Read a record back from its document.

    Raises:
        KeyError, ValueError: the document is not one of ours.
    """
    model = document["model"]
    ref = ModelRef(model["version"], model["sha256"]) if model else None
    probabilities = document["probabilities"]
    prediction = None
    if probabilities is not None and ref is not None:
        prediction = Prediction(
            probabilities["ai_generated"], ref, document.get("likely_generator")
        )
    image, context = document["image"], document["context"]
    return PredictionRecord(
        id=document["id"],
        created_at=time_from_text(document["created_at"]),
        client=document["client"],
        verdict=Verdict(
            outcome=Outcome(document["outcome"]),
            prediction=prediction,
            evidence=tuple(
                Evidence(
                    e["kind"],
                    EvidenceStatus(e["status"]),
                    Label(e["label"]) if e["label"] else None,
                    e["detail"],
                    e.get("prompt"),
                )
                for e in document["evidence"]
            ),
            basis=Basis(document["basis"]) if document["basis"] else None,
            summary=document["summary"],
            conflict=document.get("conflict", False),
        ),
        image=ImageFacts(
            sha256=image["sha256"],
            format=image["format"],
            width=image["width"],
            height=image["height"],
            bytes=image["bytes"],
            frames=image.get("frames", 1),
        ),
        model=ref,
        policy=document["policy"],
        context=Context(
            source=Source(context["source"]),
            page_url=context["page_url"],
            image_url=context["image_url"],
            page_title=context["page_title"],
        ),
        elapsed_ms=document["elapsed_ms"],
        audit=document.get("audit", False),
    )


def foreign_record(document: Mapping[str, Any]) -> PredictionRecord:
    """Read a record from a document that anybody may have written.

    Raises:
        KeyError, TypeError, ValueError, OverflowError: the document is not one of ours.
    """
    record = record_from_document(document)
    _require_types(record)
    return record


def _require_types(value: Any) -> None:
    """Hold the plain fields of a value, and of the values within, against their types."""
    kind: Any = type(value)
    for name, hint in _hints(kind).items():
        held = getattr(value, name)
        if is_dataclass(held):
            _require_types(held)
        elif isinstance(held, tuple):
            for each in held:
                _require_types(each)
        elif not _fits(held, get_args(hint) or (hint,)):
            raise ValueError(f"{name} cannot be {held!r:.60}")


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _fits(value: Any, kinds: tuple[Any, ...]) -> bool:
    """Say whether a value is of one of these types, and can be kept and shown."""
    kind = type(value)
    if kind is int:
        return (int in kinds or float in kinds) and abs(value) < _INTEGERS_BELOW
    sound = kind is not str or _SURROGATE.search(value) is None
    finite = kind is not float or math.isfinite(value)
    return kind in kinds and sound and finite


def record_to_json(
    record: PredictionRecord,
    *,
    review: Review | None = None,
    appeals: int = 0,
    heatmap: str | None = None,
) -> Json:
    """Turn a record into the contract's prediction record.

    `review` is the latest of these bytes; `heatmap` the address or file of the map, where
    there is one.
    """
    document = record_to_document(record)
    elapsed_ms = document.pop("elapsed_ms")
    document.pop("audit")
    return {
        **document,
        "review": review_to_json(review) if review else None,
        "appeals": appeals,
        "heatmap": heatmap,
        "elapsed_ms": elapsed_ms,
    }


def review_to_json(review: Review) -> Json:
    """Turn a review into JSON."""
    return {
        "id": review.id,
        "created_at": time_to_text(review.created_at),
        "prediction_id": review.prediction_id,
        "label": review.label.value,
        "reviewer": review.reviewer,
        "note": review.note,
        "undone_at": time_to_text(review.undone_at) if review.undone_at else None,
    }


def policy_to_json(policy: Policy) -> Json:
    """Turn a policy into JSON."""
    return {
        "number": policy.number,
        "human_at_most": policy.human_at_most,
        "ai_at_least": policy.ai_at_least,
        "published_at": time_to_text(policy.published_at),
        "author": policy.author,
        "note": policy.note,
    }
