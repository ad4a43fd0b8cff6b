"""Errors to one line on stderr and an exit code: the one place where that is decided."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable
from typing import Any

import click

from backend.errors import BrushmarkError

DONE = 0
FAILED = 1
USAGE = 2
INTERRUPTED = 130
"""128 + SIGINT, as shells have it."""


def run(command: Callable[[], Any]) -> int:
    """Run a click command (not standalone) and return the exit code, telling failures.

    A mistake in the code itself is let through: a traceback is then the honest answer.
    """
    try:
        result = command()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except (BrushmarkError, OSError) as error:
        tell(describe(error))
        return FAILED
    return result if isinstance(result, int) else DONE


def tell(line: str) -> None:
    """Write one line to stderr under the program's name, control characters defused."""
    click.echo(f"brushmark: {printable(' '.join(line.split()))}", err=True)


def printable(text: str) -> str:
    """Replace control characters, which could forge a line or steer a terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def describe(error: BrushmarkError | OSError) -> str:
    """Put an error into a sentence for a person."""
    return str(error) if isinstance(error, BrushmarkError) else _describe_os_error(error)


def _describe_os_error(error: OSError) -> str:
    what = error.strerror or str(error) or type(error).__name__
    if error.errno == errno.ENOSPC:
        what = "The disk is full; make room and try again"
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{what}."


def hush_broken_pipe() -> None:
    """Keep the interpreter from complaining at exit that nobody reads stdout any more."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        sys.stdout = None


def confirmed(question: str) -> bool:
    """Ask a person on stderr; whoever cannot be asked has not agreed."""
    try:
        return click.confirm(question, err=True)
    except click.Abort:
        click.echo(err=True)
        return False
