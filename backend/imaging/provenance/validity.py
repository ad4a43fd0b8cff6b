"""Does a credential hold, and does anybody whom we trust vouch for it?"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum, auto
from typing import Any

_TRUST_CODES = {
    "signingCredential.untrusted": "the signature holds, and the signer is not on the trust list",
    "signingCredential.expired": "the signature holds, and the certificate had run out",
    "signingCredential.invalid": (
        "the signature holds, and the certificate does not meet today's rules"
    ),
}
"""Failures that leave signature and content hash whole: nobody vouches, and that is all."""

_RULES = "assertion.action."
"""Failures of what is said to keep to the standard's rules: whole as well, and no more."""
_BREAKS_RULES = "the signature holds, and what it says breaks the rules of the standard"

_STRANGER_BEFORE = (
    "the signatures hold, and whoever signed the picture it was made from is not on the trust list"
)

_REASONS = (
    ("claimSignature.", "the signature does not hold"),
    ("signingCredential.", "the certificate was withdrawn"),
    ("assertion.dataHash.", "the picture was changed after signing"),
    ("assertion.boxesHash.", "the picture was changed after signing"),
    ("assertion.bmffHash.", "the picture was changed after signing"),
    ("assertion.", "what it says was changed after signing"),
    ("ingredient.", "what it was made from was changed after signing"),
)
_BINDINGS = ("assertion.dataHash.match", "assertion.boxesHash.match", "assertion.bmffHash.match")


class Validity(Enum):
    """How far a manifest store can be relied on."""

    TRUSTED = auto()
    WHOLE = auto()
    BROKEN = auto()


def judge(report: dict[str, Any], on_ingredient: bool) -> tuple[Validity, str]:
    """Judge the library's validation results; return the state and a reason in words.

    `on_ingredient` says that what matters was signed into an ingredient, whose own signer then
    has to be trusted as well. The library's state “Valid” means no more than that the signature
    holds; we go by the codes of the specification (C2PA 2.x, 15.4).
    """
    results = report.get("validation_results") or {}
    active = results.get("activeManifest") or {}
    failures = [*_codes(active, "failure")]
    deltas = [
        code
        for delta in results.get("ingredientDeltas") or ()
        for code in _codes(delta.get("validationDeltas") or {}, "failure")
    ]
    doubtful = (*_TRUST_CODES, _RULES)
    grave = [code for code in (*failures, *deltas) if not code.startswith(doubtful)]
    if grave:
        return Validity.BROKEN, _reason(grave[0])
    successes = set(_codes(active, "success"))
    if "claimSignature.validated" not in successes or successes.isdisjoint(_BINDINGS):
        return Validity.BROKEN, "the signature is not bound to this picture"
    doubts = failures or (deltas if on_ingredient else [])
    if not doubts and report.get("validation_state") == "Trusted":
        return Validity.TRUSTED, ""
    for code in ("signingCredential.invalid", "signingCredential.expired"):
        if code in doubts:
            return Validity.WHOLE, _TRUST_CODES[code]
    if any(code.startswith(_RULES) for code in doubts):
        return Validity.WHOLE, _BREAKS_RULES
    if not failures and doubts:
        return Validity.WHOLE, _STRANGER_BEFORE
    return Validity.WHOLE, _TRUST_CODES["signingCredential.untrusted"]


def _codes(section: dict[str, Any], name: str) -> Iterator[str]:
    for status in section.get(name) or ():
        yield str(status.get("code"))


def _reason(code: str) -> str:
    return next((words for start, words in _REASONS if code.startswith(start)), "they are damaged")
