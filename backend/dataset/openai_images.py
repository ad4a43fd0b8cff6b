"""OpenAI's image API, as far as it is needed to ask for one picture at a time.

`POST {base}/images/generations` with `model`, `prompt`, `n` and, where given, `size`, `quality`
and `output_format`. The answer's `data[0]` holds `b64_json` (GPT image models, always) or `url`
(others), and sometimes `revised_prompt`; `usage` counts tokens. Errors come as
`{"error": {"message", "type", "code", "param"}}`.
Sources: https://developers.openai.com/api/reference/resources/images/methods/generate and
https://developers.openai.com/api/docs/guides/error-codes (read in November 2026).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase

from backend.dataset.patience import TryLater, retry_after_s
from backend.errors import (
    BadInput,
    Forbidden,
    NotFound,
    Unauthenticated,
    Unavailable,
    UrlUnreachable,
)
from backend.imaging.decode import MAX_BYTES
from backend.imaging.fetch import fetch

BASE_URL = "https://api.openai.com/v1"
TIMEOUT_S = 300.0
"""Pictures of high quality take minutes."""
_OUT_OF_MONEY = frozenset(
    {"insufficient_quota", "billing_hard_limit_reached", "credit_balance_exhausted"}
)
_BLOCKED = frozenset({"moderation_blocked", "content_policy_violation"})
_MOST_ANSWER_BYTES = 2 * MAX_BYTES


class PromptBlocked(BadInput):
    """The API's safety system would not draw this prompt."""

    code = "prompt_blocked"


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture as it came, and what the API says of it."""

    data: bytes
    revised_prompt: str
    tokens: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for besides the prompt; None leaves the choice to the API."""

    model: str
    size: str | None = None
    quality: str | None = None
    output_format: str | None = None

    def body(self, prompt: str) -> dict[str, Any]:
        """Return the request for one picture."""
        body: dict[str, Any] = {"model": self.model, "prompt": prompt, "n": 1}
        more = {"size": self.size, "quality": self.quality, "output_format": self.output_format}
        return {**body, **{name: value for name, value in more.items() if value}}


class _Bearer(AuthBase):
    """Sends the key, whatever a .netrc file says of the host."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request


@dataclass(frozen=True, slots=True)
class ImagesApi:
    """One account at one address. The key goes to that address alone, and over TLS alone."""

    key: str = field(repr=False)
    base_url: str = BASE_URL
    fetch: Callable[[str], bytes] = fetch
    """For answers that give an address: public ones alone."""

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts)):
            raise BadInput(f"{self.base_url} is not an https:// address: the key would be seen.")
        if not self.key.isascii() or not self.key.isprintable() or " " in self.key:
            raise Unauthenticated("OPENAI_API_KEY holds characters that no key has.")

    def draw(self, prompt: str, wanted: Wanted) -> Drawn:
        """Ask for one picture.

        Raises:
            TryLater: too fast, or the server is out of sorts.
            PromptBlocked: the safety system refuses this prompt.
            Unauthenticated, Forbidden, NotFound, BadInput: asking again would not help.
        """
        document = self._post(wanted.body(prompt), wanted.model)
        try:
            first = document["data"][0]
            usage = document.get("usage") or {}
            drawn = Drawn(
                self._data(first),
                str(first.get("revised_prompt") or ""),
                int(usage.get("total_tokens") or 0),
            )
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise BadInput("The API's answer holds no picture; is it an image model?") from error
        return drawn

    def _data(self, first: Mapping[str, Any]) -> bytes:
        if first.get("b64_json"):
            try:
                return base64.b64decode(first["b64_json"], validate=True)
            except binascii.Error as error:
                raise TryLater(BadInput("The API's answer came in pieces.")) from error
        try:
            return self.fetch(str(first["url"]))
        except UrlUnreachable:  # it is paid for: worth a second try before it is given up
            return self.fetch(str(first["url"]))

    def _post(self, body: Mapping[str, Any], model: str) -> dict[str, Any]:
        try:
            with requests.post(
                f"{self.base_url.rstrip('/')}/images/generations",
                json=body,
                auth=_Bearer(self.key),
                timeout=(10, TIMEOUT_S),
                allow_redirects=False,
            ) as answer:
                document = _json(answer)
        except requests.RequestException as error:
            raise TryLater(Unavailable(_unreachable(self.base_url))) from error
        if answer.status_code != 200:
            raise _failure(answer, document, model)
        return document


def _is_loopback(parts: Any) -> bool:
    try:
        return parts.hostname == "localhost" or ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


def _json(answer: requests.Response) -> dict[str, Any]:
    if len(answer.content) > _MOST_ANSWER_BYTES:
        raise BadInput("The API's answer is far too large for a picture.")
    try:
        document = answer.json()
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _failure(answer: requests.Response, document: Mapping[str, Any], model: str) -> Exception:
    """Turn an error into a sentence for the one who pays, and say whether to try again."""
    told = document.get("error")
    error: Mapping[str, Any] = told if isinstance(told, dict) else {}
    code, status = str(error.get("code") or error.get("type") or ""), answer.status_code
    said = " ".join(str(error.get("message") or "").split())[:300]
    if status == 401:
        return Unauthenticated("The API does not take the key in OPENAI_API_KEY. Check it.")
    if code in _OUT_OF_MONEY or error.get("type") in _OUT_OF_MONEY:
        return Forbidden("The account has no credit left, or met its limit. What was made is kept.")
    if code == "model_not_found" or status == 404 or "deprecated" in said:
        return NotFound(
            f"The API has no image model “{model}” (any more): DALL·E 2 and 3 left it in May "
            "2026. See https://developers.openai.com/api/docs/models and name one with --model."
        )
    if code in _BLOCKED or "safety system" in said:
        return PromptBlocked(said or "The prompt was blocked.")
    if status == 403:
        return Forbidden(f"The account may not use {model}: {said or 'no reason given'}")
    if status in (408, 409, 429) or status >= 500:
        wait_s = retry_after_s(answer.headers.get("Retry-After"))
        return TryLater(
            Unavailable(f"The API answers {status}: {said or 'no reason given'}"), wait_s
        )
    return BadInput(f"The API refuses the request ({status}): {said or 'no reason given'}")


def _unreachable(base_url: str) -> str:
    return f"{urlsplit(base_url).hostname} does not answer. Is this machine online?"
