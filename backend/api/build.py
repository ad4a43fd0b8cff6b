"""Put the app together: blueprints, the wall in front, errors, headers, metrics."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable
from typing import cast

from flask import Flask, Response, g, request

from backend.access import PairingDesk
from backend.api import PREFIX, headers, problems
from backend.api.checks import checks
from backend.api.context import EXTENSION, Api, api
from backend.api.docs import docs
from backend.api.exports import exports
from backend.api.figures import figures
from backend.api.forgetting import forgetting
from backend.api.health import health
from backend.api.hosts import Hosts
from backend.api.imports import imports
from backend.api.jobs import jobs
from backend.api.limits import Bulkhead, client_address
from backend.api.metrics import Metrics
from backend.api.models import models
from backend.api.openapi import document
from backend.api.operations import declared_operations
from backend.api.pairing import pairing
from backend.api.people import people
from backend.api.predictions import predictions
from backend.api.queue import queue
from backend.api.releases import releases
from backend.api.reports import reports
from backend.api.reviews import reviews
from backend.api.stats import stats
from backend.api.wall import Head, Wall, content_length
from backend.curation import Curation
from backend.exporting.desk import ExportDesk
from backend.exporting.shelf import ExportShelf
from backend.importing.desk import ImportDesk
from backend.importing.importer import Importer
from backend.jobs.desk import JobDesk
from backend.releasing import Releases
from backend.roles import Roles
from backend.service import Service

log = logging.getLogger(__name__)

_METHODS = frozenset({"GET", "HEAD", "POST", "DELETE", "OPTIONS"})
_MAX_FORM_PARTS = 100


def build_app(
    service: Service, desk: PairingDesk, *, threads: int, clock: Callable[[], float]
) -> Flask:
    """Build the app around a service; at most `threads` requests work at a time.

    Raises:
        BadSetting: a trusted host that is none.
        LookupError: a view that does not declare who may call it.
    """
    app = Flask("brushmark", static_folder=None)
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = True
    for blueprint in (
        checks,
        predictions,
        reports,
        reviews,
        queue,
        models,
        releases,
        jobs,
        stats,
        figures,
        people,
        pairing,
        exports,
        imports,
        forgetting,
        docs,
    ):
        app.register_blueprint(blueprint, url_prefix=PREFIX)
    app.register_blueprint(health)
    operations = declared_operations(app)
    settings = service.settings
    wall = Wall(
        app.url_map,
        operations,
        Hosts.of(settings),
        service.repository,
        Roles(settings.login),
        public=settings.public,
        clock=clock,
    )
    app.extensions[EXTENSION] = Api(
        service,
        Curation(service),
        desk,
        wall,
        Bulkhead(threads),
        Metrics(service),
        ExportDesk(ExportShelf(settings, service.repository, service.images)),
        ImportDesk(Importer(settings, service.repository, service.images, service.require_judge)),
        Releases(settings, service.repository, service.take_over, lambda: service.judge),
        JobDesk(settings, service.repository),
        functools.cache(lambda: document(app, settings.public)),
    )
    _install(app)
    return app


def service_of(app: Flask) -> Service:
    """Return the service that an app was built around."""
    return cast(Api, app.extensions[EXTENSION]).service


def exports_of(app: Flask) -> ExportDesk:
    """Return what makes exports in an app."""
    return cast(Api, app.extensions[EXTENSION]).exports


def job_desk_of(app: Flask) -> JobDesk:
    """Return the jobs of an app."""
    return cast(Api, app.extensions[EXTENSION]).jobs


def releases_of(app: Flask) -> Releases:
    """Return the versions that an app chooses among."""
    return cast(Api, app.extensions[EXTENSION]).releases


def imports_of(app: Flask) -> ImportDesk:
    """Return what imports in an app."""
    return cast(Api, app.extensions[EXTENSION]).imports


def _install(app: Flask) -> None:
    problems.install(app)
    headers.install(app)
    app.before_request(_admit)
    app.after_request(_account)
    app.teardown_request(_leave)


def _admit() -> None:
    g.started = time.perf_counter()
    environ, wall = request.environ, api().wall
    admission = wall.admit(
        Head(
            method=request.method,
            path=request.path,
            host=environ.get("HTTP_HOST"),
            authorization=environ.get("HTTP_AUTHORIZATION"),
            actor=environ.get("HTTP_X_BRUSHMARK_ACTOR"),
            content_length=content_length(environ.get("CONTENT_LENGTH")),
            address=client_address(
                environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR"), wall.public
            ),
        ),
        spend=True,
    )
    g.caller = admission.caller
    request.max_content_length = admission.operation.max_body_bytes
    request.max_form_parts = _MAX_FORM_PARTS
    if not admission.operation.always:
        api().bulkhead.enter()
        g.inside = True


def _account(response: Response) -> Response:
    elapsed_s = time.perf_counter() - g.started
    route = request.url_rule.rule if request.url_rule else "none"
    method = request.method if request.method in _METHODS else "other"
    api().metrics.count_request(method, route, response.status_code, elapsed_s)
    log.info(
        "answered",
        extra={
            "method": method,
            "route": route,
            "status": response.status_code,
            "elapsed_ms": round(elapsed_s * 1000, 2),
        },
    )
    return response


def _leave(error: BaseException | None) -> None:
    if g.pop("inside", False):
        api().bulkhead.leave()
