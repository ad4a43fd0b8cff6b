"""A folder for new weights: its name, and how it comes to be whole or not at all."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backend.errors import BadRun, Conflict

_VERSION = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}\Z")


def new_folder(version: str, weights: Path) -> Path:
    """Return where a version of that name will lie.

    Raises:
        BadRun: the name will not do.
        Conflict: that version exists.
    """
    if not _VERSION.match(version):
        raise BadRun("A version's name has small letters, digits, dots and hyphens.")
    target = weights / version
    if target.exists():
        raise Conflict(f"The version {version} exists already: {target}.")
    return target


@contextmanager
def filling(target: Path) -> Iterator[Path]:
    """Give an empty folder beside a version's; it takes the version's name when all went well."""
    fresh = target.with_name(f".{target.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    try:
        yield fresh
        fresh.replace(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
