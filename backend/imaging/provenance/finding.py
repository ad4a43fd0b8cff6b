"""What a recogniser says of a generator's own parameters."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Finding:
    """The tool, and its version, model and prompt where they are given."""

    tool: str
    version: str = ""
    model: str = ""
    prompt: str = ""
    generated: bool = True
    """Whether the parameters make a picture, rather than edit a given one."""
    hidden: bool = False


def json_object(text: str | None) -> dict[str, Any]:
    """Return a text as a JSON object; an empty one where it is none."""
    if not text or text.lstrip()[:1] != "{":
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def text_of(value: object) -> str:
    """Return a value where it is text, and nothing where it is not."""
    return value if isinstance(value, str) else ""
