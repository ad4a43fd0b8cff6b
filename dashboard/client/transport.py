"""One request to the backend: address, token, who asks for whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from dashboard.client.failures import ADVICE, START, Failure, failure_of, strange

API = "/api/v1"
TIMEOUT_S = (3.0, 60.0)
"""To connect, and to wait for an answer: a full queue takes half a minute to say so."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Client:
    """A backend's address and how to prove who asks.

    The token is read for each request, so that a fresh one counts at once. The modules beside
    this one hold what can be asked, one a noun.
    """

    backend: str
    token_file: Path | None = None
    visitor: str | None = None
    """Address of the person at the page: a public backend limits rates by it."""
    actor: str | None = None
    """Who signed in; the backend holds them to their role."""

    @classmethod
    def from_env(
        cls, environ: Mapping[str, str], visitor: str | None = None, actor: str | None = None
    ) -> Client:
        """Make a client from what `brushmark up` or `brushmark dashboard` passed on."""
        token_file = environ.get("BRUSHMARK_DASHBOARD_TOKEN_FILE", "")
        return cls(
            environ.get("BRUSHMARK_DASHBOARD_BACKEND", "http://127.0.0.1:8765").rstrip("/"),
            Path(token_file) if token_file else None,
            visitor,
            actor,
        )

    @property
    def is_public(self) -> bool:
        """Say whether visitors are served, who have no token and whose pictures are not kept."""
        return self.token_file is None

    def get(self, path: str, **query: Any) -> Json:
        """Ask for a JSON object; a query of None is left out. Raises `Failure`."""
        return _object(self.send("GET", API + path, params=_given(query)))

    def post(self, path: str, body: Json) -> Json:
        """Send a JSON object and return the one that is answered. Raises `Failure`."""
        return _object(self.send("POST", API + path, json=body))

    def delete(self, path: str) -> None:
        """Ask for something to be removed. Raises `Failure`."""
        self.send("DELETE", API + path)

    def fetch(self, path: str, **query: Any) -> bytes:
        """Ask for a file's bytes. Raises `Failure`."""
        return self.send("GET", API + path, params=_given(query)).content

    def send(
        self, method: str, path: str, *, kind: str | None = None, **parts: Any
    ) -> requests.Response:
        """Send one request; `path` begins at the server's root. Raises `Failure`.

        `kind` is the media type of a body that does not tell its own.
        """
        timeout = parts.pop("timeout", TIMEOUT_S)
        told = {"Content-Type": kind} if kind else {}
        session = requests.Session()
        session.trust_env = False  # no proxy, no .netrc: the backend is next door
        try:
            answer = session.request(
                method,
                self.backend + path,
                headers={**self._headers(), **told},
                timeout=timeout,
                allow_redirects=False,
                **parts,
            )
        except requests.Timeout:
            raise Failure(*ADVICE["busy"]) from None
        except requests.RequestException:
            raise Failure(f"No backend answers at {self.backend}.", START, True) from None
        finally:
            session.close()
        if answer.status_code >= 300:
            raise failure_of(answer)
        return answer

    def _headers(self) -> dict[str, str]:
        if self.token_file is None:
            return {"X-Forwarded-For": self.visitor} if self.visitor else {}
        try:
            secret = self.token_file.read_text("ascii").strip()
        except (OSError, ValueError):
            raise Failure(
                "The dashboard's token cannot be read.",
                "Start backend and dashboard together with `brushmark up`.",
                True,
            ) from None
        headers = {"Authorization": f"Bearer {secret}"}
        return headers | {"X-Brushmark-Actor": self.actor} if self.actor else headers


def _given(query: Mapping[str, Any]) -> dict[str, str]:
    written = {name: _written(value) for name, value in query.items() if value is not None}
    return {name: text for name, text in written.items() if text != ""}


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _object(answer: requests.Response) -> Json:
    try:
        document = answer.json()
    except ValueError:
        raise strange(answer) from None
    if not isinstance(document, dict):
        raise strange(answer)
    return document
