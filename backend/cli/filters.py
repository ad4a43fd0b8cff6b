"""The conditions of `GET /predictions` as options of a command."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import click

from backend.domain import Outcome, ReviewLabel, SizeClass, Source
from backend.errors import BadInput
from backend.storage.repository import PredictionFilter
from backend.wire import time_from_text

F = TypeVar("F", bound=Callable[..., Any])


def moment(text: str) -> datetime:
    """Read 2026-11-22 or 2026-11-22T10:00:00Z, in UTC where it names no zone."""
    try:
        return time_from_text(text)
    except (ValueError, OverflowError):
        raise click.BadParameter(
            f"“{text}” is no moment; write 2026-11-22 or 2026-11-22T10:00:00Z."
        ) from None


_OPTIONS = (
    click.option("--outcome", type=click.Choice([o.value for o in Outcome]), help="The verdict's."),
    click.option(
        "--label", type=click.Choice([x.value for x in ReviewLabel]), help="Of the latest review."
    ),
    click.option("--model", help="Version of the model that judged."),
    click.option("--site", help="Host of the page or picture."),
    click.option("--source", type=click.Choice([s.value for s in Source]), help="How it came."),
    click.option("--client", help="Name of the client that asked."),
    click.option("--since", type=moment, help="From this moment on."),
    click.option("--until", type=moment, help="Before this moment."),
    click.option("--min-score", type=click.FloatRange(0, 1), help="Least P(ai_generated)."),
    click.option("--max-score", type=click.FloatRange(0, 1), help="Greatest P(ai_generated)."),
    click.option("--conflict/--no-conflict", default=None, help="Model and file disagree or not."),
    click.option("--audit/--no-audit", default=None, help="Drawn for the random audit or not."),
    click.option("--policy", type=click.IntRange(0), help="Number of the thresholds of the time."),
    click.option("--evidence", help="What the file says of itself: c2pa, “c2pa verified”, none."),
    click.option("--generator", help="The likely generator that the file names."),
    click.option(
        "--size", type=click.Choice([s.value for s in SizeClass]), help="Short side in pixels."
    ),
    click.option("--file-format", help="Format of the picture's file, such as PNG."),
    click.option("--q", help="Text to look for."),
)


_FIELDS = {"file_format": "format"}
"""Options that could not have their field's name: `--format` is the export's own."""


def filter_options(command: F) -> F:
    """Give a command the options of a filter; it gets them as `**conditions`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def to_filter(conditions: dict[str, Any]) -> PredictionFilter:
    """Turn the options into a filter."""
    kinds: dict[str, Callable[[str], Any]] = {
        "outcome": Outcome,
        "label": ReviewLabel,
        "source": Source,
        "size": SizeClass,
    }
    try:
        given = {
            _FIELDS.get(name, name): kinds[name](value) if name in kinds else value
            for name, value in conditions.items()
            if value is not None
        }
    except ValueError as error:
        raise BadInput(f"{error}.") from error
    return PredictionFilter(**given)
