"""The OpenAPI document: true to every answer, browsable, and hard to break."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig
from werkzeug.test import TestResponse

from backend.access import new_pairing_code
from backend.api import reference
from backend.api.build import job_desk_of, service_of
from backend.errors import UrlUnreachable
from backend.model.card import CARD_NAME
from backend.model.registry import find_card
from backend.settings import KeepImages, Settings
from tests.api.harness import API, Wired
from tests.pictures import jpeg

DOCS = Path(__file__).parents[2] / "docs" / "http.md"
Document = dict[str, Any]


@pytest.fixture
def kept(wired_with: Callable[..., Wired]) -> Wired:
    return wired_with(keep_images=KeepImages.ALL)


def described(wired: Wired) -> Document:
    document: Document = json.loads(wired.client.get(f"{API}/openapi.json").data)
    return document


def assert_as_described(document: Document, method: str, path: str, answer: TestResponse) -> None:
    """Assert that status, content type and body are what the document says."""
    operation = document["paths"][path][method.lower()]
    response = operation["responses"][str(answer.status_code)]
    if "content" not in response:
        assert answer.data == b""
        return
    media = response["content"][answer.mimetype]
    if answer.mimetype.endswith("json") and "$ref" in media["schema"]:
        whole = {**media["schema"], "components": document["components"]}
        jsonschema.Draft202012Validator(whole).validate(answer.get_json(force=True))


def every_operation(wired: Wired) -> Iterator[tuple[str, str, TestResponse]]:
    """Call every operation so that it succeeds, and then some so that they do not."""
    headers, client = wired.token(), wired.client
    digest = hashlib.sha256(jpeg()).hexdigest()
    record = wired.check(headers).json
    one = f"{API}/predictions/{{prediction_id}}"

    def ask(method: str, path: str, **more: Any) -> tuple[str, str, TestResponse]:
        address = path.format(prediction_id=record["id"], name="docs.css", review_id="x")
        return (
            method,
            path,
            client.open(address, method=method, headers=headers, buffered=True, **more),
        )

    yield "POST", f"{API}/check", wired.check(headers)
    yield "POST", f"{API}/check", wired.check(headers, jpeg(60, 60))
    yield "POST", f"{API}/check", wired.check(headers, log="false", heatmap="true")
    yield "POST", f"{API}/check", wired.check(headers, b"nonsense")
    yield "POST", f"{API}/check", wired.check()
    yield "POST", f"{API}/check/batch", wired.check_batch(headers, [jpeg(), b"nonsense"])
    yield ask("POST", f"{API}/lookup", json={"sha256": [digest, "0" * 64]})
    yield ask("POST", f"{API}/lookup", json={"sha256": []})
    method, path, review = ask("POST", f"{one}/reviews", json={"label": "human_made", "note": "n"})
    yield method, path, review
    yield ask("POST", f"{one}/appeals", json={"claim": "human_made", "reason": "r"})
    for part in ["", "/image", "/thumbnail", "/heatmap", "/report", "/history", "/similar"]:
        yield ask("GET", one + part)
    yield ask("GET", f"{API}/predictions?limit=1")
    yield ask("GET", f"{API}/predictions?limit=x".partition("?")[0], query_string={"limit": "x"})
    yield from every_export(ask)
    undo = client.delete(f"{API}/reviews/{review.json['id']}", headers=headers)
    yield "DELETE", f"{API}/reviews/{{review_id}}", undo
    yield ask("DELETE", f"{API}/reviews/{{review_id}}")
    yield ask("GET", f"{API}/queue", query_string={"strategy": "random"})
    yield ask("GET", f"{API}/queue", query_string={"strategy": "best"})
    yield ask("GET", f"{API}/appeals")
    yield ask("GET", f"{API}/whoami")
    yield ask("GET", f"{API}/audit", query_string={"limit": "1"})
    yield ask("GET", f"{API}/audit", query_string={"cursor": "x"})
    batch = ask("POST", f"{API}/reviews", json={"ids": [record["id"]], "label": "cannot_tell"})
    yield batch
    together = {"ids": [each["id"] for each in batch[2].json["reviews"]]}
    yield ask("POST", f"{API}/reviews/undo", json=together)
    yield ask("POST", f"{API}/reviews/undo", json=together)
    yield ask("GET", f"{API}/stats")
    yield ask("GET", f"{API}/stats/quality", query_string={"sample": "audit"})
    tried = {"human_at_most": "0.1", "ai_at_least": "0.9"}
    yield ask("GET", f"{API}/stats/thresholds", query_string=tried)
    yield ask("GET", f"{API}/stats/thresholds", query_string=tried | {"human_at_most": "0.95"})
    yield ask("GET", f"{API}/stats/agreement")
    yield ask("GET", f"{API}/stats/label-errors")
    yield ask("GET", f"{API}/stats/activity", query_string={"days": "3"})
    yield ask("GET", f"{API}/model")
    yield ask("GET", f"{API}/models")
    yield ask("GET", f"{API}/policy")
    yield ask("POST", f"{API}/policy", json={"human_at_most": 0.1, "ai_at_least": 0.9})
    code = new_pairing_code(wired.repository)
    yield ask("POST", f"{API}/pair", json={"code": code, "name": "x"})
    yield ask("POST", f"{API}/pair", json={"code": code, "name": "x"})
    for open_path in [f"{API}/openapi.json", f"{API}/docs", f"{API}/docs/{{name}}"]:
        yield ask("GET", open_path)
    for outside in ["/healthz", "/readyz", "/metrics"]:
        yield ask("GET", outside)
    wait_for_rest(ask)  # nothing is forgotten while an export or an import might hold it
    yield ask("POST", f"{API}/forget", json={"site": "nowhere.example"})
    yield ask("POST", f"{API}/forget", json={})
    yield from every_version(wired, ask)
    yield ask("DELETE", one)
    yield ask("GET", one)


def wait_for_rest(ask: Callable[..., tuple[str, str, TestResponse]], limit_s: float = 60) -> None:
    """Wait until no export is being made and nothing imported."""
    until = time.monotonic() + limit_s
    while time.monotonic() < until:
        jobs = [
            job
            for name in ("exports", "imports")
            for job in ask("GET", f"{API}/{name}")[2].json[name]
        ]
        if all(job["state"] != "running" for job in jobs):
            return
        time.sleep(0.05)
    raise AssertionError("an export or an import goes on and on")


def another_version(settings: Settings, name: str) -> str:
    """Put the same weights under another name into the home, and return that."""
    folder = settings.home / "weights" / "another-1"
    shutil.copytree(find_card(settings, name).folder, folder)
    card = json.loads((folder / CARD_NAME).read_text(encoding="utf-8"))
    older = {"version": folder.name, "released_at": "2020-01-01T00:00:00+00:00"}
    (folder / CARD_NAME).write_text(json.dumps(card | older), encoding="utf-8")
    return folder.name


def every_version(wired: Wired, ask: Callable[..., tuple[str, str, TestResponse]]) -> Iterator[Any]:
    """Call every operation of versions."""
    _, _, listed = ask("GET", f"{API}/models")
    name = listed.json["models"][0]["version"]
    one = f"{API}/models/{{version}}"
    yield "GET", one, ask("GET", one.replace("{version}", name))[2]
    yield "GET", one, ask("GET", one.replace("{version}", "none"))[2]
    yield ask("GET", f"{API}/comparison", query_string={"candidate": name})
    yield ask("GET", f"{API}/comparison", query_string={"candidate": "none"})
    activate = f"{one}/activate"
    yield "POST", activate, ask("POST", activate.replace("{version}", name), json={})[2]
    yield "POST", activate, ask("POST", activate.replace("{version}", "none"), json={})[2]
    other = another_version(service_of(wired.app).settings, name)
    yield "POST", activate, ask("POST", activate.replace("{version}", other), json={})[2]
    yield ask("POST", f"{API}/models/rollback")
    yield ask("POST", f"{API}/shadow", json={"version": name})
    yield ask("GET", f"{API}/shadow")
    yield ask("POST", f"{API}/shadow", json={"version": None})
    service_of(wired.app).take_over(wired.judge)
    _, _, job = ask("POST", f"{API}/jobs", json={"kind": "re-score"})
    yield "POST", f"{API}/jobs", job
    yield ask("GET", f"{API}/jobs")
    one = f"{API}/jobs/{{job_id}}"
    address = one.replace("{job_id}", job.json["id"])
    yield "GET", one, ask("GET", address)[2]
    yield "GET", one, ask("GET", one.replace("{job_id}", "none"))[2]
    desk = job_desk_of(wired.app)
    yield "POST", f"{one}/cancel", ask("POST", f"{address}/cancel")[2]
    while desk.get(job.json["id"]).state in {"waiting", "running"}:
        time.sleep(0.05)
    yield "POST", f"{one}/resume", ask("POST", f"{address}/resume")[2]
    while desk.get(job.json["id"]).state in {"waiting", "running"}:
        time.sleep(0.05)


def every_export(ask: Callable[..., tuple[str, str, TestResponse]]) -> Iterator[Any]:
    """Call every operation of exports."""
    _, _, zipped = ask("POST", f"{API}/exports", json={})
    yield "POST", f"{API}/exports", zipped
    for body in (zipped.data, b"no zip"):
        yield ask("POST", f"{API}/imports", data=body, content_type="application/zip")
    yield ask("GET", f"{API}/imports")
    yield ask("POST", f"{API}/exports", json={"filter": {"site": "nowhere"}})
    yield ask("POST", f"{API}/exports", json={"split": {"train": 2}})
    yield ask("POST", f"{API}/exports/preview", json={"filter": {"reviewed": True}})
    yield ask("POST", f"{API}/exports/start", json={"format": "csv"})
    _, _, listed = ask("GET", f"{API}/exports")
    yield "GET", f"{API}/exports", listed
    done = next(e["id"] for e in listed.json["exports"] if e["file"])
    one = f"{API}/exports/{{export_id}}"
    for method, path in [("GET", one), ("GET", f"{one}/file"), ("DELETE", one), ("DELETE", one)]:
        address = path.replace("{export_id}", done)
        yield method, path, ask(method, address)[2]


def test_every_answer_is_as_described(kept: Wired) -> None:
    """Each operation is called, and its answers have the documented status, type and shape."""
    document = described(kept)
    succeeded = set()
    for method, path, answer in every_operation(kept):
        path = path.partition("?")[0]
        assert_as_described(document, method, path, answer)
        if answer.status_code < 300:
            succeeded.add((method.lower(), path))
    declared = {(m, p) for p, methods in document["paths"].items() for m in methods}
    assert succeeded == declared


def test_every_reference_leads_somewhere(kept: Wired) -> None:
    """No schema is named that the document does not hold, and no operation id twice."""
    document = described(kept)
    named = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))
    assert named <= set(document["components"]["schemas"])
    ids = [o["operationId"] for methods in document["paths"].values() for o in methods.values()]
    assert len(ids) == len(set(ids))


def test_shapes_refuse_unknown_fields(kept: Wired) -> None:
    """Every object of the document says that it has no other fields."""
    for name, schema in described(kept)["components"]["schemas"].items():
        if schema.get("type") == "object":
            assert schema["additionalProperties"] is False, name


def test_a_public_server_says_what_visitors_may_do(wired_with: Callable[..., Wired]) -> None:
    """Its document marks the token optional for checking and the model, and only there."""
    document = described(wired_with(public=True))
    optional = {
        path
        for path, methods in document["paths"].items()
        for operation in methods.values()
        if {} in operation["security"]
    }
    assert optional == {f"{API}/check", f"{API}/model"}


def test_the_page_needs_nothing_from_elsewhere(kept: Wired) -> None:
    """The page names only files of ours, has no inline script, and its policy allows no more."""
    answer = kept.client.get(f"{API}/docs")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "//" not in answer.text.replace("<!doctype", "")
    assert re.findall(r'(?:src|href)="([^"]+)"', answer.text) == [
        "data:,",
        f"{API}/docs/docs.css",
        f"{API}/docs/docs.js",
        f"{API}/openapi.json",
    ]
    assert not re.search(r"<script(?![^>]*src=)|\son\w+=|style=", answer.text)
    script = kept.client.get(f"{API}/docs/docs.js")
    assert script.mimetype == "text/javascript"
    assert "innerHTML" not in script.text


def test_the_reference_in_the_docs_is_current(kept: Wired) -> None:
    """docs/http.md is what the code says; `make docs` writes it anew."""
    assert DOCS.read_text(encoding="utf-8") == reference.render(described(kept)), (
        "docs/http.md is out of date: run `make docs`"
    )


# What a schema cannot say: that bytes are a picture, a cursor ours, thresholds in order.
EXAMPLES = int(os.environ.get("BRUSHMARK_TEST_API_EXAMPLES", "10"))
"""Generated requests for each operation, good and bad; `make fuzz-api` sends many more."""
BEYOND_SCHEMAS = "positive_data_acceptance"


def unreachable(url: str) -> bytes:
    raise UrlUnreachable("Tests fetch nothing.")


schemathesis.openapi.media_type("image/*", st.sampled_from([jpeg(), jpeg(90, 90), b"", b"nope"]))


def test_no_request_breaks_the_server_or_its_word(kept: Wired) -> None:
    """Schemathesis' requests, good and bad, get no 5xx and nothing the document does not say."""
    headers = kept.token()
    kept.check(headers)
    kept.app.extensions["brushmark"].service._fetch = unreachable
    config = SchemathesisConfig.from_dict({"generation": {"deterministic": True}, "seed": 1})
    schema = schemathesis.openapi.from_wsgi(f"{API}/openapi.json", kept.app, config=config)
    tried = set()
    for result in schema.get_all_operations():
        operation = result.ok()
        tried.add(operation.label)
        attack(operation, GenerationMode.POSITIVE, headers)
        raw = operation.definition.raw
        if "parameters" in raw or "requestBody" in raw:  # else nothing can be wrong
            attack(operation, GenerationMode.NEGATIVE, headers)
    declared = {
        f"{method.upper()} {path}"
        for path, methods in described(kept)["paths"].items()
        for method in methods
    }
    assert tried == declared - {f"GET {API}/openapi.json"}  # which it reads anyway


def attack(operation: Any, mode: GenerationMode, headers: dict[str, str]) -> None:
    """Send generated requests to one operation; every answer must keep the document's word."""
    beyond, rejection = (
        schemathesis.checks.CHECKS.get_one(name)
        for name in (BEYOND_SCHEMAS, "negative_data_rejection")
    )

    @given(operation.as_strategy(generation_mode=mode))
    @hypothesis_settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def run(case: Any) -> None:
        # The fields of a form are text: a number in the place of a title is a title.
        excluded = [beyond, rejection] if case.media_type == "multipart/form-data" else [beyond]
        case.call_and_validate(headers=headers, excluded_checks=excluded)

    run()
