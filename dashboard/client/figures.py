"""Ask for quality and activity, try thresholds, publish them."""

from __future__ import annotations

from collections.abc import Mapping

from dashboard.client.transport import Client, Json


def quality(client: Client, sample: str, model: str | None, source: str | None) -> Json:
    """Return how good the verdicts are on reviewed pictures. Raises `Failure`."""
    return client.get("/stats/quality", sample=sample, model=model, source=source)


def thresholds(
    client: Client, low: float, high: float, selection: Mapping[str, str | None]
) -> Json:
    """Return what thresholds would mean for the reviews and the log. Raises `Failure`.

    `selection` is `sample`, `model` and `source`, as `quality` has them.
    """
    return client.get("/stats/thresholds", **selection, human_at_most=low, ai_at_least=high)


def agreement(client: Client) -> Json:
    """Return how far reviewers agree. Raises `Failure`."""
    return client.get("/stats/agreement")


def label_errors(client: Client, limit: int) -> Json:
    """Return the most doubtful labels. Raises `Failure`."""
    return client.get("/stats/label-errors", limit=limit)


def activity(client: Client, days: int) -> Json:
    """Return what went on in the last days. Raises `Failure`."""
    return client.get("/stats/activity", days=days)


def policy(client: Client) -> Json:
    """Return the thresholds in force. Raises `Failure`."""
    return client.get("/policy")


def publish(client: Client, low: float, high: float, note: str) -> Json:
    """Publish thresholds under the next number. Raises `Failure`."""
    return client.post("/policy", {"human_at_most": low, "ai_at_least": high, "note": note})
