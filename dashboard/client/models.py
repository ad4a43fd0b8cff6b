"""Versions, comparisons and jobs of the backend."""

from __future__ import annotations

from urllib.parse import quote

from dashboard.client.transport import Client, Json


def versions(client: Client) -> list[Json]:
    """Return the versions on the backend's machine, newest first. Raises `Failure`."""
    found: list[Json] = client.get("/models")["models"]
    return found


def report(client: Client, version: str) -> Json:
    """Return a version's card and the figures of its release. Raises `Failure`."""
    return client.get(f"/models/{_safe(version)}")


def comparison(client: Client, champion: str, candidate: str) -> Json:
    """Compare two versions on pictures that neither was fine-tuned on. Raises `Failure`."""
    return client.get("/comparison", champion=champion, candidate=candidate)


def activate(client: Client, version: str, despite: str = "") -> Json:
    """Serve a version from now on; `despite` is why, where it is worse. Raises `Failure`."""
    return client.post(f"/models/{_safe(version)}/activate", {"despite": despite})


def roll_back(client: Client) -> Json:
    """Serve the version before. Raises `Failure`."""
    return client.post("/models/rollback", {})


def shadow(client: Client) -> Json:
    """Return what the version that judges along would have said. Raises `Failure`."""
    return client.get("/shadow")


def set_shadow(client: Client, version: str | None) -> Json:
    """Let a version judge along, or none. Raises `Failure`."""
    return client.post("/shadow", {"version": version})


def jobs(client: Client) -> list[Json]:
    """Return the jobs, newest first. Raises `Failure`."""
    found: list[Json] = client.get("/jobs")["jobs"]
    return found


def job(client: Client, job_id: str) -> Json:
    """Return a job with its curve. Raises `Failure`."""
    return client.get(f"/jobs/{_safe(job_id)}")


def start(client: Client, kind: str, **options: str | int | None) -> Json:
    """Start a job; options of None are left out. Raises `Failure`."""
    given = {name: value for name, value in options.items() if value is not None}
    return client.post("/jobs", {"kind": kind, **given})


def cancel(client: Client, job_id: str) -> Json:
    """Ask a job to stop. Raises `Failure`."""
    return client.post(f"/jobs/{_safe(job_id)}/cancel", {})


def resume(client: Client, job_id: str) -> Json:
    """Let a job go on. Raises `Failure`."""
    return client.post(f"/jobs/{_safe(job_id)}/resume", {})


def _safe(name: str) -> str:
    return quote(name, safe="")
