"""Text from outside as cells of a table: flat, and never a formula."""

from __future__ import annotations

_FORMULA = ("=", "+", "-", "@")
_MOST = 2000


def flat(text: str) -> str:
    """Put text on one line without control characters, lone surrogates or runs of spaces.

    >>> flat("a\\tb\\x00c\\nd")
    'a b c d'
    """
    seen = "".join(c if c.isprintable() else " " for c in text[:_MOST])
    return " ".join(seen.split())


def cell(value: object) -> str:
    """Write a value for a CSV file that may be opened in a spreadsheet.

    A text that a spreadsheet would take for a formula gets an apostrophe in front. Source:
    OWASP, CSV Injection.

    >>> cell("=HYPERLINK(1)"), cell(0.5), cell(None), cell(True)
    ("'=HYPERLINK(1)", '0.5', '', 'true')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = flat(str(value))
    return f"'{text}" if text.startswith(_FORMULA) else text
