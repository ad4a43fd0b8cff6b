"""Turn what the service returns into the shapes that go out."""

from __future__ import annotations

import base64
from dataclasses import asdict

from backend.api import PREFIX, context, schemas
from backend.curation import Deed
from backend.domain import Appeal, Basis, Outcome, Policy, Review, ReviewLabel
from backend.model.explain import render_overlay
from backend.model.registry import Version
from backend.service import Checked
from backend.storage.repository import Stats
from backend.wire import policy_to_json, record_to_json, review_to_json, time_to_text


def prediction(checked: Checked, *, inline_heatmap: bool = False) -> schemas.Prediction:
    """Show a checked picture; what was not logged has its heat map within, if asked for."""
    document = record_to_json(
        checked.record,
        review=checked.review,
        appeals=checked.appeals,
        heatmap=_heatmap(checked, inline_heatmap),
    )
    return schemas.Prediction.model_validate({**document, "similar_review": _similar(checked)})


def _similar(checked: Checked) -> dict[str, object] | None:
    found = checked.similar
    if found is None:
        return None
    return {**asdict(found), "reviewed_at": time_to_text(found.reviewed_at)}


def _heatmap(checked: Checked, inline: bool) -> str | None:
    if checked.record.verdict.prediction is None:
        return None
    if checked.logged:
        return f"{PREFIX}/predictions/{checked.record.id}/heatmap"
    if not inline or checked.activation is None:
        return None
    image = checked.record.image
    png = render_overlay(checked.activation, image.width, image.height)
    return "data:image/png;base64," + base64.b64encode(png).decode()


def known_verdict(checked: Checked) -> schemas.KnownVerdict:
    """Show a verdict without who asked, where and when it was seen, or which file it was."""
    document = {**record_to_json(checked.record), "similar_review": _similar(checked)}
    known = {name: document[name] for name in schemas.KnownVerdict.model_fields}
    known["review"] = checked.review and {
        "label": checked.review.label,
        "created_at": time_to_text(checked.review.created_at),
    }
    if checked.review is not None and checked.review.label is not ReviewLabel.CANNOT_TELL:
        # A person's word on these very bytes comes before the model's; its score stays beside.
        outcome = Outcome(checked.review.label.value)
        known |= {
            "outcome": outcome,
            "basis": Basis.REVIEW,
            "summary": f"A curator has looked at this very file and says it is {outcome.words}.",
        }
    return schemas.KnownVerdict.model_validate(known)


def review(value: Review) -> schemas.ReviewOut:
    """Show a review."""
    return schemas.ReviewOut.model_validate(review_to_json(value))


def listed_appeal(value: Appeal, found: Review | None) -> schemas.ListedAppeal:
    """Show an appeal with what was decided on its picture, without who decided."""
    seen = None
    if found is not None:
        decided_at = time_to_text(found.created_at)
        seen = schemas.PublicReview(label=found.label, created_at=decided_at)
    return schemas.ListedAppeal(**appeal(value).model_dump(), review=seen)


def appeal(value: Appeal) -> schemas.AppealOut:
    """Show an appeal."""
    return schemas.AppealOut(
        id=value.id,
        created_at=time_to_text(value.created_at),
        prediction_id=value.prediction_id,
        claim=value.claim,
        reason=value.reason,
        client=value.client,
    )


def deed(value: Deed) -> schemas.DeedOut:
    """Show a line of the audit trail."""
    return schemas.DeedOut.model_validate({**asdict(value), "at": time_to_text(value.at)})


def policy(value: Policy) -> schemas.PolicyOut:
    """Show thresholds."""
    return schemas.PolicyOut.model_validate(policy_to_json(value))


def statistics(value: Stats) -> schemas.Statistics:
    """Show the counts."""
    return schemas.Statistics.model_validate(
        {**asdict(value), "score_histogram": list(value.score_histogram)}
    )


def version(found: Version) -> schemas.ModelVersion:
    """Show a version, and whether it is the one that judges now."""
    judge, shadow = context.service().judge, context.releases().shadow()
    return schemas.ModelVersion(
        version=found.name,
        sha256=found.sha256,
        released_at=time_to_text(found.released_at),
        active=found.active,
        parent=found.parent,
        served=judge is not None and judge.ref.sha256 == found.sha256,
        shadow=shadow is not None and shadow.version == found.name,
    )
