"""Read what `brushmark export` wrote: every byte against its checksum, every record anew."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from backend.domain import Context, Label, PredictionRecord, Review, ReviewLabel, Source, utc_now
from backend.errors import BadInput
from backend.exporting.archive import SUMS
from backend.exporting.examples import CREDITS, SUFFIXES
from backend.exporting.make import DOCUMENT, FORMAT
from backend.exporting.parts import RECORDS
from backend.importing.candidate import MALFORMED, Candidate, Known, LeftOut, Reading, text_of
from backend.importing.source import Source as Files
from backend.importing.source import read_all, read_lines, refusing_damage
from backend.importing.vectors import Vectors
from backend.wire import foreign_record, time_from_text

_SMALL = 4 * 1024 * 1024
_PIECE_BYTES = 1024 * 1024
_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}\Z")
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
CLIENT = "import"


def recognise(files: Files) -> Reading | None:
    """Return the reading of a whole export of ours; None where it is none. Raises `BadInput`."""
    names = set(files.names())
    if not {DOCUMENT, RECORDS, SUMS} <= names:
        return None
    try:
        document = json.loads(read_all(files, DOCUMENT, _SMALL))
        version, total = document["brushmark_export"], int(document["examples"])
    except MALFORMED as error:
        raise _damaged(files, f"{DOCUMENT} cannot be read") from error
    if version != FORMAT:
        raise BadInput(f"{files.label} is an export of a newer Brushmark (format {version}).")
    return Reading("a Brushmark export", total, lambda folder: _offers(files, folder))


def _offers(files: Files, folder: Path) -> Iterator[Candidate | LeftOut]:
    check_sums(files)
    names = set(files.names())
    with Vectors(files, folder) as vectors:
        for number, raw in enumerate(read_lines(files, RECORDS), start=1):
            try:
                candidate = _candidate(json.loads(raw), vectors)
            except MALFORMED as error:
                raise _damaged(files, f"{RECORDS}, line {number}: {error}") from error
            if candidate.name is not None and candidate.name not in names:
                raise _damaged(files, f"{RECORDS}, line {number}: its picture is missing")
            yield candidate


def check_sums(files: Files) -> None:
    """Hold every file against SHA256SUMS. Raises `BadInput` where one differs or is missing."""
    names = set(files.names()) - {SUMS}
    wanted = {}
    for digest, name in _sums(files):
        if name not in names:
            raise _damaged(files, f"{SUMS} and the files do not agree on {name[:100]}")
        wanted[name] = digest
    for name in sorted(names):
        if name not in wanted:
            raise _damaged(files, f"{SUMS} and the files do not agree on {name[:100]}")
        if _digest(files, name) != wanted[name]:
            raise _damaged(files, f"{name} is not what was exported")


def _sums(files: Files) -> Iterator[tuple[str, str]]:
    for line in read_lines(files, SUMS):
        digest, _, name = line.decode("utf-8", "replace").rstrip("\n").partition("  ")
        if not _DIGEST.match(digest) or not name:
            raise _damaged(files, f"{SUMS} cannot be read")
        yield digest, name


def _digest(files: Files, name: str) -> str:
    digest = hashlib.sha256()
    left = files.size(name)
    with refusing_damage(files.label), files.open(name) as file:
        while piece := file.read(_PIECE_BYTES):
            left -= len(piece)
            if left < 0:
                raise _damaged(files, f"{name} is longer than it says")
            digest.update(piece)
    return digest.hexdigest()


def _candidate(line: Any, vectors: Vectors) -> Candidate:
    record = _record(line["record"])
    label = Label(line["review"]["label"])
    digest = record.image.sha256
    model = record.model.sha256 if record.model else None
    suffix = SUFFIXES.get(record.image.format, "bin")
    split = str(line["split"])
    return Candidate(
        name=f"{split}/{label.value}/{digest}.{suffix}" if line["kept"] is True else None,
        label=label,
        sha256=digest,
        credit={
            **{name: text_of(line["credit"][name]) for name in CREDITS},
            "group": text_of(line["group"]),
            "split": split,
        },
        known=Known(
            record,
            _review(line["review"], record, label),
            None if line["phash"] is None else int(line["phash"], 16) & (1 << 64) - 1,
            lambda: vectors.of(digest, model),
        ),
    )


def _record(document: Any) -> PredictionRecord:
    # Where it came from and who asked is not in an export, whatever this one says.
    context = {"source": Source(document["context"]["source"]).value}
    plain = dict.fromkeys(("page_url", "image_url", "page_title"))
    record = foreign_record({**document, "client": CLIENT, "context": {**context, **plain}})
    if not _ID.match(record.id):
        raise ValueError("an id is not one of ours")
    assert record.context == Context(record.context.source)  # noqa: S101
    return replace(record, created_at=_by_now(record.created_at))


def _review(given: Any, record: PredictionRecord, label: Label) -> Review:
    if not _ID.match(given["id"]):
        raise ValueError("a review's id is not one of ours")
    return Review(
        id=given["id"],
        created_at=_by_now(time_from_text(given["created_at"])),
        prediction_id=record.id,
        sha256=record.image.sha256,
        label=ReviewLabel(label.value),
        reviewer=CLIENT,
    )


def _by_now(moment: datetime) -> datetime:
    """Return a moment, or now where it lies ahead: the other machine's clock may have."""
    # A review from the future would stand against every one that is given here.
    return min(moment, utc_now())


def _damaged(files: Files, how: str) -> BadInput:
    return BadInput(f"{files.label} is a damaged export: {how}. Nothing was imported.")
