"""Compare versions, choose the one that is served, and let one judge along."""

from __future__ import annotations

from flask import Blueprint

from backend.api import presenting, schemas
from backend.api.context import caller, service
from backend.api.context import releases as versions
from backend.api.operations import operation
from backend.domain import Outcome, Scope
from backend.errors import Conflict, NoModel, NotFound, WeightsMissing, WorseThanServed
from backend.model.registry import find_report
from backend.wire import time_to_text

releases = Blueprint("releases", __name__)


@releases.get("/models/<version>")
@operation(scope=Scope.READ, answers=schemas.ModelReport, raises=(NotFound,))
def read_version(version: str) -> schemas.ModelReport:
    """Read a version's card and the figures of its release."""
    try:
        card, metrics = find_report(service().settings, version)
    except WeightsMissing as error:
        raise NotFound(str(error)) from error
    return schemas.ModelReport(version=card.ref.version, card=dict(card.document), metrics=metrics)


@releases.get("/comparison")
@operation(
    scope=Scope.READ,
    query=schemas.ComparisonQuery,
    answers=schemas.VersionComparison,
    raises=(NotFound, NoModel),
)
def read_comparison(query: schemas.ComparisonQuery) -> schemas.VersionComparison:
    """Compare two versions.

    On the evaluation set that both releases bring, and on this installation's audit records;
    with the latest logged verdicts that would flip.
    """
    try:
        found = versions().compare(query.champion, query.candidate)
    except WeightsMissing as error:
        raise NotFound(str(error)) from error
    return schemas.VersionComparison.model_validate(found.to_json())


@releases.post("/models/<version>/activate")
@operation(
    scope=Scope.ADMIN,
    body=schemas.Activation,
    body_optional=True,
    answers=schemas.ModelVersion,
    raises=(NotFound, Conflict, WorseThanServed, NoModel),
)
def activate(version: str, body: schemas.Activation) -> schemas.ModelVersion:
    """Serve a version from now on.

    Nothing restarts, and no request is dropped. A version that is worse than the active one
    beyond a margin is refused, unless `despite` gives a reason; that goes to the audit trail.
    """
    try:
        return presenting.version(versions().activate(version, caller().client, body.despite))
    except WeightsMissing as error:
        raise NotFound(str(error)) from error


@releases.post("/models/rollback")
@operation(scope=Scope.ADMIN, answers=schemas.ModelVersion, raises=(Conflict, NoModel))
def roll_back() -> schemas.ModelVersion:
    """Serve the version that was active before."""
    return presenting.version(versions().roll_back(caller().client))


@releases.post("/shadow")
@operation(
    scope=Scope.ADMIN,
    body=schemas.ShadowIn,
    answers=schemas.ShadowOut,
    raises=(NotFound, Conflict, NoModel),
)
def set_shadow(body: schemas.ShadowIn) -> schemas.ShadowOut:
    """Let a version judge live checks along, silently, or none.

    It sees the vectors that are logged, so it costs nobody any time.
    """
    try:
        versions().set_shadow(body.version, caller().client)
    except WeightsMissing as error:
        raise NotFound(str(error)) from error
    return _shadow()


@releases.get("/shadow")
@operation(scope=Scope.READ, answers=schemas.ShadowOut, raises=(NoModel,))
def read_shadow() -> schemas.ShadowOut:
    """Read what the version that judges along would have said of the latest live checks."""
    return _shadow()


def _shadow() -> schemas.ShadowOut:
    running = versions().shadow_report()
    if running is None:
        return schemas.ShadowOut(
            version=None,
            since=None,
            looked_at=0,
            changed=0,
            outcomes=[],
            labelled=0,
            served_right=0,
            candidate_right=0,
            mean_score_change=0.0,
        )
    shadow, report = running
    return schemas.ShadowOut(
        version=shadow.version,
        since=time_to_text(shadow.since),
        looked_at=report.looked_at,
        changed=report.changed,
        outcomes=[
            schemas.ShadowChange(served=Outcome(old), candidate=Outcome(new), count=n)
            for old, new, n in report.outcomes
        ],
        labelled=report.labelled,
        served_right=report.served_right,
        candidate_right=report.candidate_right,
        mean_score_change=report.mean_score_change,
    )
