"""Who is at the page, and what the backend lets them do."""

from __future__ import annotations

from backend.domain import Scope
from dashboard.client.failures import ODD, Failure
from dashboard.client.transport import Client, Json


def whoami(client: Client) -> tuple[str, Scope]:
    """Return the caller's name and scope as the backend sees them. Raises `Failure`."""
    answer = client.get("/whoami")
    try:
        return str(answer["client"]), Scope(answer["scope"])
    except (KeyError, ValueError):
        raise Failure(*ODD) from None


def served_version(client: Client) -> str:
    """Return the version of the model that is served. Raises `Failure`."""
    try:
        return str(client.get("/model")["version"])
    except KeyError:
        raise Failure(*ODD) from None


def trail(client: Client, limit: int, cursor: str | None) -> Json:
    """Return who decided what, newest first, with `next_cursor`. Raises `Failure`."""
    return client.get("/audit", limit=limit, cursor=cursor)
