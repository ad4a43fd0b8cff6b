"""`brushmark jobs`: fine-tunes and re-scores that run in processes of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from backend.settings import Settings

if TYPE_CHECKING:
    from backend.domain import Job
    from backend.jobs.desk import JobDesk

ACTOR = "command line"


@click.group()
def jobs() -> None:
    """Start, follow, stop and resume fine-tunes and re-scores.

    A job outlives the terminal, the dashboard and the backend that started it.

    \b
    Example:
      brushmark jobs list
    """


@jobs.command("list")
def list_() -> None:
    """List jobs, newest first: id, kind, state, progress, what it says.

    \b
    Example:
      brushmark jobs list
    """
    with _desk() as desk:
        found = desk.latest()
    for job in found:
        click.echo(_line(job))
    if not found:
        click.echo("There are no jobs yet.", err=True)


@jobs.command("start")
@click.argument("kind", type=click.Choice(["fine-tune", "re-score"]))
@click.option("--version", help="Name of the candidate, or the version that judges again.")
@click.option("--parent", help="Version to fine-tune. Default: the active one.")
def start(kind: str, version: str | None, parent: str | None) -> None:
    """Start a fine-tune on the reviewed log, or a re-score that fills the queue “flipped”.

    \b
    Example:
      brushmark jobs start re-score --version brush-2-20261130-tuned-1
    """
    given = {"version": version, "parent": parent}
    with _desk() as desk:
        click.echo(_line(desk.start(kind, {k: v for k, v in given.items() if v}, ACTOR)))


@jobs.command("cancel")
@click.argument("job_id", metavar="ID")
def cancel(job_id: str) -> None:
    """Ask a job to stop; it can be resumed.

    \b
    Example:
      brushmark jobs cancel 01JDQ6ZK3V8M5R2X9T4W7Y0A1B
    """
    with _desk() as desk:
        click.echo(_line(desk.cancel(job_id, ACTOR)))


@jobs.command("resume")
@click.argument("job_id", metavar="ID")
def resume(job_id: str) -> None:
    """Let a job go on that was interrupted, stopped or has failed.

    \b
    Example:
      brushmark jobs resume 01JDQ6ZK3V8M5R2X9T4W7Y0A1B
    """
    with _desk() as desk:
        click.echo(_line(desk.resume(job_id, ACTOR)))


@contextmanager
def _desk() -> Iterator[JobDesk]:
    from backend.cli.home import open_home
    from backend.jobs.desk import JobDesk

    settings = Settings.from_env()
    with open_home(settings) as repository:
        yield JobDesk(settings, repository)


def _line(job: Job) -> str:
    return f"{job.id}\t{job.kind}\t{job.state}\t{job.progress:.0%}\t{job.detail}"
