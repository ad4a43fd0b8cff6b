"""Mutated files through every reader of evidence: no crash, 200 ms and 64 MB at most.

`make fuzz-evidence` runs many and prints what happened; the tests run a few hundred. Mutant number
n of a seed is the same mutation always, but signatures differ from run to run (ECDSA draws them).
"""

from __future__ import annotations

import argparse
import sys
import time
import zlib
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image

from backend.imaging.provenance.ledger import Ledger
from backend.imaging.provenance.original import Original
from backend.imaging.provenance.trust_list import TrustList
from tests.imaging.files import before_idat, chunk
from tests.imaging.fuzz import MUTATIONS
from tests.imaging.provenance.signing import authority, sign
from tests.imaging.provenance.written import (
    COMFY_PROMPT,
    COMFY_WORKFLOW,
    INFOTEXT,
    NOVELAI,
    XMP_CONTAINERS,
    hide,
    packet,
    write,
)
from tests.pictures import draw, encode

MAX_MS = 200.0
MAX_MB = 64.0
CHUNK = 1_000
_SMALL = (64, 48)


@dataclass
class Outcome:
    """What became of some mutants."""

    files: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    crashes: list[str] = field(default_factory=list)
    slowest_ms: dict[str, float] = field(default_factory=dict)
    peak_mb: float = 0.0

    def add(self, other: Outcome) -> None:
        """Add another outcome to this one."""
        self.files += other.files
        self.rows.update(other.rows)
        self.crashes += other.crashes
        self.peak_mb = max(self.peak_mb, other.peak_mb)
        for kind, taken_ms in other.slowest_ms.items():
            self.slowest_ms[kind] = max(taken_ms, self.slowest_ms.get(kind, 0.0))


@cache
def seeds() -> tuple[bytes, ...]:
    """Return a small file of every container with all that the readers look for."""
    picture = draw(*_SMALL)
    exif: dict[str, str | bytes] = {
        "Make": "Canon", "Model": "R5", "LensModel": "50 mm", "MakerNote": bytes(40),
        "UserComment": INFOTEXT, "Software": "Midjourney",
    }  # fmt: skip
    xmp = packet(
        {"Iptc4xmpExt:DigitalSourceType": "trainedAlgorithmicMedia", "xmp:CreatorTool": "Krita"},
        {"TC260:AIGC": '{"Label":"1"}'},
    )
    made = []
    for container in XMP_CONTAINERS:
        given = {} if container == "GIF" else exif
        made.append(write(container, exif=given, xmp=xmp, picture=picture))
        made.append(sign(encode(picture, container), f"image/{container.lower()}"))
    made.append(sign(encode(picture, "JPEG"), parent=sign(encode(picture, "JPEG"))))
    texts = {"prompt": COMFY_PROMPT, "workflow": COMFY_WORKFLOW}
    made += [write(texts=texts, picture=picture), write(texts=NOVELAI, picture=picture)]
    made.append(encode(draw(*_SMALL, mode="RGBA"), "PNG"))
    return tuple(made)


@cache
def large_seeds() -> tuple[bytes, ...]:
    """Return files that ask for memory: bombs, a packet at the limit, a hidden text to decode."""
    plain = encode(draw(*_SMALL), "PNG")
    bomb = zlib.compress(bytes(64 * 1024 * 1024))
    texts = [chunk(b"zTXt", b"parameters\0\0" + bomb) for _ in range(4)]
    nested = ("<a>" * 150_000 + "</a>" * 150_000).encode()
    packed = chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(nested))
    return (
        before_idat(plain, b"".join(texts)),
        before_idat(plain, packed),
        encode(hide(draw(1400, 1400, mode="RGBA"), "rgbcomp"), "PNG"),
    )


def fuzz(
    count: int, seed: int, ledger: Ledger, more: Sequence[bytes] = (), start: int = 0
) -> Outcome:
    """Read mutants numbered from `start`, and note what each reader took."""
    outcome = Outcome()
    originals = (*seeds(), *more)
    image = Image.new("RGB", (256, 256))
    for reader in ledger.readers:  # libraries load outside the figures
        reader.read(Original(originals[1], image))
    before_mb = _resident_mb("VmRSS", forget_peak=True)
    for number in range(start, start + count):
        first = number - start  # each original once as it is
        untouched = first < len(originals)
        data = originals[first] if untouched else _mutant(originals, seed, number)
        original = Original(data, image)
        for reader in ledger.readers:
            began = time.thread_time()  # what others on the machine take is none of the reader's
            try:
                rows = [row.status.value for row in reader.read(original)]
            except Exception as error:  # the ledger makes a row of it
                rows = [f"raised {type(error).__name__}"]
            except BaseException as error:
                rows = ["crashed"]
                outcome.crashes.append(f"{number}: {reader.kind}: {error!r}")
            taken_ms = (time.thread_time() - began) * 1000
            slowest = outcome.slowest_ms.get(reader.kind, 0.0)
            outcome.slowest_ms[reader.kind] = max(taken_ms, slowest)
            outcome.rows.update(f"{reader.kind} {status}" for status in rows)
        outcome.files += 1
    outcome.peak_mb = _resident_mb("VmHWM") - before_mb
    return outcome


def _resident_mb(field: str, *, forget_peak: bool = False) -> float:
    """Return this process's memory, or its peak since it was last forgotten (Linux; else 0)."""
    try:
        if forget_peak:
            Path("/proc/self/clear_refs").write_text("5")
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))


def _mutant(originals: Sequence[bytes], seed: int, number: int) -> bytes:
    rng = np.random.default_rng((seed, number))
    data = bytearray(originals[number % len(originals)])
    for _ in range(int(rng.integers(1, 4))):
        if data:
            MUTATIONS[int(rng.integers(len(MUTATIONS)))](data, rng)
    return bytes(data)


def _chunk(seed: int, start: int, count: int, large: Sequence[bytes]) -> Outcome:
    ledger = Ledger(TrustList(authority().pem), watermark=True)
    return fuzz(count, seed, ledger, more=large, start=start)


def main() -> int:
    """Read the mutants that were asked for, print the outcomes, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    total, began, large = Outcome(), time.perf_counter(), large_seeds()
    with ProcessPoolExecutor(options.workers, mp_context=get_context("spawn")) as pool:
        futures = [
            # Drawn here, so that drawing them counts for no reader's memory.
            pool.submit(_chunk, options.seed, start, min(CHUNK, options.count - start), large)
            for start in range(0, options.count, CHUNK)
        ]
        for future in futures:
            try:
                total.add(future.result())
            except BrokenProcessPool:
                total.crashes.append("a process crashed in a library")
                break
            print(f"\r{total.files} of {options.count}", end="", file=sys.stderr)
    print(f"\n{total.files} mutants in {time.perf_counter() - began:.0f} s")
    for outcome, number in sorted(total.rows.items()):
        print(f"  {outcome:32} {number}")
    print("slowest reading, ms:", {k: round(v, 1) for k, v in total.slowest_ms.items()})
    print(f"memory above the start of a process, MB: {total.peak_mb:.1f}")
    for crash in total.crashes:
        print(f"CRASHED {crash}")
    held = max(total.slowest_ms.values()) <= MAX_MS and total.peak_mb <= MAX_MB
    return 0 if held and not total.crashes else 1


if __name__ == "__main__":
    sys.exit(main())
