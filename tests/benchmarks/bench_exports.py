"""A log of 100,000 reviewed pictures out as a zip, back in, and forgotten: `make bench-exports`.

Each picture is a small JPEG of its own with a perceptual hash and a feature vector of 2,048
halves, as the served model makes them. Every step runs in a process of its own, so that its
greatest memory (resident, as the system counts it) is its own. Prints time, memory and sizes.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import multiprocessing
import random
import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from PIL import Image

from backend.domain import Context, Outcome, PredictionRecord, Review, ReviewLabel, Source, utc_now
from backend.exporting.make import make_export
from backend.exporting.request import ExportRequest
from backend.forgetting.forget import Forgetting
from backend.forgetting.oblivion import Oblivion
from backend.importing.importer import Importer
from backend.model.judge import Judge
from backend.settings import KeepImages, Settings
from backend.storage import open_repository
from backend.storage.images import ImageStore
from backend.storage.repository import Extras, Foreign, Repository
from tests.benchmarks.bench_log import processor
from tests.records import EPOCH, make_id, record

PICTURES = 100_000
SITES = 300
VECTOR_BYTES = 4096
AT_MOST_MIB = 1024


def picture(number: int) -> bytes:
    """Return a distinct small JPEG."""
    side = 24
    noise = Image.frombytes("RGB", (side, side), random.Random(number).randbytes(side * side * 3))
    buffer = io.BytesIO()
    noise.save(buffer, "JPEG", quality=60)
    return buffer.getvalue()


def made(number: int) -> tuple[PredictionRecord, bytes]:
    """Make a record about a picture, and the picture."""
    data = picture(number)
    score = (number * 0.6180339887) % 1
    base = record(number, score=score, at=EPOCH + timedelta(seconds=number))
    context = Context(Source.PAGE_SCAN, f"https://site{number % SITES}.example/{number}")
    facts = replace(base.image, sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
    return replace(base, image=replace(facts, width=24, height=24), context=context), data


def fill(home: Path, count: int) -> None:
    """Log that many reviewed pictures. The pictures are written without waiting for the disk."""
    with opened(home) as (settings, repository, _):

        def all_of_them() -> Iterator[Foreign]:
            draw = random.Random(1)
            for number in range(count):
                one, data = made(number)
                digest = one.image.sha256
                folder = settings.images_path / digest[:2]
                folder.mkdir(parents=True, exist_ok=True)
                (folder / digest).write_bytes(data)
                extras = Extras(None, draw.randbytes(VECTOR_BYTES), draw.getrandbits(64))
                is_ai = one.verdict.outcome is Outcome.AI_GENERATED
                label = ReviewLabel.AI_GENERATED if is_ai else ReviewLabel.HUMAN_MADE
                review = Review(
                    make_id("R", number), one.created_at, one.id, digest, label, "a curator"
                )
                yield Foreign(one, extras, review, None, yields=False)

        repository.take_in(all_of_them())


class opened:  # noqa: N801 - used as a context manager, like a function
    """A home with its parts."""

    def __init__(self, home: Path) -> None:
        self._settings = Settings(home=home, keep_images=KeepImages.ALL, keep_addresses=True)
        self._settings.prepare_home()

    def __enter__(self) -> tuple[Settings, Repository, ImageStore]:
        self._repository = open_repository(self._settings)
        return self._settings, self._repository, ImageStore(self._settings.images_path)

    def __exit__(self, *_: object) -> None:
        self._repository.close()


def export(home: Path, target: Path) -> None:
    """Export everything."""
    with opened(home) as (_, repository, images):
        make_export(repository, images, ExportRequest(), target, lambda *_: None)


def no_judge() -> Judge:
    """Fail: an export of ours is imported without a model."""
    raise AssertionError("no model is needed")


def bring_in(home: Path, source: Path) -> None:
    """Import an export."""
    with opened(home) as (settings, repository, images):
        Importer(settings, repository, images, no_judge).run(source, "bench", lambda *_: None)


def forget(home: Path) -> None:
    """Forget one site of three hundred, then all that is left."""
    with opened(home) as (settings, repository, images):
        forgetting = Forgetting(settings, repository, images)
        started = time.perf_counter()
        forgetting.forget(Oblivion(site="site7.example"), "bench")
        print(f"| forget one site of {SITES} | {time.perf_counter() - started:.1f} | | |")
        forgetting.forget(Oblivion(before=utc_now()), "bench")


def measured(step: Callable[..., None], *arguments: Any) -> tuple[float, int]:
    """Run a step in a process of its own; return seconds and greatest memory in MiB."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_work, args=(theirs, step, arguments)
    )
    process.start()
    found: tuple[float, int] = ours.recv()
    process.join()
    return found


def _work(pipe: Any, step: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    started = time.perf_counter()
    step(*arguments)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    pipe.send((time.perf_counter() - started, memory))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=PICTURES)
    count = parser.parse_args().count
    print(f"{processor()}; {count:,} reviewed pictures.\n")
    folder = Path(tempfile.mkdtemp(prefix="bench-exports-"))
    try:
        _run(folder, count)
    finally:
        shutil.rmtree(folder)


def _run(folder: Path, count: int) -> None:
    first, second = folder / "a.zip", folder / "b.zip"
    print("| step | seconds | greatest memory MiB | bytes |\n|---|---:|---:|---:|", flush=True)
    steps: list[tuple[str, Callable[..., None], tuple[Any, ...]]] = [
        ("fill the log", fill, (folder / "home", count)),
        ("export", export, (folder / "home", first)),
        ("import", bring_in, (folder / "other", first)),
        ("export again", export, (folder / "other", second)),
        ("forget all", forget, (folder / "home",)),
    ]
    greatest = 0
    for name, step, arguments in steps:
        seconds, memory = measured(step, *arguments)
        written = arguments[1] if name.startswith("export") else None
        size = f"{written.stat().st_size:,}" if written else ""
        print(f"| {name} | {seconds:.1f} | {memory:,} | {size} |", flush=True)
        if name != "fill the log":
            greatest = max(greatest, memory)
    same = hashes(first) == hashes(second)
    print(f"\nThe two exports are {'identical' if same else 'DIFFERENT'}; ", end="")
    print(f"memory at most {greatest:,} MiB of {AT_MOST_MIB:,} allowed.")
    if not same or greatest > AT_MOST_MIB:
        raise SystemExit(1)


def hashes(path: Path) -> str:
    """Return a file's SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    main()
