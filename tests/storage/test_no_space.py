"""A full or failing disk: the write is refused, what was acknowledged stays, and it heals."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from backend.errors import BrushmarkError, OutOfSpace, StoreDamaged, StoreUnavailable
from backend.settings import Settings
from backend.storage import connections, maintenance, open_repository
from backend.storage.failures import translated
from backend.storage.repository import PredictionFilter
from tests.records import extras, make_id, record, review


def test_full_store(home: Settings) -> None:
    """With no page left a record is refused whole; with space again the same record goes in."""
    repository = open_repository(home)
    with repository.db.connections.using() as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + 12}")
    kept = 0

    def append_until_refused() -> None:
        nonlocal kept
        while True:
            repository.append_prediction(record(kept), extras(kept))
            kept += 1

    with pytest.raises(OutOfSpace, match="no space left"):
        append_until_refused()
    assert kept > 0
    stats = repository.stats()
    assert stats.predictions == kept == repository.count_predictions(PredictionFilter())
    assert repository.get_prediction(make_id("P", kept)) is None
    assert repository.get_prediction(make_id("P", 0)) == record(0)
    with repository.db.connections.using() as connection:
        connection.execute("PRAGMA max_page_count = 1000000")
    repository.append_prediction(record(kept), extras(kept))
    repository.append_review(review(1, record(kept)))
    repository.ready()
    repository.close()
    assert maintenance.verify(home).ok


CHILD = """
import json, resource, signal, sys
from pathlib import Path
from backend.errors import BrushmarkError
from backend.settings import Settings
from backend.storage import open_repository
from tests.records import extras, record

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then a write past the limit fails as a full disk's
repository = open_repository(Settings(home=Path(sys.argv[1])))
kept, refused, codes = [], [], set()
repository.append_prediction(record(0), extras(0))
kept.append(0)
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (900_000, hard))
for number in range(1, 400):
    try:
        repository.append_prediction(record(number), extras(number))
        kept.append(number)
    except BrushmarkError as error:
        refused.append(number)
        codes.add(error.code)
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
repository.ready()
for number in range(400, 420):
    repository.append_prediction(record(number), extras(number))
    kept.append(number)
print(json.dumps([kept, refused, sorted(codes)]))
"""


def test_disk_that_refuses_to_grow(home: Settings) -> None:
    """Where the system itself refuses to write on, nothing acknowledged is lost, and it heals."""
    assert hasattr(signal, "SIGXFSZ"), "this system has no limit on the size of files"
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(home.home)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    kept, refused, codes = json.loads(done.stdout)
    assert refused
    assert set(codes) <= {"out_of_space", "store_unavailable"}
    repository = open_repository(home)
    for number in kept:
        assert repository.get_prediction(make_id("P", number)) == record(number)
    for number in refused:
        assert repository.get_prediction(make_id("P", number)) is None
    repository.close()
    assert maintenance.verify(home).ok


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (sqlite3.SQLITE_FULL, OutOfSpace),
        (sqlite3.SQLITE_IOERR_WRITE, StoreUnavailable),
        (sqlite3.SQLITE_IOERR_READ, StoreUnavailable),
        (sqlite3.SQLITE_CORRUPT, StoreDamaged),
        (sqlite3.SQLITE_NOTADB, StoreDamaged),
        (sqlite3.SQLITE_BUSY, StoreUnavailable),
        (sqlite3.SQLITE_READONLY, StoreUnavailable),
        (sqlite3.SQLITE_CANTOPEN, StoreUnavailable),
    ],
)
def test_words_for_what_sqlite_says(tmp_path: Path, code: int, error: type[BrushmarkError]) -> None:
    """Every failure of SQLite's becomes one of the domain's, in words a person can act on."""

    def fail() -> None:
        failure = sqlite3.OperationalError("it failed")
        failure.sqlite_errorcode = code
        with translated(tmp_path / "store.sqlite3"):
            raise failure

    with pytest.raises(error) as caught:
        fail()
    assert type(caught.value) is error
    assert str(caught.value).endswith(".")


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """A home that is a file is refused with a clear line."""
    (tmp_path / "home").write_bytes(b"")
    with pytest.raises(BrushmarkError, match="cannot be used"):
        open_repository(Settings(home=tmp_path / "home"))


def test_write_lock_held_by_another(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that waits too long for another process is told that the store is busy."""
    repository, other = open_repository(home), open_repository(home)
    monkeypatch.setattr(connections, "BUSY_TIMEOUT_MS", 50)
    with repository.db.transaction(), pytest.raises(StoreUnavailable, match="busy"):
        other.put_setting("a", "b")
    other.put_setting("a", "c")
    assert repository.get_setting("a") == "c"
    repository.close()
    other.close()


def test_nearly_full_disk_is_not_ready(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk without room for pictures makes the store say that it is not ready."""
    repository = open_repository(home)
    usage = shutil.disk_usage(home.home)._replace(free=1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(OutOfSpace):
        repository.ready()
    monkeypatch.undo()
    repository.ready()
    repository.close()
