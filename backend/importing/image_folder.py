"""Read folders that say who made the pictures in them, and tables beside pictures that do."""

from __future__ import annotations

import codecs
import csv
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from backend.domain import Label
from backend.errors import BadInput, TooLarge
from backend.importing.candidate import (
    Candidate,
    LeftOut,
    Reading,
    label_named,
    picture_names,
    split_named,
    text_of,
)
from backend.importing.source import MAX_LINE_BYTES, Source, read_lines

_CREDITS = ("generator", "kind", "source", "licence", "group", "split")
_FILE_COLUMNS = ("file_name", "path", "file")
_LABEL_COLUMNS = ("label", "class", "labels")
_TOLD_COLUMNS = (*_LABEL_COLUMNS, *_CREDITS)
_COLUMNS = frozenset((*_FILE_COLUMNS, *_TOLD_COLUMNS))
Row = Mapping[str, str]
Rows = Mapping[str, Row]
"""What tables say of pictures, by path."""


def recognise(source: Source) -> Reading | None:
    """Return the reading of a source that labels pictures by folder or table; None if none does."""
    names = picture_names(source)
    rows = _tables(source, set(names))
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


def _credit(name: str, label: Label, row: Row) -> dict[str, str]:
    folders = PurePosixPath(name).parts[:-1]
    at = next((i for i, part in enumerate(folders) if label_named(part) is label), len(folders))
    below = folders[at + 1 :]
    splits = (split for part in folders[:at] if (split := split_named(part)))
    found = {"split": next(splits, "")}
    if label is Label.AI_GENERATED and below:
        found["generator"] = text_of(below[0])
    if below:
        found["source"] = text_of(below[-1])
    told = {column: row[column] for column in _CREDITS if row.get(column)}
    return {**found, **told}


def _tables(source: Source, names: Collection[str]) -> dict[str, Row]:
    """Return what metadata.jsonl, metadata.csv and manifest.csv say of these pictures, by path."""
    readers: dict[str, Callable[[Source, str], Iterator[Mapping[str, Any]]]] = {
        "metadata.jsonl": _jsonl,
        "metadata.csv": _csv,
        "manifest.csv": _csv,
    }
    found: dict[str, Row] = {}
    for name in source.names():
        path = PurePosixPath(name)
        if path.name in readers:
            for row in readers[path.name](source, name):
                file = next((row[c] for c in _FILE_COLUMNS if isinstance(row.get(c), str)), None)
                picture = (path.parent / file).as_posix() if file else ""
                if picture in names:
                    found.setdefault(picture, _told(row))
    return found


def _told(row: Mapping[str, Any]) -> Row:
    return {column: text_of(row[column]) for column in _TOLD_COLUMNS if column in row}


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
        rows = _rows(source, name)
        header = next(rows, [])
        places = {column: i for i, column in enumerate(header) if column in _COLUMNS}
        for row in rows:
            yield {column: row[i] if i < len(row) else None for column, i in places.items()}
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"{name} cannot be read ({error}); nothing was imported.") from error


def _rows(source: Source, name: str) -> Iterator[list[str]]:
    """Yield the rows of a CSV file that are not empty, of bounded length."""
    length = 0

    def lines() -> Iterator[str]:
        nonlocal length
        for line in codecs.iterdecode(read_lines(source, name), "utf-8-sig"):
            length += len(line)
            # Line ends within quotes are of the row, which may go on to the end of the file.
            if length > MAX_LINE_BYTES:
                raise TooLarge(f"{name} is too large for a table of pictures.")
            yield line

    for row in csv.reader(lines()):
        length = 0
        if row:
            yield row
