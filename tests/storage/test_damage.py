"""Damage anywhere is found and reported; what is whole can still be read, or restored."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from backend.errors import StoreDamaged, StoreUnavailable
from backend.settings import Settings
from backend.storage import maintenance, open_repository
from backend.storage.repository import PredictionFilter
from backend.storage.tinydb_repository import TinyDBRepository
from tests.records import digest, extras, make_id, record, review
from tests.storage.conftest import fill
from tests.storage.reading import read_everything
from tests.storage.scale import scaled

FLIPS = scaled(100, 5000)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A filled home that no test changes."""
    settings = Settings(home=tmp_path_factory.mktemp("whole") / "home")
    fill(settings)
    return settings


def flipped(whole: Settings, folder: Path, offset: int, bit: int) -> Settings:
    """Return a copy of a home with one bit of the log's file turned."""
    data = bytearray(whole.store_path.read_bytes())
    data[offset] ^= 1 << bit
    folder.mkdir()
    settings = Settings(home=folder, images=whole.images_path)
    settings.store_path.write_bytes(data)
    return settings


def offsets(size: int, count: int, seed: int) -> list[tuple[int, int]]:
    """Draw bits of the first page, of the heads of pages, and of anywhere."""
    draw = random.Random(seed)
    pages = size // 4096
    places = [draw.randrange(100) for _ in range(count // 5)]
    places += [draw.randrange(pages) * 4096 + draw.randrange(24) for _ in range(count // 4)]
    places += [draw.randrange(size) for _ in range(count - len(places))]
    return [(place, draw.randrange(8)) for place in places]


def test_no_flip_goes_unnoticed(whole: Settings, tmp_path: Path) -> None:
    """A turned bit is reported by verify, or lies where nothing is and changes nothing read."""
    before = read_everything(whole.store_path, whole.images_path)
    size = whole.store_path.stat().st_size
    reported = 0
    for number, (offset, bit) in enumerate(offsets(size, FLIPS, seed=7)):
        damaged = flipped(whole, tmp_path / str(number), offset, bit)
        report = maintenance.verify(damaged)
        after = read_everything(damaged.store_path, damaged.images_path)
        reported += not report.ok
        assert not report.ok or after == before, f"byte {offset}, bit {bit} went unnoticed"
        shutil.rmtree(damaged.home)
    assert reported > FLIPS // 3


def test_damaged_row_is_contained(filled: Settings) -> None:
    """One damaged record is an error when asked for, is passed over in lists, and is named."""
    target = make_id("P", 11)
    data = filled.store_path.read_bytes()
    place = data.index(b'"Title 11"')
    filled.store_path.write_bytes(data[:place] + b'"Tital 11"' + data[place + 10 :])
    repository = open_repository(filled)
    with pytest.raises(StoreDamaged, match=r"Row 12 of predictions.*verify"):
        repository.get_prediction(target)
    listed = repository.list_predictions(PredictionFilter(), limit=200).records
    assert len(listed) == 39
    assert repository.get_prediction(make_id("P", 12)) is not None
    repository.append_prediction(record(99), extras(99))
    repository.close()
    report = maintenance.verify(filled)
    assert ("predictions row 12", "its bytes are not those that were written") in [
        (f.where, f.what) for f in report.findings
    ]
    assert report.documents["predictions"] == 41
    assert any("predictions row 12" in line for line in report.lines())


def test_damaged_row_can_be_deleted(filled: Settings) -> None:
    """Deleting a damaged record takes it out of every count, and the store verifies again."""
    data = filled.store_path.read_bytes()
    place = data.index(b'"Title 11"')
    filled.store_path.write_bytes(data[:place] + b'"Tital 11"' + data[place + 10 :])
    repository = open_repository(filled)
    repository.delete_prediction(make_id("P", 11))
    assert repository.stats().predictions == 39
    repository.close()
    assert maintenance.verify(filled).ok


def test_page_with_damaged_record_goes_on(filled: Settings) -> None:
    """The cursor of a page leads past a damaged record at its end."""
    data = filled.store_path.read_bytes()
    place = data.index(b'"Title 30"')
    filled.store_path.write_bytes(data[:place] + b'"Tital 30"' + data[place + 10 :])
    repository = open_repository(filled)
    seen, cursor = 0, None
    while True:
        page = repository.list_predictions(PredictionFilter(), limit=10, cursor=cursor)
        seen += len(page.records)
        cursor = page.next_cursor
        if cursor is None:
            break
    repository.close()
    assert seen == 39


@pytest.mark.parametrize(
    "content", [b"", b"no database" * 1000, b"SQLite format 3\0" + b"\xff" * 5000]
)
def test_foreign_file(home: Settings, content: bytes) -> None:
    """A file of other content is called damaged, and left as it is; an empty one is filled."""
    home.prepare_home()
    home.store_path.write_bytes(content)
    if content:
        with pytest.raises(StoreDamaged):
            open_repository(home)
        assert not maintenance.verify(home).ok
        assert home.store_path.read_bytes() == content
    else:
        open_repository(home).close()
        assert maintenance.verify(home).ok


def test_foreign_database(home: Settings) -> None:
    """A SQLite file of another program is refused and not touched."""
    home.prepare_home()
    with closing(sqlite3.connect(home.store_path)) as connection:
        connection.execute("CREATE TABLE theirs (a)")
        connection.commit()
    with pytest.raises(StoreDamaged, match="no store of Brushmark's"):
        open_repository(home)
    with closing(sqlite3.connect(home.store_path)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_schema").fetchall()
    assert tables == [("theirs",)]


def test_damaged_picture(filled: Settings) -> None:
    """A kept picture whose bytes changed is named by verify."""
    path = next(p for p in filled.images_path.rglob("*") if p.is_file())
    path.write_bytes(b"other")
    report = maintenance.verify(filled)
    assert [f.where for f in report.findings] == [f"picture {path.name}"]


@pytest.mark.parametrize(
    ("sql", "where"),
    [
        ("UPDATE counters SET value = value + 1 WHERE name = 'outcome'", "counter outcome"),
        ("DELETE FROM searchable WHERE doc_id = 5", "predictions row 5"),
        ("DELETE FROM extras WHERE doc_id = 5", "predictions row 5"),
        ("UPDATE extras SET features = zeroblob(1024) WHERE doc_id = 5", "extras row 5"),
        ("UPDATE daily SET value = value + 1 WHERE fact = 'format'", "daily"),
        ("UPDATE reviewed SET label = 'human_made' WHERE label = 'ai_generated'", "reviewed"),
        ("INSERT INTO findings VALUES ('c2pa', 'verified', 5)", "findings"),
        ("DELETE FROM predictions WHERE doc_id = 5", "counter"),
        ("UPDATE predictions SET doc_id = 500 WHERE doc_id = 40", "predictions row 500"),
        ("CREATE TABLE theirs (a)", "schema"),
        ("DROP INDEX predictions_score", "schema"),
        ("PRAGMA user_version = 7", "schema"),
    ],
)
def test_what_sqlite_cannot_know(filled: Settings, sql: str, where: str) -> None:
    """Changes by another hand that leave SQLite's structure whole are found too."""
    with closing(sqlite3.connect(filled.store_path)) as connection:
        connection.execute(sql)
        connection.commit()
    assert any(f.where.startswith(where) for f in maintenance.verify(filled).findings)


def test_text_that_is_none_does_not_hide_the_other_rows(filled: Settings) -> None:
    """A reviewed row with damaged text is read beside the sound ones, and found by verify."""
    repository = open_repository(filled)
    sound = repository.reviewed()
    repository.close()
    with closing(sqlite3.connect(filled.store_path)) as connection:
        connection.execute(
            "UPDATE reviewed SET site = CAST(x'ff' AS TEXT) WHERE id = ?", (sound[0].id,)
        )
        connection.commit()
    repository = open_repository(filled)
    assert repository.reviewed() == (sound[0]._replace(site="\udcff"), *sound[1:])
    repository.close()
    assert [f.where for f in maintenance.verify(filled).findings] == ["reviewed"]


def test_compact_mends_what_is_derived(filled: Settings) -> None:
    """Counts, reviewed rows and findings that are off are derived anew by compact."""
    with closing(sqlite3.connect(filled.store_path)) as connection:
        connection.execute("DELETE FROM counters WHERE name = 'outcome'")
        connection.execute("DELETE FROM daily WHERE fact = 'site'")
        connection.execute("UPDATE reviewed SET score = 0.5")
        connection.execute("INSERT INTO findings VALUES ('c2pa', 'verified', 5)")
        connection.commit()
    assert not maintenance.verify(filled).ok
    maintenance.compact(filled)
    assert maintenance.verify(filled).ok


def test_newer_store_is_left_alone(filled: Settings) -> None:
    """A store of a later version is refused with what to do about it."""
    with closing(sqlite3.connect(filled.store_path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreUnavailable, match="newer Brushmark"):
        open_repository(filled)


def test_log_torn_at_its_end(home: Settings, tmp_path: Path) -> None:
    """A write-ahead log with garbage at its end, as a crash leaves it, loses nothing committed."""
    repository = open_repository(home)
    for i in range(5):
        repository.append_prediction(record(i), extras(i))
    repository.append_review(review(1, record(1)))
    copy = tmp_path / "copy.sqlite3"
    shutil.copyfile(home.store_path, copy)
    log = home.store_path.with_name(home.store_path.name + "-wal").read_bytes()
    copy.with_name("copy.sqlite3-wal").write_bytes(log + b"\xa5" * 3000)
    repository.close()
    torn = TinyDBRepository(copy)
    assert torn.stats().predictions == 5
    assert len(torn.reviews_of(digest(1))) == 1
    assert torn.get_setting("none") is None
    torn.close()
