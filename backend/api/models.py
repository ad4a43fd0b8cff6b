"""The model that is served, the versions there are, the published thresholds."""

from __future__ import annotations

from flask import Blueprint

from backend.api import presenting, schemas
from backend.api.context import caller, service
from backend.api.operations import operation
from backend.domain import Scope
from backend.errors import Conflict, NoModel
from backend.model.registry import list_versions

models = Blueprint("models", __name__)


@models.get("/model")
@operation(scope=Scope.CHECK, visitors=True, answers=schemas.ModelOut, raises=(NoModel,))
def read_model() -> schemas.ModelOut:
    """Read about the model that is served."""
    judge = service().require_judge()
    return schemas.ModelOut(
        version=judge.ref.version,
        sha256=judge.ref.sha256,
        device=judge.device,
        min_short_side_px=judge.min_short_side_px,
        policy=presenting.policy(service().policy()),
        card=judge.card,
    )


@models.get("/models")
@operation(scope=Scope.READ, answers=schemas.ModelList, raises=(NoModel,))
def list_models() -> schemas.ModelList:
    """List the versions on this machine."""
    return schemas.ModelList(
        models=[presenting.version(found) for found in list_versions(service().settings)]
    )


@models.get("/policy")
@operation(scope=Scope.CHECK, answers=schemas.PolicyOut, raises=(NoModel,))
def read_policy() -> schemas.PolicyOut:
    """Read the thresholds in force.

    Verdicts may be kept under (sha256, model, policy): a new number means other verdicts.
    """
    return presenting.policy(service().policy())


@models.post("/policy")
@operation(
    scope=Scope.ADMIN,
    body=schemas.PolicyIn,
    answers=schemas.PolicyOut,
    status=201,
    raises=(Conflict, NoModel),
)
def publish_policy(body: schemas.PolicyIn) -> schemas.PolicyOut:
    """Publish thresholds under the next number."""
    published = service().publish_policy(
        body.human_at_most, body.ai_at_least, caller().client, body.note
    )
    return presenting.policy(published)
