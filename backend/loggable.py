"""What of a check may be kept: its owner's settings decide, wherever records come from."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit, urlunsplit

from backend.domain import Context, PredictionRecord
from backend.settings import Settings, in_address


def loggable(record: PredictionRecord, settings: Settings) -> PredictionRecord:
    """Return a record as the log may keep it.

    Without the prompts that files give away, and without addresses and titles of pages, unless the
    settings keep them; of an address never more than `strip_address` leaves.
    """
    record = replace(record, context=loggable_context(record.context, settings))
    if settings.keep_prompts:
        return record
    evidence = tuple(replace(e, prompt=None) for e in record.verdict.evidence)
    return replace(record, verdict=replace(record.verdict, evidence=evidence))


def loggable_context(context: Context, settings: Settings) -> Context:
    """Return where a picture was seen, as far as the log may keep it."""
    if not settings.keep_addresses:
        return Context(source=context.source)
    return replace(
        context,
        page_url=strip_address(context.page_url),
        image_url=strip_address(context.image_url),
    )


def strip_address(address: str | None) -> str | None:
    """Drop query, fragment, user and password of a page's address; `data:`, `blob:` entirely.

    >>> strip_address("https://me:pw@example.org/a.jpg?token=1#x")
    'https://example.org/a.jpg'
    """
    if not address:
        return None
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in {"http", "https", "file"}:
        return None
    netloc = in_address(host or "")
    if port is not None:
        netloc += f":{port}"
    return urlunsplit((parts.scheme, netloc, parts.path, "", ""))
