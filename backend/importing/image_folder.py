"""Read folders that say who made the pictures in them, and tables beside pictures that do."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from backend.domain import Label
from backend.errors import BadInput
from backend.importing.candidate import (
    Candidate,
    LeftOut,
    Reading,
    is_picture,
    label_named,
    picture_names,
    split_named,
    text_of,
)
from backend.importing.source import Source, read_all, read_lines

_TABLE_BYTES = 256 * 1024 * 1024
_CREDITS = ("generator", "kind", "source", "licence", "group", "split")
_FILE_COLUMNS = ("file_name", "path", "file")
_LABEL_COLUMNS = ("label", "class", "labels")
Rows = Mapping[str, Mapping[str, Any]]
"""What tables say of files, by path."""


def recognise(source: Source) -> Reading | None:
    """Return the reading of a source that labels pictures by folder or table; None if none does."""
    names = picture_names(source)
    rows = _tables(source)
    if not any(_label(name, rows) for name in names):
        return None
    return Reading("an image folder", len(names), lambda folder: _offers(names, rows))


def _offers(names: Iterable[str], rows: Rows) -> Iterator[Candidate | LeftOut]:
    for name in names:
        label = _label(name, rows)
        if label is None:
            yield LeftOut(name, "neither its folder nor a table says who made it")
        else:
            yield Candidate(name, label, credit=_credit(name, label, rows.get(name, {})))


def _label(name: str, rows: Rows) -> Label | None:
    row = rows.get(name, {})
    for column in _LABEL_COLUMNS:
        if column in row:
            return label_named(row[column])
    folders = PurePosixPath(name).parts[:-1]
    return next((found for part in folders if (found := label_named(part))), None)


def _credit(name: str, label: Label, row: Mapping[str, Any]) -> dict[str, str]:
    folders = PurePosixPath(name).parts[:-1]
    at = next((i for i, part in enumerate(folders) if label_named(part) is label), len(folders))
    below = folders[at + 1 :]
    splits = (split for part in folders[:at] if (split := split_named(part)))
    found = {"split": next(splits, "")}
    if label is Label.AI_GENERATED and below:
        found["generator"] = text_of(below[0])
    if below:
        found["source"] = text_of(below[-1])
    told = {column: text_of(row[column]) for column in _CREDITS if text_of(row.get(column))}
    return {**found, **told}


def _tables(source: Source) -> dict[str, Mapping[str, Any]]:
    """Return what metadata.jsonl, metadata.csv and manifest.csv say, by the path of the file."""
    readers: dict[str, Callable[[Source, str], Iterator[Mapping[str, Any]]]] = {
        "metadata.jsonl": _jsonl,
        "metadata.csv": _csv,
        "manifest.csv": _csv,
    }
    found: dict[str, Mapping[str, Any]] = {}
    for name in source.names():
        path = PurePosixPath(name)
        if path.name in readers:
            for row in readers[path.name](source, name):
                file = next((row[c] for c in _FILE_COLUMNS if isinstance(row.get(c), str)), None)
                if file is not None and is_picture(file):
                    found.setdefault((path.parent / file).as_posix(), row)
    return found


def _jsonl(source: Source, name: str) -> Iterator[Mapping[str, Any]]:
    for number, line in enumerate(read_lines(source, name), start=1):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise BadInput(f"{name}, line {number}, is no JSON; nothing was imported.") from error
        if isinstance(row, dict):
            yield row


def _csv(source: Source, name: str) -> Iterator[Mapping[str, Any]]:
    try:
        text = read_all(source, name, _TABLE_BYTES).decode("utf-8-sig")
        yield from csv.DictReader(io.StringIO(text))
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"{name} cannot be read ({error}); nothing was imported.") from error
