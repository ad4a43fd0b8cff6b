"""Events on stderr, one a line: when, how grave, what, and its fields."""

from __future__ import annotations

import logging

_USUAL = frozenset(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {"message", "asctime"}


class EventFormatter(logging.Formatter):
    """Write an event with the fields that were given with it as `name=value`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 — logging's name
        """Add the fields to the line."""
        fields = {k: v for k, v in record.__dict__.items() if k not in _USUAL}
        line = super().formatMessage(record)
        return " ".join((line, *(f"{name}={value!r}" for name, value in fields.items())))


def log_to_stderr(level: int) -> None:
    """Send events of that gravity and above to stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(EventFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
