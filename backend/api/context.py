"""What the views reach for: the service of this app, and who is asking."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from flask import current_app, g

from backend.access import PairingDesk
from backend.api.limits import Bulkhead
from backend.api.metrics import Metrics
from backend.api.wall import Caller, Wall
from backend.curation import Curation
from backend.exporting.desk import ExportDesk
from backend.importing.desk import ImportDesk
from backend.jobs.desk import JobDesk
from backend.releasing import Releases
from backend.service import Service

EXTENSION = "brushmark"


@dataclass(frozen=True, slots=True)
class Api:
    """Everything an app's views work with."""

    service: Service
    curation: Curation
    desk: PairingDesk
    wall: Wall
    bulkhead: Bulkhead
    metrics: Metrics
    exports: ExportDesk
    imports: ImportDesk
    releases: Releases
    jobs: JobDesk
    document: Callable[[], bytes]
    """Writes the OpenAPI document, as JSON."""


def api() -> Api:
    """Return the parts of the app that answers."""
    return cast(Api, current_app.extensions[EXTENSION])


def service() -> Service:
    """Return the service of the app that answers."""
    return api().service


def curation() -> Curation:
    """Return the curators' use cases of the app that answers."""
    return api().curation


def releases() -> Releases:
    """Return the versions of the app that answers."""
    return api().releases


def job_desk() -> JobDesk:
    """Return the jobs of the app that answers."""
    return api().jobs


def caller() -> Caller:
    """Return who asks."""
    return cast(Caller, g.caller)
