"""Rows of the ledger, by their status."""

from __future__ import annotations

from backend.domain import Evidence, EvidenceStatus, Label


def verified(kind: str, detail: str, label: Label | None = None) -> Evidence:
    """Return a finding that a signature on the trust list vouches for."""
    return Evidence(kind, EvidenceStatus.VERIFIED, label, detail)


def declared(
    kind: str, detail: str, label: Label | None = None, prompt: str | None = None
) -> Evidence:
    """Return a finding that can be read and that nobody whom we trust vouches for."""
    return Evidence(kind, EvidenceStatus.DECLARED, label, detail, prompt)


def invalid(kind: str, detail: str) -> Evidence:
    """Return a finding whose signature or hash does not hold."""
    return Evidence(kind, EvidenceStatus.INVALID, None, detail)


def unreadable(kind: str, detail: str) -> Evidence:
    """Return the row of what is there and cannot be read."""
    return Evidence(kind, EvidenceStatus.UNREADABLE, None, detail)


def absent(kind: str, detail: str) -> Evidence:
    """Return the row of what was looked for and is not there."""
    return Evidence(kind, EvidenceStatus.ABSENT, None, detail)
