"""Who may do what: every route against every scope, and none that forgets to say."""

from __future__ import annotations

import json
import re

import pytest
from flask import Flask

from backend.api.operations import declared_operations
from backend.domain import Scope
from tests.api.harness import API, Wired, problem

# Written out from the contract, not from the code under test.
OPEN = {
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("POST", f"{API}/pair"),
    ("GET", f"{API}/openapi.json"),
    ("GET", f"{API}/docs"),
    ("GET", f"{API}/docs/<name>"),
}
NEEDS = {
    ("POST", f"{API}/check"): Scope.CHECK,
    ("POST", f"{API}/check/batch"): Scope.CHECK,
    ("POST", f"{API}/lookup"): Scope.CHECK,
    ("GET", f"{API}/model"): Scope.CHECK,
    ("GET", f"{API}/whoami"): Scope.CHECK,
    ("GET", f"{API}/policy"): Scope.CHECK,
    ("GET", f"{API}/predictions"): Scope.CHECK,
    ("GET", f"{API}/predictions/<prediction_id>"): Scope.CHECK,
    ("GET", f"{API}/predictions/<prediction_id>/heatmap"): Scope.CHECK,
    ("GET", f"{API}/predictions/<prediction_id>/report"): Scope.CHECK,
    ("POST", f"{API}/predictions/<prediction_id>/appeals"): Scope.CHECK,
    ("GET", f"{API}/predictions/<prediction_id>/image"): Scope.READ,
    ("GET", f"{API}/predictions/<prediction_id>/thumbnail"): Scope.READ,
    ("GET", f"{API}/predictions/<prediction_id>/similar"): Scope.READ,
    ("GET", f"{API}/predictions/<prediction_id>/history"): Scope.READ,
    ("GET", f"{API}/appeals"): Scope.CHECK,
    ("GET", f"{API}/queue"): Scope.READ,
    ("GET", f"{API}/audit"): Scope.READ,
    ("POST", f"{API}/reviews"): Scope.REVIEW,
    ("POST", f"{API}/reviews/undo"): Scope.REVIEW,
    ("GET", f"{API}/stats"): Scope.READ,
    ("GET", f"{API}/stats/quality"): Scope.READ,
    ("GET", f"{API}/stats/thresholds"): Scope.READ,
    ("GET", f"{API}/stats/agreement"): Scope.READ,
    ("GET", f"{API}/stats/label-errors"): Scope.READ,
    ("GET", f"{API}/stats/activity"): Scope.READ,
    ("GET", f"{API}/models"): Scope.READ,
    ("GET", f"{API}/models/<version>"): Scope.READ,
    ("GET", f"{API}/comparison"): Scope.READ,
    ("GET", f"{API}/shadow"): Scope.READ,
    ("POST", f"{API}/shadow"): Scope.ADMIN,
    ("POST", f"{API}/models/<version>/activate"): Scope.ADMIN,
    ("POST", f"{API}/models/rollback"): Scope.ADMIN,
    ("GET", f"{API}/jobs"): Scope.ADMIN,
    ("POST", f"{API}/jobs"): Scope.ADMIN,
    ("GET", f"{API}/jobs/<job_id>"): Scope.ADMIN,
    ("POST", f"{API}/jobs/<job_id>/cancel"): Scope.ADMIN,
    ("POST", f"{API}/jobs/<job_id>/resume"): Scope.ADMIN,
    ("POST", f"{API}/predictions/<prediction_id>/reviews"): Scope.REVIEW,
    ("DELETE", f"{API}/reviews/<review_id>"): Scope.REVIEW,
    ("DELETE", f"{API}/predictions/<prediction_id>"): Scope.ADMIN,
    ("POST", f"{API}/policy"): Scope.ADMIN,
    ("GET", "/metrics"): Scope.ADMIN,
    ("POST", f"{API}/exports"): Scope.ADMIN,
    ("POST", f"{API}/exports/start"): Scope.ADMIN,
    ("POST", f"{API}/exports/preview"): Scope.ADMIN,
    ("GET", f"{API}/exports"): Scope.ADMIN,
    ("GET", f"{API}/exports/<export_id>"): Scope.ADMIN,
    ("GET", f"{API}/exports/<export_id>/file"): Scope.ADMIN,
    ("DELETE", f"{API}/exports/<export_id>"): Scope.ADMIN,
    ("POST", f"{API}/forget"): Scope.ADMIN,
    ("POST", f"{API}/imports"): Scope.ADMIN,
    ("GET", f"{API}/imports"): Scope.ADMIN,
}


def routes(app: Flask) -> set[tuple[str, str]]:
    return {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def test_every_route_is_in_the_matrix(wired: Wired) -> None:
    """A route that the matrix does not name fails here until somebody says who may call it."""
    assert routes(wired.app) == OPEN | set(NEEDS)


@pytest.fixture(scope="module")
def tokens(standing: Wired) -> dict[Scope, dict[str, str]]:
    return {scope: standing.token(scope) for scope in Scope}


@pytest.mark.parametrize("route", sorted(NEEDS), ids=" ".join)
def test_routes_ask_for_a_token_and_the_right_scope(
    standing: Wired, tokens: dict[Scope, dict[str, str]], route: tuple[str, str]
) -> None:
    """Without a token 401, with a scope too small 403, with enough the request is looked at."""
    method, rule = route
    path = re.sub(r"<\w+>", "x", rule)
    answer = standing.client.open(path, method=method)
    problem(answer, 401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    for scope in Scope:
        answer = standing.client.open(path, method=method, headers=tokens[scope])
        if scope.includes(NEEDS[route]):
            assert answer.status_code not in {401, 403}, (scope, answer.data)
            assert answer.status_code < 500
        else:
            problem(answer, 403, "forbidden")


@pytest.mark.parametrize("route", sorted(OPEN), ids=" ".join)
def test_open_routes_ask_for_nothing(standing: Wired, route: tuple[str, str]) -> None:
    """The routes that the contract calls open answer without a token."""
    method, rule = route
    answer = standing.client.open(rule.replace("<name>", "docs.js"), method=method)
    assert answer.status_code not in {401, 403}
    assert answer.status_code < 500


@pytest.mark.parametrize(
    "value", ["Bearer nonsense", "Bearer", "Basic dXNlcjpwYXNz", "bm_bare", "Bearer a b", ""]
)
def test_a_header_that_is_no_token_of_ours_is_refused(wired: Wired, value: str) -> None:
    """Unknown, empty or otherwise shaped credentials get 401 and nothing else."""
    answer = wired.client.get(f"{API}/stats", headers={"Authorization": value})
    problem(answer, 401, "unauthenticated")


def test_a_revoked_token_is_refused_at_once(wired: Wired) -> None:
    """Revoking takes effect on the next request."""
    from backend.domain import utc_now

    headers = wired.token("read")
    assert wired.client.get(f"{API}/stats", headers=headers).status_code == 200
    wired.repository.revoke_token(wired.repository.list_tokens()[-1].id, utc_now())
    problem(wired.client.get(f"{API}/stats", headers=headers), 401, "unauthenticated")


def test_the_published_scopes_are_those_enforced(wired: Wired) -> None:
    """The OpenAPI document tells the truth about who may call what."""
    document = json.loads(wired.client.get(f"{API}/openapi.json").data)
    for (method, rule), scope in NEEDS.items():
        path = rule.replace("<", "{").replace(">", "}")
        assert document["paths"][path][method.lower()]["x-scope"] == scope
        assert document["paths"][path][method.lower()]["security"] == [{"token": []}]


def test_an_app_with_an_undeclared_view_does_not_start(wired: Wired) -> None:
    """A view that does not say who may call it is a start-up error, not an open door."""
    wired.app.view_functions["forgotten"] = lambda: ""
    with pytest.raises(LookupError, match="forgotten"):
        declared_operations(wired.app)
