"""Take in the tables of a plain TinyDB JSON file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinydb.table import Document

from backend.errors import BadInput, Conflict, NotFound
from backend.loggable import loggable
from backend.settings import Settings
from backend.storage.opening import open_repository
from backend.storage.repository import Extras
from backend.storage.schema import SHAPES
from backend.storage.tinydb_repository import TinyDBRepository
from backend.wire import foreign_record

_RECORDS = "predictions"
_DEFAULT = "_default"  # TinyDB's name for the table that was given none


@dataclass(frozen=True, slots=True)
class Problem:
    """A document that was not taken in: where it stands in the file, and why."""

    table: str
    position: str
    reason: str


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of every document of the file."""

    records: int
    documents: Mapping[str, int]
    """Documents of other tables, kept as they are."""
    already: int
    """Documents that the store held already."""
    problems: tuple[Problem, ...]

    def lines(self) -> list[str]:
        """Return the report for a person to read."""
        lines = [f"Imported {self.records} predictions; {self.already} were here already."]
        lines += [f"Kept {n} documents of table {t}." for t, n in self.documents.items()]
        return lines + [
            f"NOT imported: {p.table}, document {p.position}: {p.reason}" for p in self.problems
        ]


def import_tinydb(settings: Settings, source: Path) -> ImportReport:
    """Take in a TinyDB JSON file, all in one transaction; importing it again changes nothing.

    Documents of the default table and of `predictions` that are prediction records go into the
    log, without what the settings do not keep; tables with names that Brushmark does not use are
    kept as they are. Whatever is not taken in is reported with its place.

    Raises:
        NotFound, BadInput: the file is not there, or is no TinyDB file.
        OutOfSpace, StoreUnavailable, StoreDamaged: nothing was imported.
    """
    tables = _read(source)
    repository = open_repository(settings)
    try:
        with repository.db.transaction():
            intake = _Intake(repository, settings)
            for table, documents in tables.items():
                intake.take_table(table, documents)
    finally:
        repository.close()
    return intake.report()


def _read(source: Path) -> dict[str, Any]:
    try:
        tables = json.loads(source.read_bytes())
    except FileNotFoundError as error:
        raise NotFound(f"There is no file {source}.") from error
    except OSError as error:
        raise BadInput(f"{source} cannot be read ({error.strerror}).") from error
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{source} is no JSON file ({error}).") from error
    if not isinstance(tables, dict):
        raise BadInput(f"{source} is no TinyDB file: at the top there are no tables.")
    return tables


class _Intake:
    """Sort documents into the log, other tables, what was there and what cannot be taken."""

    def __init__(self, repository: TinyDBRepository, settings: Settings) -> None:
        self._repository = repository
        self._settings = settings
        self._records = 0
        self._already = 0
        self._documents: Counter[str] = Counter()
        self._problems: list[Problem] = []

    def report(self) -> ImportReport:
        return ImportReport(
            self._records, dict(self._documents), self._already, tuple(self._problems)
        )

    def take_table(self, table: str, documents: Any) -> None:
        if not isinstance(documents, dict):
            self._problems.append(Problem(table, "all", "the table is no JSON object"))
            return
        for position, document in documents.items():
            reason = self._take(table, position, document)
            if reason is not None:
                self._problems.append(Problem(table, position, reason))

    def _take(self, table: str, position: str, document: Any) -> str | None:
        if not isinstance(document, dict):
            return "it is no JSON object"
        if table == _RECORDS or (table == _DEFAULT and {"outcome", "image"} <= document.keys()):
            return self._take_record(document)
        if table in SHAPES:
            return f"Brushmark keeps its own {table}, and takes none from outside"
        return self._take_other(table, position, document)

    def _take_record(self, document: dict[str, Any]) -> str | None:
        try:
            record = loggable(foreign_record(document), self._settings)
            with self._repository.db.savepoint():
                self._repository.append_prediction(record, Extras())
        except KeyError as error:
            return f"it has no field {error}"
        except (TypeError, ValueError, AttributeError, OverflowError) as error:
            return f"it is no prediction record ({error})"
        except Conflict:
            same = self._repository.get_prediction(record.id) == record
            self._already += same
            return None if same else f"the log has another prediction “{record.id}”"
        self._records += 1
        return None

    def _take_other(self, table: str, position: str, document: dict[str, Any]) -> str | None:
        rows = self._repository.db.rows(table)
        try:
            doc_id = int(position)
            present = rows.get(doc_id=doc_id)
            if present is None:
                rows.insert(Document(document, doc_id))
        except (ValueError, OverflowError) as error:
            return f"it cannot be kept ({error})"
        if present is not None:
            self._already += present == document
            return None if present == document else "another document has its place"
        self._documents[table] += 1
        return None
