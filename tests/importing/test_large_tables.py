"""A small zip can hold a table of any length: it neither fills the memory nor comes back."""

from __future__ import annotations

import json
import multiprocessing
import os
import struct
import threading
import time
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pytest

from backend.domain import Job
from backend.errors import BadInput, BrushmarkError, TooLarge
from backend.importing import image_folder, json_array, label_studio, own_export
from backend.importing.desk import ImportDesk
from backend.importing.importer import Importer
from backend.importing.source import Source, open_source
from backend.importing.vectors import Vectors
from tests.exporting.homes import Home, drawn, open_home

MIB = 1024**2


def packed(folder: Path, **files: bytes) -> Path:
    """Write a zip of files whose names' dots are written as underscores."""
    path = folder / "packed.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ai/a.jpg", drawn(1))
        for name, data in files.items():
            archive.writestr(name.replace("_", "."), data)
    return path


def recognised(files: Source) -> list[str]:
    """Return the kinds of data set that the readers take a source for."""
    readings = (reader.recognise(files) for reader in (label_studio, image_folder))
    return [reading.kind for reading in readings if reading is not None]


def measured(path: Path) -> tuple[list[str], int]:
    """Return what recognises a source, and the most bytes that were held for it at a time."""
    with open_source(path) as files:
        tracemalloc.start()
        try:
            return recognised(files), tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()


def rows(count: int, row: str) -> bytes:
    """Return rows about pictures that are not there."""
    return "".join(f"{row % n}\n" for n in range(count)).encode()


TABLES = {
    "a list of nothing": ("x_json", b"[" + b"{}," * 500_000 + b"{}]", 4),
    # Of a list whose first value does not end, two megabytes are looked at.
    "lists in lists": ("x_json", b"[[" + b"[]," * 2_000_000 + b"[]]]", 64),
    "tasks": ("x_json", b"[" + b'{"data":0},' * 100_000 + b'{"data":0}]', 4),
    "metadata.jsonl": ("metadata_jsonl", rows(20_000, '{"file_name":"%d.jpg","label":"real"}'), 4),
    "metadata.csv": ("metadata_csv", b"file_name,label\n" + rows(20_000, "%d.jpg,real"), 4),
}


@pytest.mark.parametrize("kind", TABLES)
def test_a_long_table_takes_little_memory(tmp_path: Path, kind: str) -> None:
    """Of a table no more is held than the rows of pictures that are there."""
    name, data, most_mib = TABLES[kind]
    source = packed(tmp_path, **{name: data})
    # In a process of its own: here, threads that other tests left running allocate as well.
    with multiprocessing.get_context("spawn").Pool(1) as alone:
        found, peak = alone.apply(measured, (source,))
    assert found[-1] == "an image folder"
    assert peak < most_mib * MIB


def test_rows_of_pictures_that_are_there_count(tmp_path: Path) -> None:
    """Among rows of other pictures, the one of a picture in the zip says who made it."""
    others = rows(1000, "%d.jpg,real,x")
    table = b"file_name,label,group\n" + others + b'ai/a.jpg,real,"a\nb"\nai/a.jpg,fake,c\n'
    with open_source(packed(tmp_path, metadata_csv=table)) as files:
        reading = image_folder.recognise(files)
        assert reading is not None
        (offer,) = reading.offers(tmp_path)
    assert (offer.label, offer.credit["group"]) == ("human_made", "a b")  # type: ignore[union-attr]


def test_an_endless_row_is_refused(tmp_path: Path) -> None:
    """A row that goes on over line ends within quotes ends at a megabyte."""
    table = b"file_name,label\n" + b'"\n",' * MIB
    with open_source(packed(tmp_path, metadata_csv=table)) as files, pytest.raises(TooLarge):
        image_folder.recognise(files)


def test_too_many_tasks_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of more tasks than pictures are taken is refused."""
    monkeypatch.setattr(label_studio, "MAX_ENTRIES", 2)
    tasks = json.dumps([{"data": 0}] * 3).encode()
    with (
        open_source(packed(tmp_path, x_json=tasks)) as files,
        pytest.raises(TooLarge, match="over 2 tasks"),
    ):
        label_studio.recognise(files)


ARRAYS = {
    "nothing": "[]",
    "blanks": " \n[ ] ",
    "values": '[1, "a]", {"b": [2, {}]} , null,[ ]\n]\n',
    "a value over pieces": json.dumps(
        ["ä" * 200_000, {"x": "y" * 300_000}] * 3, ensure_ascii=False
    ),
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_an_array_is_read_as_json(tmp_path: Path, kind: str) -> None:
    """Value by value, an array is what the standard library makes of it."""
    text = ARRAYS[kind].encode("utf-8-sig")
    with open_source(packed(tmp_path, x_json=text)) as files:
        assert list(json_array.values(files, "x.json")) == json.loads(text)


@pytest.mark.parametrize(
    "text", [b"", b"{}", b"[", b"[1", b"[1,", b"[1,]", b"[1 2]", b"[1]]", b"[\xff]", b"[" * 100_000]
)
def test_what_is_no_array_is_refused(tmp_path: Path, text: bytes) -> None:
    """Anything else raises an error of its own."""
    with (
        open_source(packed(tmp_path, x_json=text)) as files,
        pytest.raises(json_array.NoArray, match="no list"),
    ):
        list(json_array.values(files, "x.json"))


def test_a_value_without_end_is_refused(tmp_path: Path) -> None:
    """A value of an array has at most about a megabyte."""
    with open_source(packed(tmp_path, x_json=b'["' + b"a" * 3 * MIB)) as files:
        with pytest.raises(TooLarge):
            list(json_array.values(files, "x.json"))
        assert label_studio.recognise(files) is None


def test_sums_of_other_files_end_the_import(tmp_path: Path) -> None:
    """SHA256SUMS of files that are not there are not collected."""
    lines = b"".join(b"0" * 64 + b"  no-%d\n" % n for n in range(60_000))
    with open_source(packed(tmp_path, SHA256SUMS=lines)) as files:
        tracemalloc.start()
        try:
            with pytest.raises(BadInput, match="do not agree on no-0"):
                own_export.check_sums(files)
            assert tracemalloc.get_traced_memory()[1] < 8 * MIB
        finally:
            tracemalloc.stop()


def test_a_header_that_lists_too_much_is_refused(tmp_path: Path) -> None:
    """The header of feature vectors has names by the million, and nothing else in number."""
    header = b'{"x":[' + b"{}," * MIB + b"{}]}"
    vectors = struct.pack("<Q", len(header)) + header
    with (
        open_source(packed(tmp_path, **{"features_safetensors": vectors})) as files,
        pytest.raises(BadInput, match="lists too much"),
    ):
        Vectors(files, tmp_path)


# ---- an import that ends the process ------------------------------------------------------------


class Deadly(Importer):
    """Ends the process as the system does when the memory is full."""

    def run(self, *_: Any) -> Any:
        os._exit(9)


class Endless(Importer):
    """Imports until it is stopped."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.begun = threading.Event()

    def run(self, path: Path, actor: str, progress: Any, called: str | None = None) -> Any:
        while True:
            self.begun.set()
            progress(0, 0, "reading")
            time.sleep(0.01)


def importer(home: Home, kind: type[Importer] = Importer) -> Any:
    return kind(home.settings, home.repository, home.images, home.service.require_judge)


def die(home_path: Path, upload: Path | None) -> None:
    """Import an upload, or go on with one, and end in the middle of it."""
    with open_home(home_path) as home:
        desk = ImportDesk(importer(home, Deadly))
        if upload is not None:
            with upload.open("rb") as file:
                desk.take(file, "tester")
        desk.recover()
        time.sleep(30)


def only(desk: ImportDesk) -> Job:
    (job,) = desk.history()
    return job


def test_an_import_that_ends_the_process_is_not_begun_a_third_time(tmp_path: Path) -> None:
    """After the second time its entry says so, and its file is gone."""
    context = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
    for upload in (packed(tmp_path), None):
        child = context.Process(target=die, args=(tmp_path / "home", upload))
        child.start()
        child.join(timeout=30)
        assert child.exitcode == 9
    with open_home(tmp_path / "home") as home:
        desk = ImportDesk(importer(home))
        desk.recover()
        desk.close()
        assert (only(desk).state, only(desk).detail[:23]) == ("failed", "The backend ended twice")
        assert list((home.settings.home / "imports").iterdir()) == []


def test_a_backend_that_stops_in_good_order_goes_on_with_an_import(tmp_path: Path) -> None:
    """However often it is restarted: only imports that ended the process are counted."""
    with open_home(tmp_path / "home") as home:
        first = importer(home, Endless)
        desk = ImportDesk(first)
        sender = threading.Thread(target=send, args=(desk, packed(tmp_path)))
        sender.start()
        assert first.begun.wait(10)
        desk.close()
        sender.join()
        for _ in range(3):
            again = importer(home, Endless)
            desk = ImportDesk(again)
            desk.recover()
            assert again.begun.wait(10)
            desk.close()
            assert only(desk).state == "running"
        desk = ImportDesk(importer(home))
        desk.recover()
        assert desk._thread is not None
        desk._thread.join(timeout=30)
        assert only(desk).state == "done"
        desk.close()
        assert only(desk).state == "done"


def send(desk: ImportDesk, path: Path) -> None:
    with path.open("rb") as file, pytest.raises(BrushmarkError):
        desk.take(file, "tester")
