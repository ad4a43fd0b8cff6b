"""Working folders: one at a time in each, and clearing one never trips whoever takes it next."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from backend.storage.workfolder import InUse, clear, held


def test_a_folder_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    """A second holder is told so at once, and has the folder when the first is done."""
    folder = tmp_path / "deep" / "work"
    with held(folder):
        (folder / "part").write_text("x")
        with pytest.raises(InUse), held(folder):
            raise AssertionError("two hold it")
    with held(folder):
        assert (folder / "part").read_text() == "x"  # kept: only clear() removes


def test_takers_and_clearers_never_trip_each_other(tmp_path: Path) -> None:
    """While others clear the same folder without pause, whoever holds it keeps what it writes."""
    folder = tmp_path / "work"
    wrong: list[BaseException] = []
    stop = threading.Event()

    def sweep() -> None:
        while not stop.is_set():
            try:
                with held(folder):
                    clear(folder)
            except InUse:
                continue
            except BaseException as error:
                wrong.append(error)
                return

    sweepers = [threading.Thread(target=sweep) for _ in range(2)]
    for thread in sweepers:
        thread.start()
    written = 0
    try:
        while written < 300 and not wrong:
            try:
                with held(folder):
                    part = folder / "part"
                    part.write_text(str(written))
                    assert part.read_text() == str(written)
                    clear(folder)
                written += 1
            except InUse:
                continue
    finally:
        stop.set()
        for thread in sweepers:
            thread.join()
    assert not wrong
    assert written == 300


def test_a_file_in_the_folder_s_place_is_an_error_and_no_wait(tmp_path: Path) -> None:
    """Where a file has the folder's name, the system's own error comes out."""
    (tmp_path / "work").write_text("not a folder")
    with pytest.raises(FileExistsError), held(tmp_path / "work"):
        pass
