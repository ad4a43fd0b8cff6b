"""Ask the backend: the only module of the dashboard that speaks HTTP."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

API = "/api/v1"
TIMEOUT_S = (3.0, 60.0)
"""To connect, and to wait for an answer: a full queue takes half a minute to say so."""

Json = dict[str, Any]


class Failure(Exception):
    """Why there is no answer, and what the person in front of the page can do."""

    def __init__(self, what: str, advice: str, worth_retrying: bool = False) -> None:
        super().__init__(f"{what} {advice}".strip())
        self.what = what
        self.advice = advice
        self.worth_retrying = worth_retrying


_START = "Start it with `brushmark up` (or `brushmark serve`), then try again."
_ADVICE: Mapping[str, tuple[str, str, bool]] = {
    "unauthenticated": (
        "The backend does not accept this dashboard's token.",
        "Stop both and start them together with `brushmark up`; that makes a new token.",
        True,
    ),
    "host_refused": (
        "The backend does not answer to this name.",
        "Add the host to BRUSHMARK_TRUSTED_HOSTS and restart.",
        False,
    ),
    "busy": ("The backend is busy.", "Wait a few seconds, then try again.", True),
    "slow_down": ("That was a lot at once.", "Wait a minute, then try again.", True),
    "no_model": (
        "The backend has no model to judge with.",
        "Get a release of the weights, then restart it.",
        True,
    ),
    "out_of_space": (
        "The disk is full, so the verdict could not be logged.",
        "Make room, then try again.",
        True,
    ),
    "too_large": (
        "This file is too large.",
        "Files of up to 20 MB and 50 megapixels are taken; save a smaller copy.",
        False,
    ),
    "unsupported_type": (
        "This is no picture that Brushmark reads.",
        "Use a JPEG, PNG, WebP, GIF or AVIF file.",
        False,
    ),
    "undecodable_image": (
        "This picture is damaged or incomplete.",
        "Download or export it again, then drop the new file.",
        False,
    ),
}


@dataclass(frozen=True, slots=True)
class Client:
    """A backend's address and how to prove who asks.

    The token is read for each request, so that a fresh one counts at once.
    """

    backend: str
    token_file: Path | None = None
    visitor: str | None = None
    """Address of the person at the page: a public backend limits rates by it."""

    @classmethod
    def from_env(cls, environ: Mapping[str, str], visitor: str | None = None) -> Client:
        """Make a client from what `brushmark up` or `brushmark dashboard` passed on."""
        token_file = environ.get("BRUSHMARK_DASHBOARD_TOKEN_FILE", "")
        return cls(
            environ.get("BRUSHMARK_DASHBOARD_BACKEND", "http://127.0.0.1:8765").rstrip("/"),
            Path(token_file) if token_file else None,
            visitor,
        )

    @property
    def is_public(self) -> bool:
        """Say whether visitors are served, who have no token and whose pictures are not kept."""
        return self.token_file is None

    def check(self, name: str, data: bytes) -> Json:
        """Have a picture judged; return its prediction record.

        Raises:
            Failure: it could not be judged.
        """
        answer = self._send(
            "POST",
            f"{API}/check",
            files={"image": (name, data)},
            data={"source": "dashboard", "heatmap": "true"},
        )
        try:
            record: Json = answer.json()
        except ValueError:
            raise _strange(answer) from None
        return record

    def heatmap(self, record: Json) -> bytes | None:
        """Return the transparent PNG of a record's heat map; None where it has none.

        Raises:
            Failure: there is one, but it could not be had.
        """
        address = record.get("heatmap")
        if not isinstance(address, str):
            return None
        if address.startswith("data:"):
            try:
                return base64.b64decode(address.partition(",")[2], validate=True)
            except binascii.Error:
                return None
        return self._send("GET", address).content

    def _send(self, method: str, path: str, **parts: Any) -> requests.Response:
        session = requests.Session()
        session.trust_env = False  # no proxy, no .netrc: the backend is next door
        try:
            answer = session.request(
                method,
                self.backend + path,
                headers=self._headers(),
                timeout=TIMEOUT_S,
                allow_redirects=False,
                **parts,
            )
        except requests.Timeout:
            raise Failure(*_ADVICE["busy"]) from None
        except requests.RequestException:
            raise Failure(f"No backend answers at {self.backend}.", _START, True) from None
        finally:
            session.close()
        if answer.status_code >= 300:
            raise _failure(answer)
        return answer

    def _headers(self) -> dict[str, str]:
        if self.token_file is None:
            return {"X-Forwarded-For": self.visitor} if self.visitor else {}
        try:
            return {"Authorization": f"Bearer {self.token_file.read_text('ascii').strip()}"}
        except (OSError, ValueError):
            raise Failure(
                "The dashboard's token cannot be read.",
                "Start backend and dashboard together with `brushmark up`.",
                True,
            ) from None


def _failure(answer: requests.Response) -> Failure:
    try:
        problem = answer.json()
        code, detail = str(problem["code"]), str(problem["detail"])
    except (ValueError, KeyError, TypeError):
        return _strange(answer)
    if code in {"weights_missing", "weights_damaged"}:
        code = "no_model"
    if code in _ADVICE:
        return Failure(*_ADVICE[code])
    return Failure(detail, "", answer.status_code >= 500)


def _strange(answer: requests.Response) -> Failure:
    return Failure(
        f"Something else than Brushmark answers at {answer.url.partition('/api/')[0]} "
        f"(status {answer.status_code}).",
        "Check BRUSHMARK_PORT, or stop the other program, then start `brushmark up`.",
        True,
    )
