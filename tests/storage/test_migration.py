"""A store of an earlier version is brought to the present one, at once or not at all."""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from backend.domain import Evidence, EvidenceStatus, SizeClass
from backend.errors import StoreUnavailable
from backend.settings import Settings
from backend.storage import open_repository
from backend.storage.engine import DocumentDB
from backend.storage.inspection import inspect_file
from backend.storage.repository import Mark, PredictionFilter
from backend.storage.schema import STEPS
from backend.storage.tinydb_repository import TinyDBRepository
from tests.records import extras, make_id, record
from tests.storage.migrating import MORE_STEPS, add_table, rebuild
from tests.storage.reading import read_everything


def versions(path: Path) -> tuple[int, bool]:
    """Return a file's version, and whether the later version's table is there."""
    connection = sqlite3.connect(path)
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (there,) = connection.execute(
        "SELECT count(*) FROM sqlite_schema WHERE name = 'later'"
    ).fetchone()
    connection.close()
    return version, bool(there)


def test_steps_are_taken_in_order(filled: Settings) -> None:
    """A later Brushmark takes just the steps that the file lacks, and loses nothing."""
    assert versions(filled.store_path) == (len(STEPS), False)
    before = read_everything(filled.store_path, filled.images_path)
    TinyDBRepository(filled.store_path, (*STEPS, add_table)).close()
    assert versions(filled.store_path) == (len(STEPS) + 1, True)
    later = TinyDBRepository(filled.store_path, MORE_STEPS)
    assert later.stats() == before["stats"]
    assert later.get_prediction(make_id("P", 5)) == before["record 5"]
    later.append_prediction(record(900), extras(900))
    with later.db.connections.using() as connection:
        (rows,) = connection.execute("SELECT count(*) FROM later").fetchone()
    assert rows == 40
    later.close()
    assert versions(filled.store_path) == (len(MORE_STEPS), True)


def test_failed_step_leaves_the_store_as_it_was(filled: Settings) -> None:
    """A step that fails takes the steps before it back with it."""

    def fail(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM predictions")
        raise sqlite3.OperationalError("the step failed")

    before = read_everything(filled.store_path, filled.images_path)
    with pytest.raises(StoreUnavailable, match="the step failed"):
        DocumentDB(filled.store_path, (*STEPS, add_table, fail))
    assert versions(filled.store_path) == (len(STEPS), False)
    assert read_everything(filled.store_path, filled.images_path) == before


def test_an_older_brushmark_steps_back(filled: Settings) -> None:
    """After a migration the earlier Brushmark refuses the store and says why."""
    DocumentDB(filled.store_path, MORE_STEPS).close()
    with pytest.raises(StoreUnavailable, match="Install the newer Brushmark"):
        open_repository(filled)


def test_many_open_an_old_store_at_once(filled: Settings) -> None:
    """Of several that open an old store together one migrates and all go on."""
    calls: list[int] = []

    def counted(connection: sqlite3.Connection) -> None:
        calls.append(1)
        add_table(connection)

    def open_and_close() -> None:
        DocumentDB(filled.store_path, (*STEPS, counted, rebuild)).close()

    threads = [threading.Thread(target=open_and_close) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls == [1]
    assert versions(filled.store_path) == (len(STEPS) + 2, True)


def test_kinds_of_pictures_come_to_a_store(home: Settings) -> None:
    """A store of version 5 is filtered by evidence, size and format as a new one is."""
    home.prepare_home()
    old = TinyDBRepository(home.store_path, STEPS[:5])
    said = (Evidence("c2pa", EvidenceStatus.VERIFIED, None, "Signed by a camera."),)
    signed = replace(record(1), verdict=replace(record(1).verdict, evidence=said))
    for each in (record(0), signed):
        old.append_prediction(each, extras())
    old.close()
    repository = TinyDBRepository(home.store_path)
    for where, wanted in (
        (PredictionFilter(evidence="c2pa verified"), 1),
        (PredictionFilter(evidence="none"), 1),
        (PredictionFilter(size=SizeClass.FROM_300, format="JPEG"), 2),
    ):
        assert repository.count_predictions(where) == wanted
    repository.delete_prediction(signed.id)
    assert repository.count_predictions(PredictionFilter(evidence="c2pa")) == 0
    repository.close()
    assert inspect_file(home.store_path, alone=True)[1] == []


def test_conflicts_come_to_a_store_without_them(home: Settings) -> None:
    """A store of version 1 becomes what a new store is; its old records are in no conflict."""
    home.prepare_home()
    old = TinyDBRepository(home.store_path, STEPS[:1])
    for i in range(6):
        old.append_prediction(record(i), extras(i))
    for document in old.predictions:  # version 1 wrote no such fields
        document.pop("conflict")
        document["derived"].pop("phash")
        document["derived"].pop("flipped")
        old.predictions.replace(document.doc_id, document)
    old.close()
    assert versions(home.store_path)[0] == 1
    repository = TinyDBRepository(home.store_path)
    repository.append_prediction(record(6, conflict=True), extras(6))
    assert repository.get_prediction(make_id("P", 3)) == record(3)
    assert repository.similar(extras(3).phash or 0) == ()  # nobody knew their likeness
    assert repository.similar(extras(6).phash or 0)[0].record.id == make_id("P", 6)
    assert repository.list_waiting(Mark.CONFLICT)[0].id == make_id("P", 6)
    assert repository.count_predictions(PredictionFilter(conflict=False)) == 6
    page = repository.list_predictions(PredictionFilter(conflict=True), sort="score")
    assert page.records == (record(6, conflict=True),)
    repository.close()
    assert versions(home.store_path)[0] == len(STEPS)
    documents, findings = inspect_file(home.store_path, alone=True)
    assert (documents["predictions"], findings) == (7, [])
