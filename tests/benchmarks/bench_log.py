"""The log against stock TinyDB, side by side in one run: `make bench-log`.

Each insert is a durable commit of its own: a document of about 2.5 kB with, in our log, a
feature vector of 1 kB and a heat map beside it. Stock TinyDB gets the document alone, which
favours it. The log is filled through a bulk path to each size, and single inserts are measured
there, in turns. Prints p50 and p99 in milliseconds, and what a page of the dashboard asks for.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

from tinydb import TinyDB

from backend.domain import Context, Evidence, EvidenceStatus, Outcome, PredictionRecord, Source
from backend.storage.backup import copy_log
from backend.storage.repository import Extras, PredictionFilter
from backend.storage.tinydb_repository import TinyDBRepository
from backend.wire import record_to_document
from tests.records import EPOCH, extras, record

SIZES = (1_000, 10_000, 100_000, 200_000)
STOCK_SIZES = (1_000, 10_000, 50_000)
INSERTS = 300
STOCK_INSERTS = {1_000: 40, 10_000: 15, 50_000: 8}
TARGET_RATIO = 2.0
_BATCH = 2_000


def processor() -> str:
    """Return the processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def made(number: int) -> PredictionRecord:
    """Make a realistic record of about 2.5 kB as a document."""
    draw = random.Random(number)
    host = f"https://gallery{draw.randrange(300)}.example"
    context = Context(
        Source.PAGE_SCAN if number % 3 else Source.CONTEXT_MENU,
        f"{host}/works/{number}",
        f"{host}/media/{draw.randbytes(8).hex()}.jpg",
        f"Untitled study no. {number}, oil on canvas",
    )
    base = record(
        number,
        score=draw.betavariate(0.5, 0.6),
        at=EPOCH + timedelta(seconds=37 * number),
        client=f"browser {number % 5}",
        context=context,
    )
    evidence = tuple(
        Evidence(kind, EvidenceStatus.ABSENT, None, f"{kind}: {draw.randbytes(110).hex()}")
        for kind in ("c2pa", "exif", "xmp", "iptc", "png-text")
    )
    verdict = base.verdict
    return PredictionRecord(
        **{name: getattr(base, name) for name in base.__dataclass_fields__ if name != "verdict"},
        verdict=type(verdict)(
            verdict.outcome, verdict.prediction, evidence, verdict.basis, verdict.summary
        ),
    )


def pairs(start: int, stop: int) -> Iterator[tuple[PredictionRecord, Extras]]:
    """Yield records with what lies beside them."""
    beside = [extras(seed) for seed in range(64)]
    return ((made(number), beside[number % 64]) for number in range(start, stop))


def timed_ms(work: Callable[[], object]) -> float:
    """Return how long a call took, in milliseconds."""
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def spread(times_ms: list[float]) -> tuple[float, float]:
    """Return p50 and p99 (of few values: the largest)."""
    ordered = sorted(times_ms)
    return statistics.median(ordered), ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]


def fill(folder: Path, sizes: tuple[int, ...]) -> dict[int, TinyDBRepository]:
    """Fill a store through the bulk path and keep a copy at each size."""
    path = folder / "filling.sqlite3"
    growing = TinyDBRepository(path)
    number = 0
    for size in sizes:
        while number < size:
            stop = min(number + _BATCH, size)
            growing.append_predictions(pairs(number, stop))
            number = stop
        copy_log(path, folder / f"{size}.sqlite3")
    growing.close()
    path.unlink()
    return {size: TinyDBRepository(folder / f"{size}.sqlite3") for size in sizes}


def measure_inserts(stores: dict[int, TinyDBRepository], folder: Path) -> dict[int, float]:
    """Insert into the stores in turn, so that whatever else the disk does falls on all alike.

    Returns the median at each size, in milliseconds. A bare append of 4 kB with its fsync,
    in the same turns, shows what the disk itself takes.
    """
    times: dict[int, list[float]] = {size: [] for size in stores}
    bare: list[float] = []
    with (folder / "bare").open("wb", buffering=0) as file:
        for turn in range(INSERTS):
            bare.append(timed_ms(lambda: (file.write(b"x" * 4096), os.fsync(file.fileno()))))
            for size, store in stores.items():
                ((kept, beside),) = pairs(size + turn, size + turn + 1)
                append = partial(store.append_prediction, kept, beside)
                times[size].append(timed_ms(append))
    p50, p99 = spread(bare)
    print(f"the disk: a bare fsync of 4 kB         p50 {p50:8.2f}  p99 {p99:8.2f} ms")
    for size, each in times.items():
        p50, p99 = spread(each)
        print(f"ours          {size:>7} records: insert p50 {p50:8.2f}  p99 {p99:8.2f} ms")
    return {size: statistics.median(each) for size, each in times.items()}


def measure_ours(folder: Path, sizes: tuple[int, ...]) -> dict[int, float]:
    """Measure our log; return the median insert at each size, in milliseconds."""
    stores = fill(folder, sizes)
    medians = measure_inserts(stores, folder)
    largest = stores[max(sizes)]
    measure_reading(largest)
    for store in stores.values():
        store.close()
    size_mb = largest.path.stat().st_size / 1e6
    print(f"file of {max(sizes)} records: {size_mb:.0f} MB; {start_up(largest.path)}")
    return medians


def measure_reading(repository: TinyDBRepository) -> None:
    """Time what the dashboard's pages ask for."""
    rare = f"study no. {137_731}," if repository.stats().predictions > 137_731 else "study no. 7,"
    filters = {
        "no filter": PredictionFilter(),
        "outcome": PredictionFilter(outcome=Outcome.UNCERTAIN),
        "outcome, site, score": PredictionFilter(
            outcome=Outcome.UNCERTAIN, site="gallery7.example", min_score=0.5
        ),
        "nothing matches": PredictionFilter(outcome=Outcome.NOT_ASSESSED, client="browser 1"),
        "reviewed (none)": PredictionFilter(reviewed=True),
        "q, rare": PredictionFilter(q=rare),
        "q, common": PredictionFilter(q="oil on canvas"),
    }
    for name, where in filters.items():
        for sort in ("-created_at", "-score"):
            times = [
                timed_ms(partial(repository.list_predictions, where, sort=sort)) for _ in range(7)
            ]
            print(f"page of 50    {name:<22} by {sort:<12} p50 {statistics.median(times):7.1f} ms")
    count = statistics.median(
        timed_ms(lambda: repository.count_predictions(filters["outcome"])) for _ in range(5)
    )
    stats = statistics.median(timed_ms(repository.stats) for _ in range(20))
    print(f"count by a filter p50 {count:.1f} ms; stats p50 {stats:.2f} ms")


def start_up(path: Path) -> str:
    """Time opening the store and a first page in a fresh process."""
    script = (
        "import sys, time; from pathlib import Path; t = time.perf_counter();"
        "from backend.storage.tinydb_repository import TinyDBRepository as R;"
        "from backend.storage.repository import PredictionFilter as F;"
        "i = time.perf_counter(); r = R(Path(sys.argv[1])); r.stats(); r.list_predictions(F());"
        "print(f'{i - t:.2f} s of imports, {(time.perf_counter() - i) * 1000:.0f} ms')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True
    )
    return f"start-up, first page and stats in a fresh process: {done.stdout.strip()}"


def measure_stock(folder: Path, sizes: tuple[int, ...]) -> dict[int, float]:
    """Fill and measure stock TinyDB; return the median insert at each size, in milliseconds."""
    medians = {}
    for size in sizes:
        with TinyDB(folder / f"{size}.json") as db:
            table = db.table("predictions")
            table.insert_multiple(record_to_document(made(number)) for number in range(size))
            times = [
                timed_ms(partial(table.insert, record_to_document(made(size + i))))
                for i in range(STOCK_INSERTS[size])
            ]
        medians[size], p99 = spread(times)
        print(
            f"stock TinyDB  {size:>7} records: insert p50 {medians[size]:8.2f}  p99 {p99:8.2f} ms"
        )
    return medians


def main() -> None:
    """Run both and print the ratios; exit 1 where inserts slow down by more than the target."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="up to 10,000 records only")
    quick = parser.parse_args().quick
    print(f"processor: {processor()}, Python {platform.python_version()}")
    size = len(str(record_to_document(made(1))))
    print(f"documents of about {size} characters, each insert its own durable commit")
    with tempfile.TemporaryDirectory() as folder:
        ours = measure_ours(Path(folder), SIZES[:2] if quick else SIZES)
        stock = measure_stock(Path(folder), STOCK_SIZES[:2] if quick else STOCK_SIZES)
    for shared in sorted(ours.keys() & stock.keys()):
        print(f"at {shared} records ours is {stock[shared] / ours[shared]:.0f} times faster")
    least, most = min(ours), max(ours)
    if 50_000 in stock:
        ratio = stock[50_000] / ours[most]
        print(f"ours at {most} is {ratio:.0f} times faster than stock at 50000")
    growth = ours[most] / ours[least]
    print(f"ratio of inserts, {most} to {least}: {growth:.2f} (target: at most {TARGET_RATIO})")
    sys.exit(growth > TARGET_RATIO)


if __name__ == "__main__":
    main()
