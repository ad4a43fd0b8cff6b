"""What a manifest store says, walked from the active manifest through its ingredients."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backend.imaging.provenance.source_types import SourceType, source_type
from backend.imaging.provenance.wording import clean

MAX_MANIFESTS = 64

_CREATED = "c2pa.created"
_BY_AI = re.compile(r"\bAI[ -]generated\b", re.IGNORECASE)
_NOT_SAID = SourceType("")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Claims:
    """What the credentials say of the picture, and who signed them."""

    signer: str
    signed_on: str
    tool: str
    wholly_ai: bool = False
    partly_ai: bool = False
    captured: bool = False
    on_ingredient: bool = False


@dataclass(slots=True)
class _Said:
    tool: str = ""
    wholly_ai: bool = False
    partly_ai: bool = False
    captured: bool = False
    on_ingredient: bool = False


def read_claims(report: Json) -> Claims:
    """Walk the library's report.

    A picture is the work of a model where that is said of its own creation, or of the creation of
    the picture that it was opened from (`parentOf`), at any depth. What was merely put into it or
    edited by a model makes it partly so.
    """
    manifests: Json = report.get("manifests") or {}
    active: Json = manifests.get(str(report.get("active_manifest"))) or {}
    said = _Said()
    for manifest, is_whole, is_active in _walk(manifests, active):
        for action in _actions(manifest):
            _take(said, action, is_whole, is_active)
    signature = active.get("signature_info") or {}
    return Claims(
        signer=clean(signature.get("issuer") or signature.get("common_name") or ""),
        signed_on=_day(signature.get("time")),
        tool=said.tool or _generator(active),
        wholly_ai=said.wholly_ai,
        partly_ai=said.partly_ai,
        captured=said.captured,
        on_ingredient=said.on_ingredient,
    )


def _walk(manifests: Json, active: Json) -> Iterator[tuple[Json, bool, bool]]:
    """Yield each manifest once, whether it is about the whole picture, and whether it is active."""
    waiting, seen = [(active, True, True)], {str(active.get("label"))}
    for manifest, is_whole, is_active in waiting:
        yield manifest, is_whole, is_active
        for ingredient in manifest.get("ingredients") or ():
            label = str(ingredient.get("active_manifest"))
            following = None if _was_broken(ingredient) else manifests.get(label)
            if following is not None and label not in seen and len(seen) < MAX_MANIFESTS:
                seen.add(label)
                parent = ingredient.get("relationship") == "parentOf"
                waiting.append((following, is_whole and parent, False))


def _was_broken(ingredient: Json) -> bool:
    """Say whether whoever signed found the ingredient's own credentials broken already."""
    results = (ingredient.get("validation_results") or {}).get("activeManifest") or {}
    failures = [*(ingredient.get("validation_status") or ()), *(results.get("failure") or ())]
    codes = (str(failure.get("code")) for failure in failures if isinstance(failure, dict))
    return any(not code.startswith("signingCredential.") for code in codes)


def _actions(manifest: Json) -> Iterator[Json]:
    for assertion in manifest.get("assertions") or ():
        label, data = str(assertion.get("label")), assertion.get("data")
        if not label.startswith(("c2pa.actions", "actions")):
            continue
        listed = data.get("actions") if isinstance(data, dict) else data
        yield from (action for action in listed or () if isinstance(action, dict))


def _take(said: _Said, action: Json, is_whole: bool, is_active: bool) -> None:
    stated = action.get("digitalSourceType")
    kind = source_type(stated) if stated else _NOT_SAID
    created = action.get("action") == _CREATED
    by_ai = kind.wholly_ai or (created and bool(_BY_AI.search(str(action.get("description")))))
    if by_ai and created and is_whole:
        said.on_ingredient = not is_active and not said.wholly_ai
        said.wholly_ai = True
        said.tool = _agent(action) or said.tool
    elif by_ai or kind.partly_ai:
        said.partly_ai = True
        said.tool = said.tool or _agent(action)
    elif kind.captured and created and is_whole:
        said.captured = True
        said.on_ingredient = said.on_ingredient or not is_active
        said.tool = said.tool or _agent(action)


def _agent(action: Json) -> str:
    agent = action.get("softwareAgent")
    if isinstance(agent, dict):
        agent = " ".join(str(agent[key]) for key in ("name", "version") if agent.get(key))
    return clean(agent or "")


def _generator(manifest: Json) -> str:
    """Return the program that wrote the manifest, without the library it used."""
    for info in manifest.get("claim_generator_info") or ():
        if isinstance(info, dict) and info.get("name"):
            return clean(info["name"])
    return clean(str(manifest.get("claim_generator") or "").partition(" ")[0].replace("_", " "))


def _day(text: object) -> str:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return ""
    return f"{moment.day} {moment:%B %Y}"
