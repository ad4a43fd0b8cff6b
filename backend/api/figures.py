"""Quality and activity: figures over the log and over what curators said of it."""

from __future__ import annotations

from dataclasses import asdict

from flask import Blueprint

from backend.activity import activity
from backend.agreement import agreement
from backend.api import figure_shapes, presenting
from backend.api.context import service
from backend.api.operations import operation
from backend.domain import Scope
from backend.errors import BadInput, NoModel
from backend.model.reference import find_reference
from backend.quality import Selection, quality, thresholds
from backend.suspects import suspects

figures = Blueprint("figures", __name__)


@figures.get("/stats/quality")
@operation(scope=Scope.READ, query=figure_shapes.SelectionQuery, answers=figure_shapes.QualityOut)
def read_quality(query: figure_shapes.SelectionQuery) -> figure_shapes.QualityOut:
    """Read how good the verdicts are.

    They are held against the latest review of the same bytes. Queues choose what is hard, so
    figures over all reviews are worse than the truth; `sample=audit` takes only what was drawn
    at random when it was logged.
    """
    found = quality(service().repository, _selection(query))
    return figure_shapes.QualityOut.model_validate({**asdict(found), "sample": query.sample})


@figures.get("/stats/thresholds")
@operation(
    scope=Scope.READ,
    query=figure_shapes.ThresholdQuery,
    answers=figure_shapes.ThresholdsOut,
    raises=(BadInput, NoModel),
)
def try_thresholds(query: figure_shapes.ThresholdQuery) -> figure_shapes.ThresholdsOut:
    """Read what thresholds would mean.

    For the reviewed pictures of a model: precision, recall, false accusations; for its whole
    log: how many verdicts would change.
    """
    if query.human_at_most >= query.ai_at_least:
        raise BadInput("`human_at_most` must lie below `ai_at_least`.")
    model = query.model or service().require_judge().ref.version
    found = thresholds(
        service().repository,
        _selection(query),
        model,
        query.human_at_most,
        query.ai_at_least,
    )
    changed = {pair: n for pair, n in found.changed.items() if pair[0] is not pair[1]}
    return figure_shapes.ThresholdsOut.model_validate(
        {
            "model": model,
            "human_at_most": found.human_at_most,
            "ai_at_least": found.ai_at_least,
            "verdicts": asdict(found.verdicts),
            "logged": sum(found.changed.values()),
            "changed": sum(changed.values()),
            "changes": [
                {"now": now, "then": then, "verdicts": n} for (now, then), n in changed.items()
            ],
        }
    )


@figures.get("/stats/agreement")
@operation(scope=Scope.READ, answers=figure_shapes.AgreementOut)
def read_agreement() -> figure_shapes.AgreementOut:
    """Read how far reviewers agree.

    Over pictures with standing reviews by two people or more; each one's latest counts.
    """
    return figure_shapes.AgreementOut.model_validate(asdict(agreement(service().repository)))


@figures.get("/stats/label-errors")
@operation(scope=Scope.READ, query=figure_shapes.SuspectQuery, answers=figure_shapes.SuspectsOut)
def list_label_errors(query: figure_shapes.SuspectQuery) -> figure_shapes.SuspectsOut:
    """List reviews that may be wrong, the most doubtful first.

    By confident learning on the scores, and by the training pictures most alike where the
    served weights ship them.
    """
    judge = service().judge
    reference = find_reference(service().settings, judge.ref.version) if judge else None
    found = suspects(service().repository, reference, query.limit)
    described = service().describe([suspect.record for suspect in found.found])
    return figure_shapes.SuspectsOut(
        reviewed=found.reviewed,
        expected=found.expected,
        found=[
            figure_shapes.SuspectOut(
                prediction=presenting.prediction(checked),
                label=suspect.label,
                doubt=suspect.doubt,
                unlike=suspect.unlike,
            )
            for checked, suspect in zip(described, found.found, strict=True)
        ],
    )


@figures.get("/stats/activity")
@operation(scope=Scope.READ, query=figure_shapes.ActivityQuery, answers=figure_shapes.ActivityOut)
def read_activity(query: figure_shapes.ActivityQuery) -> figure_shapes.ActivityOut:
    """Read what went on in the last days.

    Volumes, latency, appeals, health, and how far scores and pictures lie from the training
    data and from the days before.
    """
    found = activity(service(), query.days)
    document = asdict(found)
    for shown, comparison in zip(document["drift"], found.drift, strict=True):
        if comparison.drift is not None:
            shown["drift"]["is_notable"] = comparison.drift.is_notable
    return figure_shapes.ActivityOut.model_validate(document)


def _selection(query: figure_shapes.SelectionQuery) -> Selection:
    return Selection(query.sample, query.model, query.site, query.source)
