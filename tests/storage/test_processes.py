"""Many threads and several processes at once on one store."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from backend.settings import Settings
from backend.storage import maintenance, open_repository
from backend.storage.repository import PredictionFilter
from tests.records import extras, record, review
from tests.storage.scale import scaled

WRITERS = 32
WRITES = scaled(15, 1000)


def together(*work: Callable[[], None]) -> None:
    """Run functions in threads and raise the first error of any."""
    failures: list[BaseException] = []

    def guarded(function: Callable[[], None]) -> None:
        try:
            function()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(function,)) for function in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def test_32_threads(home: Settings) -> None:
    """Of 32 threads that write at once every record is there, once, and is counted."""
    repository = open_repository(home)

    def writer(first: int) -> Callable[[], None]:
        def write() -> None:
            for number in range(first, first + WRITES):
                repository.append_prediction(record(number), extras(number))

        return write

    together(*(writer(n * WRITES) for n in range(WRITERS)))
    total = WRITERS * WRITES
    with repository.db.connections.using() as connection:
        (rows, names) = connection.execute(
            "SELECT count(*), count(DISTINCT id) FROM predictions"
        ).fetchone()
    assert (rows, names, repository.stats().predictions) == (total, total, total)
    repository.close()
    assert maintenance.verify(home).ok


def test_threads_that_end_leave_no_connection(home: Settings) -> None:
    """A thread's connection is closed when the thread ends."""
    repository = open_repository(home)
    for _ in range(20):
        together(lambda: repository.put_setting("a", "b"))
    assert len(repository.db.connections) == 1
    repository.close()


def write_elsewhere(home: Path, first: int, count: int) -> None:
    """Append records and reviews from a process of its own."""
    repository = open_repository(Settings(home=home))
    for number in range(first, first + count):
        repository.append_prediction(record(number, picture=0), extras(number))
        repository.append_review(review(number, record(number, picture=0)))
    repository.close()


def test_processes_write_at_once(home: Settings) -> None:
    """Processes that open one new home at the same moment share it and lose nothing."""
    context = multiprocessing.get_context("spawn")
    count = scaled(12, 300)
    children = [
        context.Process(target=write_elsewhere, args=(home.home, n * count, count))
        for n in range(3)
    ]
    for child in children:
        child.start()
    write_elsewhere(home.home, 3 * count, count)
    for child in children:
        child.join()
        assert child.exitcode == 0
        child.close()
    repository = open_repository(home)
    stats = repository.stats()
    assert (stats.predictions, stats.reviewed) == (4 * count, 1)
    assert repository.count_predictions(PredictionFilter(reviewed=True)) == 4 * count
    repository.close()
    assert maintenance.verify(home).ok


def test_maintenance_beside_writers(home: Settings, tmp_path: Path) -> None:
    """Verify, compact and backup run while another thread writes; each backup is whole."""
    repository = open_repository(home)
    done = threading.Event()
    numbers = iter(range(10**6))

    def write() -> None:
        while not done.is_set():
            number = next(numbers)
            repository.append_prediction(record(number), extras(number))

    def maintain() -> None:
        try:
            for turn in range(scaled(3, 30)):
                assert maintenance.verify(home).ok
                maintenance.compact(home)
                maintenance.backup(home, tmp_path / f"b{turn}")
                maintenance.restore(Settings(home=tmp_path / f"h{turn}"), tmp_path / f"b{turn}")
                assert maintenance.verify(Settings(home=tmp_path / f"h{turn}")).ok
        finally:
            done.set()

    together(write, maintain)
    assert repository.stats().predictions == next(numbers)
    repository.close()


FORK = """
import os, sys
from pathlib import Path
from backend.errors import StoreUnavailable
from backend.settings import Settings
from backend.storage import open_repository

repository = open_repository(Settings(home=Path(sys.argv[1])))
repository.put_setting("before", "parent")
pid = os.fork()
if pid == 0:
    try:
        repository.put_setting("child", "was here")
    except StoreUnavailable as error:
        repository.close()
        del repository
        os._exit(0 if "fork" in str(error) else 2)
    os._exit(1)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
repository.put_setting("after", "parent")
assert repository.get_setting("child") is None
repository.close()
"""


def test_store_is_not_carried_through_a_fork(home: Settings) -> None:
    """A forked child is refused its parent's store, and the parent goes on undisturbed."""
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORK, str(home.home)],
        cwd=Path(__file__).parents[2],
        check=True,
        timeout=60,
    )
    assert maintenance.verify(home).ok
