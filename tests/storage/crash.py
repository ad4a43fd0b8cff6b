"""Kill a writer at random moments, and see that nothing it acknowledged is lost.

`python -m tests.storage.crash 1000` runs a thousand points and prints the totals. A child
process writes and sends a line for each thing begun and each thing that a method returned
from; it is killed (SIGKILL) at a moment drawn at random; then the store must open, verify, and
hold everything acknowledged. A kill takes the process, not the machine: what the disk does at
a power cut rests on fsync, which is SQLite's `synchronous=FULL`.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path

from backend.settings import Settings
from backend.storage import maintenance, open_repository
from backend.storage.images import ImageStore
from backend.storage.repository import PredictionFilter
from backend.storage.schema import STEPS
from backend.storage.tinydb_repository import TinyDBRepository
from tests.records import EPOCH, extras, make_id, record, review
from tests.storage.migrating import MORE_STEPS

KINDS = ("insert", "review", "checkpoint", "backup", "migration", "picture")
# "forkserver" starts a child in milliseconds and lets it inherit no open file of ours.
CONTEXT = multiprocessing.get_context(
    "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
)
POINTS_PER_HOME = 25
LONGEST_S = {"migration": 0.06, "backup": 0.4}
"""How long a child may write before it is killed; 0.15 s where nothing is said."""


def picture(number: int) -> bytes:
    """Return the bytes of a made-up picture of about 60 kB."""
    return random.Random(number).randbytes(60_000)


def work(kind: str, home: Path, start: int, pipe: Connection) -> None:
    """Write until killed. Sends (state, operation, number) with state `begun` or `done`."""
    settings = Settings(home=home)
    number = start
    if kind == "migration":
        pipe.send(("begun", "migrate", 0))
        TinyDBRepository(settings.store_path, MORE_STEPS).close()
        pipe.send(("done", "migrate", 0))
        return
    repository = open_repository(settings)
    pipe.send(("begun", "open", number))
    while True:
        _cycle(kind, settings, repository, number, pipe)
        number += 1


def _cycle(
    kind: str, settings: Settings, repository: TinyDBRepository, number: int, pipe: Connection
) -> None:
    kept = record(number, picture=number // 3)
    pipe.send(("begun", "insert", number))
    repository.append_prediction(kept, extras(number))
    pipe.send(("done", "insert", number))
    if kind == "review":
        _review(repository, number, pipe)
    if kind == "checkpoint" and number % 2:
        repository.db.connections.shrink_log()
        if number % 16 == 1:
            maintenance.compact(settings)
    if kind == "backup":
        pipe.send(("begun", "backup", number))
        maintenance.backup(settings, settings.home.parent / f"backup-{number}")
        pipe.send(("done", "backup", number))
    if kind == "picture":
        data = picture(number)
        images = ImageStore(settings.images_path)
        pipe.send(("begun", "picture", number))
        images.put(hash_of(number), data)
        pipe.send(("done", "picture", number))


def hash_of(number: int) -> str:
    """Return the SHA-256 of a made-up picture's bytes."""
    return hashlib.sha256(picture(number)).hexdigest()


def _review(repository: TinyDBRepository, number: int, pipe: Connection) -> None:
    pipe.send(("begun", "review", number))
    repository.append_review(review(number, record(number, picture=number // 3)))
    pipe.send(("done", "review", number))
    if number % 3 == 1:
        pipe.send(("begun", "undo", number))
        repository.undo_review(make_id("R", number), EPOCH + timedelta(days=3))
        pipe.send(("done", "undo", number))
    if number % 4 == 3:
        pipe.send(("begun", "delete", number))
        repository.delete_prediction(make_id("P", number))
        pipe.send(("done", "delete", number))


@dataclass
class Expected:
    """What a store must hold: what was acknowledged, and what was only begun."""

    done: dict[str, set[int]] = field(default_factory=lambda: {})
    begun: dict[str, set[int]] = field(default_factory=lambda: {})
    failures: list[str] = field(default_factory=list)

    def note(self, state: str, operation: str, number: int) -> None:
        """Take down what a child sent."""
        (self.done if state == "done" else self.begun).setdefault(operation, set()).add(number)

    def acknowledged(self, operation: str) -> set[int]:
        """Return the numbers of what was done for sure."""
        return self.done.get(operation, set())

    def possible(self, operation: str) -> set[int]:
        """Return the numbers of what may have been done."""
        return self.begun.get(operation, set())


@dataclass
class Totals:
    """What a run saw."""

    points: Counter[str] = field(default_factory=Counter)
    midway: int = 0
    acknowledged: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Return the totals for a person to read."""
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.points.items()))
        done = ", ".join(f"{n} {what}" for what, n in sorted(self.acknowledged.items()))
        return [
            f"kill -9 points: {self.points.total()} ({kinds})",
            f"killed with something begun and not acknowledged: {self.midway}",
            f"acknowledged: {done}",
            f"acknowledged and lost: {len(self.lost)}",
            f"stores unreadable or damaged: {len(self.unreadable)}",
            *self.lost[:20],
            *self.unreadable[:20],
        ]


def run(points: int, folder: Path, seed: int) -> Totals:
    """Kill at so many points, in homes under a folder, a new one every few points."""
    draw = random.Random(seed)
    totals = Totals()
    for start in range(0, points, POINTS_PER_HOME):
        with tempfile.TemporaryDirectory(dir=folder) as home:
            _run_home(min(POINTS_PER_HOME, points - start), Path(home), draw, totals)
    return totals


def _run_home(points: int, folder: Path, draw: random.Random, totals: Totals) -> None:
    settings = Settings(home=folder / "home")
    expected, number = Expected(), 0
    for point in range(points):
        kind = KINDS[(point + totals.points.total() // POINTS_PER_HOME) % len(KINDS)]
        if kind == "migration":
            if not settings.store_path.exists():
                open_repository(settings).close()
            # A copy: this Brushmark does not know the version that the child goes to.
            with tempfile.TemporaryDirectory(dir=folder) as copy:
                home = Path(copy) / "home"
                maintenance.backup(settings, Path(copy) / "b")
                maintenance.restore(Settings(home=home), Path(copy) / "b")
                migrating = Expected(failures=expected.failures)
                _kill_at_random(kind, home, number, draw, migrating)
                check(expected, Settings(home=home), totals, kind)
        else:
            _kill_at_random(kind, settings.home, number, draw, expected)
            check(expected, settings, totals, kind)
        totals.points[kind] += 1
        number = max(expected.possible("insert"), default=0) + 1
    totals.unreadable += [f"a writer of {kind} failed by itself" for kind in expected.failures]
    totals.acknowledged.update({what: len(numbers) for what, numbers in expected.done.items()})
    totals.midway += sum(
        len(numbers - expected.acknowledged(what))
        for what, numbers in expected.begun.items()
        if what != "open"
    )


def _kill_at_random(
    kind: str, home: Path, number: int, draw: random.Random, expected: Expected
) -> None:
    receiver, sender = CONTEXT.Pipe(duplex=False)
    child = CONTEXT.Process(target=work, args=(kind, home, number, sender), daemon=True)
    child.start()
    sender.close()
    if receiver.poll(60):  # the child has begun: from here on any moment may be the last
        time.sleep(draw.uniform(0, LONGEST_S.get(kind, 0.15)))
    failed = child.exitcode not in (None, 0)  # it ended by itself, which no writer may
    child.kill()
    child.join()
    child.close()
    if failed:
        expected.failures.append(kind)
    while True:
        try:
            expected.note(*receiver.recv())
        except (EOFError, OSError):
            break
    receiver.close()


def check(expected: Expected, settings: Settings, totals: Totals, kind: str) -> None:
    """Open a store after a kill and compare it with what was acknowledged."""
    for number in sorted(expected.acknowledged("backup")):
        source = settings.home.parent / f"backup-{number}"
        if kind == "backup" and not (source / "manifest.json").exists():
            totals.lost.append(f"backup {number}")
    report = None
    try:
        # Whichever version a migration got to, one of the two opens it.
        steps = MORE_STEPS if kind == "migration" else STEPS
        repository = TinyDBRepository(settings.store_path, steps)
    except Exception as error:
        totals.unreadable.append(f"after {kind}: {error!r}")
        return
    try:
        _check_records(expected, repository, totals, kind)
    finally:
        repository.close()
    if kind != "migration":
        report = maintenance.verify(settings)
        totals.unreadable += [f"after {kind}: {f.where}: {f.what}" for f in report.findings]
    images = ImageStore(settings.images_path)
    for number in expected.acknowledged("picture") if kind == "picture" else ():
        if images.get(hash_of(number)) != picture(number):
            totals.lost.append(f"picture {number}")


def _check_records(
    expected: Expected, repository: TinyDBRepository, totals: Totals, kind: str
) -> None:
    maybe_deleted = expected.possible("delete")
    for number in expected.acknowledged("insert") - maybe_deleted:
        kept = record(number, picture=number // 3)
        if repository.get_prediction(kept.id) != kept:
            totals.lost.append(f"after {kind}: record {number}")
        elif repository.get_extras(kept.id) != extras(number):
            totals.lost.append(f"after {kind}: extras {number}")
    for number in expected.acknowledged("delete"):
        if repository.get_prediction(make_id("P", number)) is not None:
            totals.lost.append(f"after {kind}: deletion {number}")
    for number in expected.acknowledged("review"):
        of = record(number, picture=number // 3)
        found = {r.id: r for r in repository.reviews_of(of.image.sha256)}
        kept_review = found.get(make_id("R", number))
        undone = number in expected.acknowledged("undo")
        if kept_review is None or (undone and kept_review.undone_at is None):
            totals.lost.append(f"after {kind}: review {number}")
    count = repository.count_predictions(PredictionFilter())
    if repository.stats().predictions != count:
        totals.unreadable.append(f"after {kind}: counters disagree with {count} records")


def main() -> None:
    """Run as many points as asked for and print the totals; exit 1 where anything was lost."""
    points = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(10**6)
    with tempfile.TemporaryDirectory() as folder:
        totals = run(points, Path(folder), seed)
    print(f"seed {seed}")
    print("\n".join(totals.lines()))
    sys.exit(1 if totals.lost or totals.unreadable else 0)


if __name__ == "__main__":
    main()
