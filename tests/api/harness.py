"""What the API's tests share: a wired app, tokens of every scope, requests in a line."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.test import TestResponse, encode_multipart

from backend.access import create_token
from backend.app import create_app
from backend.domain import Scope
from backend.settings import Settings
from backend.storage.repository import PredictionFilter, Repository
from tests.fakes import FakeJudge
from tests.pictures import jpeg

API = "/api/v1"


class Clock:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Wired:
    """An app with what is behind it."""

    app: Flask
    client: FlaskClient
    repository: Repository
    judge: FakeJudge
    clock: Clock

    def token(self, scope: Scope | str = Scope.ADMIN, name: str = "tester") -> dict[str, str]:
        """Make a token; return the header that presents it."""
        secret, _ = create_token(self.repository, name, Scope(scope), "test")
        return {"Authorization": f"Bearer {secret}"}

    def check(
        self, headers: dict[str, str] | None = None, picture: bytes | None = None, **fields: str
    ) -> TestResponse:
        """Post a picture as a form."""
        data: dict[str, Any] = {"image": (io.BytesIO(picture or jpeg()), "a.jpg"), **fields}
        return self.client.post(f"{API}/check", data=data, headers=headers or {})

    def check_batch(self, headers: dict[str, str], pictures: list[bytes]) -> TestResponse:
        """Post many pictures as a form."""
        parts = [("image", FileStorage(io.BytesIO(p), f"{i}.jpg")) for i, p in enumerate(pictures)]
        boundary, body = encode_multipart(MultiDict(parts))
        kind = f"multipart/form-data; boundary={boundary}"
        return self.client.post(f"{API}/check/batch", data=body, content_type=kind, headers=headers)

    def logged(self) -> int:
        """Count the predictions in the log."""
        return self.repository.count_predictions(PredictionFilter())


def wire(settings: Settings, repository: Repository, judge: FakeJudge, clock: Clock) -> Wired:
    """Wire an app around the given parts."""
    app = create_app(settings, repository=repository, judge=judge, clock=clock)
    return Wired(app, app.test_client(), repository, judge, clock)


def problem(answer: TestResponse, status: int, code: str) -> dict[str, Any]:
    """Assert that an answer is a problem document of that status and code; return it."""
    assert answer.status_code == status, answer.data
    assert answer.content_type == "application/problem+json"
    document: dict[str, Any] = answer.get_json(force=True)
    assert document["code"] == code, document
    assert document["status"] == status
    assert document["detail"]
    assert "Traceback" not in answer.text
    return document
