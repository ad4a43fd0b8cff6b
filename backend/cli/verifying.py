"""`brushmark check --verify-report`: hold a report against its picture, offline."""

from __future__ import annotations

from pathlib import Path

import click

from backend.cli import failures
from backend.cli.inputs import gather
from backend.domain import Policy
from backend.errors import BadInput, BrushmarkError, NotFound
from backend.judging import ledger_of
from backend.report.verify import MAX_BYTES, read_report, verify
from backend.settings import Settings


def verify_one(path: Path, picture: str) -> bool:
    """Print what holds of a report and what does not; say whether all of it does.

    Raises:
        BadInput, NotFound: it is no report, or there is no such picture.
        NoModel: there is no model to judge again with.
    """
    from backend.model.registry import load_judge

    settings = Settings.from_env()
    with path.open("rb") as file:
        page = file.read(MAX_BYTES + 1)
    if len(page) > MAX_BYTES:
        raise BadInput(f"{path} is larger than any report.")
    report = read_report(page)
    inputs, complaints = gather([picture])
    if complaints or len(inputs) != 1:
        raise complaints[0] if complaints else NotFound(f"{picture} is not one picture.")
    if inputs[0].is_remote and not settings.url_fetch:
        raise BadInput("fetching by address is off (BRUSHMARK_URL_FETCH).")
    judge = load_judge(settings)
    try:
        ledger = ledger_of(settings)
        checks = verify(report, inputs[0].read(), judge, ledger, _published(settings))
    except BrushmarkError as error:
        failures.tell(f"{picture}: {error}")
        return False
    finally:
        judge.close()
    for check in checks:
        click.echo(f"{'holds ' if check.holds else 'FAILS '} {check.words}")
    return all(check.holds for check in checks)


def _published(settings: Settings) -> Policy | None:
    """Return the thresholds that are published in the home, where it has a store."""
    from backend.storage import open_repository

    if not settings.store_path.exists():
        return None
    repository = open_repository(settings)
    try:
        return repository.latest_policy()
    finally:
        repository.close()
