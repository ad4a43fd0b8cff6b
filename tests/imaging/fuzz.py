"""Mutated pictures through `decode`: each must decode or be refused in our own words, in time.

`make fuzz` runs many and prints what happened; the tests run a few hundred. Mutant number n of a
seed is always the same bytes, so a finding can be looked at again:

    python -m tests.imaging.fuzz --seed 1 --only 4711
"""

from __future__ import annotations

import argparse
import faulthandler
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import cache
from multiprocessing import get_context

import numpy as np
from PIL import Image

from backend.errors import BrushmarkError
from backend.imaging.decode import decode
from tests.imaging import files
from tests.pictures import draw, encode

HANG_S = 20.0
"""No mutant of a small picture may take that long; the process is ended with a traceback."""
CHUNK = 2_000


@cache
def seeds() -> dict[str, bytes]:
    """Return one small file of every kind whose parser has a path of its own."""
    picture, grey = draw(64, 48, 1), draw(64, 48, 2, "L")
    clear = draw(64, 48, 3, "RGBA")
    clear.putalpha(grey)
    profile = files.swapped_profile()
    rich = {"exif": files.exif(6), "icc_profile": profile}
    text = files.chunk(b"tEXt", b"parameters\0a prompt") + files.chunk(b"zTXt", b"a\0\0x\x9c\x03\0")
    rows = np.random.default_rng(0).integers(0, 256, 64 * 48 * 2, dtype=np.uint8).tobytes()
    return {
        "jpeg": encode(picture, "JPEG", **rich),
        "jpeg progressive": encode(picture, "JPEG", progressive=True, subsampling=0),
        "jpeg grey": encode(grey, "JPEG"),
        "jpeg cmyk": encode(draw(64, 48, 4, "CMYK"), "JPEG"),
        "jpeg restarts": encode(picture, "JPEG", restart_marker_rows=1),
        "mpo": encode(picture, "MPO", save_all=True, append_images=[grey.convert("RGB")]),
        "png": files.before_idat(encode(picture, "PNG", **rich), text),
        "png palette": encode(picture.convert("P"), "PNG", transparency=3),
        "png alpha": encode(clear, "PNG"),
        "png 1 bit": encode(draw(64, 48, 5, "1"), "PNG"),
        "png 16 bit": files.png(64, 48, rows, depth=16, colour=0),
        "apng": files.animation("PNG", 3),
        "webp": encode(picture, "WEBP", **rich),
        "webp lossless": encode(clear, "WEBP", lossless=True),
        "webp alpha": encode(clear, "WEBP"),
        "webp animation": files.animation("WEBP", 3),
        "gif": encode(picture, "GIF"),
        "gif interlaced": encode(picture.convert("P"), "GIF", interlace=1, transparency=3),
        "gif animation": files.animation("GIF", 3),
        "avif": encode(picture, "AVIF", **rich),
        "avif alpha": encode(clear, "AVIF"),
        "avif animation": files.animation("AVIF", 3),
    }


# ---- mutations --------------------------------------------------------------------------------

Rng = np.random.Generator
_EDGES = (0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF)


def flip_bits(data: bytearray, rng: Rng) -> None:
    """Flip a few bits."""
    for at in rng.integers(0, len(data), rng.integers(1, 9)):
        data[at] ^= 1 << int(rng.integers(8))


def flip_head_bits(data: bytearray, rng: Rng) -> None:
    """Flip bits where headers are."""
    for at in rng.integers(0, min(len(data), 256), rng.integers(1, 5)):
        data[at] ^= 1 << int(rng.integers(8))


def edge_values(data: bytearray, rng: Rng) -> None:
    """Put the smallest or largest values where one to four bytes were."""
    at, width = int(rng.integers(len(data))), int(rng.integers(1, 5))
    data[at : at + width] = bytes([int(rng.choice(_EDGES))]) * width


def cut(data: bytearray, rng: Rng) -> None:
    """Cut the end off."""
    del data[int(rng.integers(len(data))) :]


def drop(data: bytearray, rng: Rng) -> None:
    """Take a piece out."""
    at = int(rng.integers(len(data)))
    del data[at : at + int(rng.integers(1, 64))]


def repeat(data: bytearray, rng: Rng) -> None:
    """Repeat a piece up to thirty times."""
    at, width = int(rng.integers(len(data))), int(rng.integers(1, 200))
    data[at:at] = data[at : at + width] * int(rng.integers(1, 30))


def scramble(data: bytearray, rng: Rng) -> None:
    """Overwrite a piece with random bytes."""
    at, width = int(rng.integers(len(data))), int(rng.integers(1, 64))
    data[at : at + width] = rng.bytes(width)


def splice(data: bytearray, rng: Rng) -> None:
    """Go on as another kind of file."""
    other = list(seeds().values())[int(rng.integers(len(seeds())))]
    data[int(rng.integers(len(data))) :] = other[int(rng.integers(len(other))) :]


def mend_png(data: bytearray, rng: Rng) -> None:
    """Damage a PNG chunk's body and mend its checksum, so that the damage is believed."""
    flip_bits(data, rng)
    at = 8
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4])
        if end > len(data):
            return
        data[at:end] = files.chunk(bytes(data[at + 4 : at + 8]), bytes(data[at + 8 : end - 4]))
        at = end


MUTATIONS: tuple[Callable[[bytearray, Rng], None], ...] = (
    flip_bits,
    flip_head_bits,
    edge_values,
    cut,
    drop,
    repeat,
    scramble,
    splice,
    mend_png,
)


def mutant(seed: int, number: int) -> tuple[str, bytes]:
    """Return the name of the original and the bytes of one mutant; always the same ones."""
    rng = np.random.default_rng((seed, number))
    names = list(seeds())
    name = names[number % len(names)]
    data = bytearray(seeds()[name])
    for _ in range(int(rng.integers(1, 4))):
        if data:
            MUTATIONS[int(rng.integers(len(MUTATIONS)))](data, rng)
    return name, bytes(data)


# ---- running ----------------------------------------------------------------------------------


@dataclass
class Report:
    """What became of some mutants."""

    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    slowest: list[tuple[float, str]] = field(default_factory=list)

    def add(self, other: Report) -> None:
        """Add another report to this one."""
        self.outcomes.update(other.outcomes)
        self.failures += other.failures
        self.slowest = sorted(self.slowest + other.slowest, reverse=True)[:5]


def run(seed: int, numbers: range) -> Report:
    """Decode mutants; a hang ends the process, any exception that is not ours is a failure."""
    report = Report()
    times = []
    for number in numbers:
        name, data = mutant(seed, number)
        faulthandler.dump_traceback_later(HANG_S, exit=True)
        started = time.perf_counter()
        try:
            outcome = check(data)
        except Exception as error:  # the very thing that is looked for
            outcome = "FAILED"
            report.failures.append(f"{number} ({name}): {error!r}")
        times.append((time.perf_counter() - started, f"{number} ({name}, {outcome})"))
        faulthandler.cancel_dump_traceback_later()
        report.outcomes[outcome] += 1
    report.slowest = sorted(times, reverse=True)[:5]
    return report


def check(data: bytes) -> str:
    """Decode some bytes and return the outcome; whatever is not a refusal of ours is raised."""
    try:
        decoded = decode(data)
    except BrushmarkError as error:
        if not str(error).endswith((".", "!")):
            raise AssertionError(f"no sentence: {error}") from error
        return error.code
    image, facts = decoded.image, decoded.facts
    if image.mode != "RGB" or image.size != (facts.width, facts.height):
        raise AssertionError(f"{image.mode} {image.size} against {facts}")
    Image.Image.tobytes(image)
    return "decoded"


def run_many(seed: int, count: int, workers: int) -> Iterator[Report]:
    """Run chunks in processes of their own, so that a crash in a C library is seen as one."""
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        chunks = [range(at, min(at + CHUNK, count)) for at in range(0, count, CHUNK)]
        futures = [(pool.submit(run, seed, chunk), chunk) for chunk in chunks]
        for future, chunk in futures:
            try:
                yield future.result()
            except BrokenProcessPool:
                where = f"{chunk.start} to {chunk.stop - 1}, or another chunk then running"
                yield Report(Counter(CRASHED=1), [f"a process crashed or hung in {where}"])
                return


def main() -> int:
    """Run the mutants that were asked for, print the outcomes, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", type=int, help="run one mutant by its number")
    options = parser.parse_args()
    if options.only is not None:
        print(options.only, check(mutant(options.seed, options.only)[1]))
        return 0
    total, started = Report(), time.perf_counter()
    for report in run_many(options.seed, options.count, options.workers):
        total.add(report)
        print(f"\r{sum(total.outcomes.values())} of {options.count}", end="", file=sys.stderr)
    elapsed_s = time.perf_counter() - started
    print(f"\n{sum(total.outcomes.values())} mutants of {len(seeds())} files in {elapsed_s:.0f} s")
    for outcome, number in total.outcomes.most_common():
        print(f"  {outcome:20} {number}")
    print("slowest:")
    for taken_s, what in total.slowest:
        print(f"  {taken_s * 1000:7.1f} ms  {what}")
    for failure in total.failures:
        print(f"FAILED {failure}")
    return 1 if total.failures else 0


if __name__ == "__main__":
    sys.exit(main())
