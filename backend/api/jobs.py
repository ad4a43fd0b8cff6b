"""Fine-tunes and re-scores: started, followed, stopped and resumed."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from backend.api import schemas
from backend.api.context import caller, job_desk
from backend.api.operations import operation
from backend.domain import Job, Scope
from backend.errors import Conflict, NotFound
from backend.wire import time_to_text

jobs = Blueprint("jobs", __name__)


@jobs.get("/jobs")
@operation(scope=Scope.ADMIN, answers=schemas.JobList)
def list_jobs() -> schemas.JobList:
    """List jobs, newest first."""
    return schemas.JobList(jobs=[_shown(job) for job in job_desk().latest()])


@jobs.post("/jobs")
@operation(
    scope=Scope.ADMIN,
    body=schemas.JobIn,
    answers=schemas.JobOut,
    status=201,
    raises=(Conflict,),
)
def start_job(body: schemas.JobIn) -> schemas.JobOut:
    """Start a job in a process of its own.

    It goes on when the browser, the dashboard or this server ends.
    """
    options = body.model_dump(exclude={"kind"}, exclude_none=True)
    return _shown(job_desk().start(body.kind, options, caller().client))


@jobs.get("/jobs/<job_id>")
@operation(scope=Scope.ADMIN, answers=schemas.JobWithCurve, raises=(NotFound,))
def read_job(job_id: str) -> schemas.JobWithCurve:
    """Read a job, with the curve of a fine-tune."""
    job = job_desk().get(job_id)
    return schemas.JobWithCurve(**_fields(job), curve=job_desk().curve(job))


@jobs.post("/jobs/<job_id>/cancel")
@operation(scope=Scope.ADMIN, answers=schemas.JobOut, raises=(NotFound, Conflict))
def cancel_job(job_id: str) -> schemas.JobOut:
    """Ask a job to stop at its next step."""
    return _shown(job_desk().cancel(job_id, caller().client))


@jobs.post("/jobs/<job_id>/resume")
@operation(scope=Scope.ADMIN, answers=schemas.JobOut, raises=(NotFound, Conflict))
def resume_job(job_id: str) -> schemas.JobOut:
    """Let a job go on that was interrupted, stopped or has failed."""
    return _shown(job_desk().resume(job_id, caller().client))


def _shown(job: Job) -> schemas.JobOut:
    return schemas.JobOut(**_fields(job))


def _fields(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "kind": job.kind,
        "state": job.state,
        "progress": job.progress,
        "detail": job.detail,
        "created_at": time_to_text(job.created_at),
        "finished_at": time_to_text(job.finished_at) if job.finished_at else None,
        "options": dict(job.options),
        "result": dict(job.result),
    }
