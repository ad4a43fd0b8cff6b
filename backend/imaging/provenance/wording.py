"""Words from a foreign file, made fit to be shown."""

from __future__ import annotations

import unicodedata

MAX_NAME_CHARS = 80
MAX_PROMPT_CHARS = 4000

# Control, format (bidirectional overrides, zero-width) and private characters, and surrogates.
_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Cn"})


def clean(text: object, limit: int = MAX_NAME_CHARS) -> str:
    """Return text on one line, without characters that hide or reorder, cut to a length.

    >>> clean("  Canon\\x00 EOS\\u202e R5 ")
    'Canon EOS R5'
    """
    shown = str(text)[: 4 * limit]
    kept = "".join(" " if c.isspace() else c for c in shown if c.isspace() or _is_shown(c))
    line = " ".join(kept.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def clean_prompt(text: str) -> str | None:
    """Return a prompt with its line breaks, within a length; None where nothing is left."""
    lines = (clean(line, MAX_PROMPT_CHARS) for line in text[: 2 * MAX_PROMPT_CHARS].split("\n"))
    joined = "\n".join(line for line in lines if line)
    if len(joined) > MAX_PROMPT_CHARS:
        joined = joined[: MAX_PROMPT_CHARS - 1] + "…"
    return joined or None


def listed(words: list[str]) -> str:
    """Join words as a sentence does.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def _is_shown(character: str) -> bool:
    return unicodedata.category(character) not in _HIDDEN
