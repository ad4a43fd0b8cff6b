"""Verify, compact, back up, restore and import: whole, or not at all, and said clearly."""

from __future__ import annotations

import json
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from tinydb import TinyDB

from backend.domain import Context, Source
from backend.errors import (
    AlreadyRunning,
    BadInput,
    BrushmarkError,
    Conflict,
    NotFound,
    OutOfSpace,
    StoreDamaged,
)
from backend.settings import Settings
from backend.storage import backup as backup_module
from backend.storage import maintenance, open_repository
from backend.wire import record_to_document
from tests.records import EPOCH, extras, make_id, record, review
from tests.storage.reading import read_everything


def everything(settings: Settings) -> dict[str, Any]:
    """Return all that a home's store says."""
    return read_everything(settings.store_path, settings.images_path)


def test_verify_counts_what_is_there(filled: Settings) -> None:
    """A whole store verifies, and the report says how much was looked at."""
    report = maintenance.verify(filled)
    assert report.ok
    assert (report.documents["predictions"], report.documents["notes"]) == (40, 1)
    assert report.pictures == 5
    assert report.lines()[1] == "All of it is as it was written."


def test_nothing_to_work_on(home: Settings, tmp_path: Path) -> None:
    """Without a store there is a clear error, and none is made."""
    for work in (maintenance.verify, maintenance.compact):
        with pytest.raises(NotFound, match="no store"):
            work(home)
    with pytest.raises(NotFound, match="no store"):
        maintenance.backup(home, tmp_path / "b")
    assert not home.home.exists()


def test_compact_gives_space_back(filled: Settings) -> None:
    """After many deletions compact makes the file smaller and changes nothing that is read."""
    repository = open_repository(filled)
    repository.append_predictions((record(n), extras(n)) for n in range(100, 400))
    for number in range(100, 400):
        repository.predictions.remove(doc_ids=[number - 59])
    repository.close()
    maintenance.compact(filled)  # the rows went by another hand, so the counters were off
    before = everything(filled)
    report = maintenance.compact(filled)
    assert report.after_bytes <= report.before_bytes
    assert everything(filled) == before
    assert maintenance.verify(filled).ok


def test_backup_and_restore_are_identical(filled: Settings, tmp_path: Path) -> None:
    """What comes back from a backup is all that was there, file by file and call by call."""
    before = everything(filled)
    report = maintenance.backup(filled, tmp_path / "b1")
    assert (report.predictions, report.pictures) == (40, 5)
    restored = Settings(home=tmp_path / "other")
    back = maintenance.restore(restored, tmp_path / "b1")
    assert (back.predictions, back.pictures, back.aside) == (40, 5, None)
    assert everything(restored) == before
    maintenance.backup(restored, tmp_path / "b2")
    manifests = [json.loads((tmp_path / b / "manifest.json").read_text()) for b in ("b1", "b2")]
    pictures = [{k: v for k, v in m["files"].items() if "images" in k} for m in manifests]
    assert pictures[0] == pictures[1]
    dumps = []
    for each in ("b1", "b2"):
        with closing(sqlite3.connect(tmp_path / each / "store.sqlite3")) as connection:
            dumps.append(list(connection.iterdump()))
    assert dumps[0] == dumps[1]


def test_backup_is_private_and_alone(filled: Settings, tmp_path: Path) -> None:
    """A backup is the owner's alone, is one file beside pictures, and leaves no half folder."""
    maintenance.backup(filled, tmp_path / "b")
    files = sorted(p.name for p in (tmp_path / "b").iterdir())
    assert files == ["images", "manifest.json", "store.sqlite3"]
    for path in [tmp_path / "b", *(tmp_path / "b").rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b", "home"]


def test_backup_takes_what_is_in_the_log(home: Settings, tmp_path: Path) -> None:
    """Records that still lie in the write-ahead log of a running backend are in the backup."""
    repository = open_repository(home)
    repository.append_prediction(record(1), extras(1))
    maintenance.backup(home, tmp_path / "b")
    repository.append_prediction(record(2), extras(2))
    restored = Settings(home=tmp_path / "other")
    maintenance.restore(restored, tmp_path / "b")
    again = open_repository(restored)
    assert again.get_prediction(make_id("P", 1)) == record(1)
    assert again.get_prediction(make_id("P", 2)) is None
    again.close()
    repository.close()


def test_backup_overwrites_nothing(filled: Settings, tmp_path: Path) -> None:
    """A target that exists is refused and stays as it is."""
    target = tmp_path / "b"
    target.mkdir()
    with pytest.raises(Conflict, match="exists already"):
        maintenance.backup(filled, target)
    assert list(target.iterdir()) == []


def test_damaged_log_is_not_backed_up(filled: Settings, tmp_path: Path) -> None:
    """A log with a damaged row gives no backup, and says where the damage is."""
    data = filled.store_path.read_bytes()
    filled.store_path.write_bytes(data.replace(b'"Title 11"', b'"Tital 11"', 1))
    with pytest.raises(StoreDamaged, match="predictions row 12"):
        maintenance.backup(filled, tmp_path / "b")
    assert [p.name for p in tmp_path.iterdir()] == ["home"]


def test_damaged_picture_is_left_out_of_a_backup(filled: Settings, tmp_path: Path) -> None:
    """One damaged picture does not keep the rest from being backed up, and is named."""
    path = next(p for p in filled.images_path.rglob("*") if p.is_file())
    path.write_bytes(b"other")
    report = maintenance.backup(filled, tmp_path / "b")
    assert (report.pictures, report.damaged) == (4, (path.name,))
    assert path.name in report.lines()[1]
    restored = Settings(home=tmp_path / "other")
    assert maintenance.restore(restored, tmp_path / "b").pictures == 4


def test_failed_backup_leaves_nothing(
    filled: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup that runs out of space midway leaves no folder behind."""

    def fail(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backup_module, "_write", fail)
    with pytest.raises(OutOfSpace):
        maintenance.backup(filled, tmp_path / "b")
    assert [p.name for p in tmp_path.iterdir()] == ["home"]


def test_restore_keeps_the_old_store_aside(filled: Settings, tmp_path: Path) -> None:
    """What is restored over is kept in a folder of the home, pictures too."""
    maintenance.backup(filled, tmp_path / "b")
    before = everything(filled)
    repository = open_repository(filled)
    repository.append_prediction(record(77), extras(77))
    repository.close()
    changed = everything(filled)
    report = maintenance.restore(filled, tmp_path / "b")
    assert everything(filled) == before
    assert report.aside is not None
    assert str(report.aside) in report.lines()[1]
    old = read_everything(report.aside / "store.sqlite3", report.aside / "images")
    assert {k: v for k, v in old.items() if k != "pictures"} == {
        k: v for k, v in changed.items() if k != "pictures"
    }


def test_restore_over_a_damaged_store(filled: Settings, tmp_path: Path) -> None:
    """A store too damaged to open is replaced, with its remains kept aside."""
    maintenance.backup(filled, tmp_path / "b")
    before = everything(filled)
    filled.store_path.write_bytes(b"\xff" * 10_000)
    filled.store_path.with_name("store.sqlite3-wal").write_bytes(b"\xee" * 10_000)
    report = maintenance.restore(filled, tmp_path / "b")
    assert everything(filled) == before
    assert maintenance.verify(filled).ok
    assert report.aside is not None
    assert (report.aside / "store.sqlite3").read_bytes() == b"\xff" * 10_000


def test_restore_leaves_no_log_of_the_old_store(filled: Settings, tmp_path: Path) -> None:
    """A log beside a store that could not be opened is not applied to the restored one."""
    maintenance.backup(filled, tmp_path / "b")
    before = everything(filled)
    repository = open_repository(filled)
    for number in range(100, 130):
        repository.append_prediction(record(number), extras(number))
    log = filled.store_path.with_name("store.sqlite3-wal")
    kept = log.read_bytes()
    repository.close()
    filled.store_path.write_bytes(b"\xff" * 10_000)
    log.write_bytes(kept)
    aside = maintenance.restore(filled, tmp_path / "b").aside
    assert everything(filled) == before
    assert aside is not None
    assert (aside / log.name).read_bytes() == kept


def test_restore_waits_for_commands_and_jobs(filled: Settings, tmp_path: Path) -> None:
    """A process that has the store open would go on writing to the one that is set aside."""
    maintenance.backup(filled, tmp_path / "b")
    before = everything(filled)
    program = (
        "import sys; from pathlib import Path; from backend.settings import Settings;"
        "from backend.storage import open_repository;"
        "opened = open_repository(Settings(home=Path(sys.argv[1])));"
        "opened.stats(); print('open', flush=True); sys.stdin.read(); opened.close()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(filled.home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(AlreadyRunning, match="command or a job"):
            maintenance.restore(filled, tmp_path / "b")
        other.stdin.close()
    assert everything(filled) == before
    assert maintenance.restore(filled, tmp_path / "b").aside is not None


def test_restore_wants_the_home_to_itself(filled: Settings, tmp_path: Path) -> None:
    """While a backend holds the home nothing is restored."""
    maintenance.backup(filled, tmp_path / "b")
    before = everything(filled)
    with (
        FileLock(filled.home / "backend.lock"),
        pytest.raises(AlreadyRunning, match="Stop it"),
    ):
        maintenance.restore(filled, tmp_path / "b")
    assert everything(filled) == before


def _damage_store(folder: Path) -> None:
    path = folder / "store.sqlite3"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _change_what_nothing_reads(folder: Path) -> None:
    path = folder / "store.sqlite3"
    data = bytearray(path.read_bytes())
    data[80] ^= 1  # reserved by SQLite for later use
    path.write_bytes(data)


def _damage_picture(folder: Path) -> None:
    next(p for p in (folder / "images").rglob("*") if p.is_file()).write_bytes(b"?")


def _drop_picture(folder: Path) -> None:
    next(p for p in (folder / "images").rglob("*") if p.is_file()).unlink()


def _add_file(folder: Path) -> None:
    (folder / "extra").write_bytes(b"?")


def _no_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def _broken_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text("[]")


def _later_format(folder: Path) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 2}))


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (_damage_store, StoreDamaged),
        (_change_what_nothing_reads, StoreDamaged),
        (_damage_picture, StoreDamaged),
        (_drop_picture, StoreDamaged),
        (_add_file, StoreDamaged),
        (_no_manifest, NotFound),
        (_broken_manifest, BadInput),
        (_later_format, BadInput),
    ],
)
def test_spoilt_backup_is_refused(
    filled: Settings, tmp_path: Path, spoil: Any, error: type[BrushmarkError]
) -> None:
    """A backup that is not whole is refused before anything is touched."""
    maintenance.backup(filled, tmp_path / "b")
    before = everything(filled)
    spoil(tmp_path / "b")
    with pytest.raises(error):
        maintenance.restore(filled, tmp_path / "b")
    assert everything(filled) == before
    assert not list(filled.home.glob("before-restore*"))


# ---- import -----------------------------------------------------------------------------


def write_tinydb(path: Path, **tables: list[Any]) -> Path:
    """Write a file with TinyDB itself."""
    with TinyDB(path) as db:
        for name, documents in tables.items():
            db.table(name).insert_multiple(documents)
    return path


def test_import_of_a_tinydb_file(home: Settings, tmp_path: Path) -> None:
    """Records go into the log, other tables are kept, and a second import changes nothing."""
    source = write_tinydb(
        tmp_path / "old.json",
        _default=[record_to_document(record(1)), {"my": "note"}],
        predictions=[record_to_document(record(2)), record_to_document(record(3, score=None))],
        gallery=[{"name": "x"}, {"name": "y"}],
    )
    report = maintenance.import_tinydb(home, source)
    assert (report.records, report.already, report.problems) == (3, 0, ())
    assert dict(report.documents) == {"_default": 1, "gallery": 2}
    repository = open_repository(home)
    assert repository.get_prediction(make_id("P", 3)) == record(3, score=None)
    assert repository.db.table("gallery").all() == [{"name": "x"}, {"name": "y"}]
    repository.append_review(review(1, record(2)))
    before = repository.stats()
    again = maintenance.import_tinydb(home, source)
    assert (again.records, again.already, again.problems) == (0, 6, ())
    assert repository.stats() == before
    repository.close()
    assert maintenance.verify(home).ok


@pytest.mark.parametrize("keeps", [False, True])
def test_import_keeps_what_the_settings_keep(home: Settings, tmp_path: Path, keeps: bool) -> None:
    """Addresses, titles and prompts come in only where checks would log them, queries never."""
    document = record_to_document(record(1))
    document["context"] |= {
        "page_url": "https://me:pw@forum.example/thread?token=1",
        "image_url": "https://cdn.example/a.jpg#x",
        "page_title": "A thread",
    }
    document["evidence"] = [
        {
            "kind": "generator",
            "status": "declared",
            "label": None,
            "detail": "AUTOMATIC1111",
            "prompt": "a lighthouse",
        }
    ]
    source = write_tinydb(tmp_path / "old.json", predictions=[document])
    settings = replace(home, keep_addresses=keeps, keep_prompts=keeps)
    assert maintenance.import_tinydb(settings, source).records == 1
    repository = open_repository(settings)
    kept = repository.get_prediction(make_id("P", 1))
    repository.close()
    assert kept is not None
    (finding,) = kept.verdict.evidence
    found = (kept.context.page_url, kept.context.image_url, kept.context.page_title, finding.prompt)
    wanted = (
        "https://forum.example/thread",
        "https://cdn.example/a.jpg",
        "A thread",
        "a lighthouse",
    )
    assert found == (wanted if keeps else (None,) * 4)
    assert (b"lighthouse" in home.store_path.read_bytes()) == keeps


def test_a_record_that_is_refused_leaves_nothing(home: Settings, tmp_path: Path) -> None:
    """Refused half-way, after its row was written, it is neither in the log nor in its counters."""
    broken = record_to_document(record(2))
    broken["context"]["page_title"] = 7
    source = write_tinydb(
        tmp_path / "old.json", predictions=[record_to_document(record(1)), broken]
    )
    report = maintenance.import_tinydb(replace(home, keep_addresses=True), source)
    assert (report.records, len(report.problems)) == (1, 1)
    repository = open_repository(home)
    assert repository.get_prediction(make_id("P", 2)) is None
    assert repository.stats().predictions == 1
    repository.close()
    assert maintenance.verify(home).ok


def test_what_cannot_be_imported_is_named(home: Settings, tmp_path: Path) -> None:
    """Every document that is not taken in is reported with its table and place."""
    good = record_to_document(record(1))
    source = write_tinydb(
        tmp_path / "old.json",
        predictions=[
            good,
            {},
            good | {"probabilities": {"ai_generated": 7}},
            good | {"id": make_id("P", 5), "image": None},
            good | {"client": "another"},
            good | {"id": 5, "outcome": "maybe"},
        ],
        tokens=[{"digest": "mine"}],
    )
    tables = json.loads(source.read_text())
    tables["gallery"] = {"1": {"n": 1}, "x": {"n": 2}, "3": [1]}
    tables["broken"] = [1, 2]
    source.write_text(json.dumps(tables))
    report = maintenance.import_tinydb(home, source)
    assert report.records == 1
    assert [(p.table, p.position) for p in report.problems] == [
        *(("predictions", str(n)) for n in (2, 3, 4, 5, 6)),
        ("tokens", "1"),
        ("gallery", "x"),
        ("gallery", "3"),
        ("broken", "all"),
    ]
    assert sum("NOT imported" in line for line in report.lines()) == 9
    repository = open_repository(home)
    assert (repository.stats().predictions, repository.list_tokens()) == (1, ())
    repository.close()
    assert maintenance.verify(home).ok


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"\xff\xfe", b'{"a": 1', b"[" * 100_000, b"null"]
)
def test_no_tinydb_file(home: Settings, tmp_path: Path, content: bytes) -> None:
    """A file of another kind is bad input, and no store is made for it."""
    source = tmp_path / "old.json"
    source.write_bytes(content)
    with pytest.raises(BadInput, match=r"old\.json"):
        maintenance.import_tinydb(home, source)
    with pytest.raises(NotFound):
        maintenance.import_tinydb(home, tmp_path / "none.json")
    with pytest.raises(BadInput):
        maintenance.import_tinydb(home, tmp_path)
    assert not home.store_path.exists()


# ---- erasure and modes ------------------------------------------------------------------


def test_deleted_means_gone_from_the_disk(home: Settings) -> None:
    """After deletion and expiry no byte of a title or an address is left in the home."""
    repository = open_repository(home)
    for number in range(300):
        # Of very different lengths, so that SQLite moves rows from page to page.
        title = f"Sekret{number} " * (1 + number * 37 % 90)
        context = Context(Source.PAGE_SCAN, f"https://hidden{number}.example/x", None, title)
        repository.append_prediction(record(number, context=context), extras(number))

    def on_disk(*words: bytes) -> list[tuple[str, bytes]]:
        files = [path for path in home.home.rglob("*") if path.is_file()]
        return [(p.name, word) for p in files for word in words if word in p.read_bytes()]

    for number in range(0, 300, 2):
        repository.delete_prediction(make_id("P", number))
    assert on_disk(b"ekret100 ", b"hidden100.", b"ekret298 ") == []
    assert on_disk(b"ekret101 ", b"hidden101.")
    while repository.expire_unreviewed(EPOCH + timedelta(days=1)):
        pass
    assert on_disk(b"ekret", b"hidden") == []
    assert repository.stats().predictions == 150
    repository.close()


def test_private_file(home: Settings) -> None:
    """The file and what SQLite puts beside it are the owner's alone."""
    repository = open_repository(home)
    repository.append_prediction(record(1), extras(1))
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in home.home.iterdir()}
    repository.close()
    assert modes == {
        "store.sqlite3": 0o600,
        "store.sqlite3-wal": 0o600,
        "store.sqlite3-shm": 0o600,
    }


def test_durable_settings(home: Settings) -> None:
    """Every connection syncs each commit, overwrites what it deletes, and logs ahead."""
    repository = open_repository(home)
    with repository.db.connections.using() as connection:
        values = {
            name: connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "secure_delete", "foreign_keys")
        }
    repository.close()
    assert values == {
        "journal_mode": "wal",
        "synchronous": 2,
        "secure_delete": 1,
        "foreign_keys": 1,
    }
