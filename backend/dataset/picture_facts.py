"""What the data tools know of a picture, kept by the SHA-256 of its file."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from backend.errors import BadInput, BrushmarkError
from backend.imaging.decode import MAX_BYTES, decode
from backend.imaging.fingerprint import perceptual_hash, sha256
from backend.model.judge import Judge
from backend.model.vectors import STATISTICS

Progress = Callable[[int, int, str], None]
"""Called with how many are done, how many there are, and what is being done."""

_SAVE_EVERY = 64


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """One readable picture; `embedding` is little-endian float16, where it was asked for.

    It holds what the picture looks like, and no opinion of it.
    """

    sha256: str
    hash: int
    format: str
    width: int
    height: int
    file_bytes: int
    embedding: bytes | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why nothing is known of a file, in a sentence."""

    reason: str


Known = Mapping[str, PictureFacts]


def look_at(data: bytes, judge: Judge | None = None) -> PictureFacts:
    """Decode a picture, hash it, and embed it where there is a judge.

    Raises:
        BrushmarkError: it cannot be read.
    """
    decoded = decode(data)
    facts = decoded.facts
    return PictureFacts(
        sha256=facts.sha256,
        hash=perceptual_hash(decoded.image),
        format=facts.format,
        width=facts.width,
        height=facts.height,
        file_bytes=facts.bytes,
        embedding=judge.score(decoded.image).features[: 2 * STATISTICS] if judge else None,
    )


def look_at_all(
    files: Iterable[Path],
    *,
    judge: Judge | None = None,
    known: Known | None = None,
    jobs: int = 2,
) -> Iterator[tuple[Path, PictureFacts | Unreadable]]:
    """Look at files on several threads; yield in order, with a bounded number under way."""
    pool = ThreadPoolExecutor(jobs)
    waiting: deque[tuple[Path, Future[PictureFacts | Unreadable]]] = deque()
    try:
        for file in files:
            waiting.append((file, pool.submit(_look, file, judge, known or {})))
            if len(waiting) >= 4 * jobs:
                path, answer = waiting.popleft()
                yield path, answer.result()
        while waiting:
            path, answer = waiting.popleft()
            yield path, answer.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _look(file: Path, judge: Judge | None, known: Known) -> PictureFacts | Unreadable:
    try:
        if file.stat().st_size > MAX_BYTES:
            raise BadInput(f"The file has more than {MAX_BYTES // 1024**2} MB.")
        data = file.read_bytes()
        found = known.get(sha256(data))
        return found if found is not None else look_at(data, judge)
    except BrushmarkError as error:
        return Unreadable(str(error))
    except OSError as error:
        return Unreadable(f"{error.strerror or error}.")


class FactsStore:
    """A SQLite file of facts, so that an interrupted run goes on where it was.

    `model` names what made the embeddings: facts of another model are not used.
    """

    def __init__(self, file: Path, model: str) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file, self._model = file, model
        with closing(self._open()) as store, store:
            store.execute(
                "CREATE TABLE IF NOT EXISTS facts (sha256 TEXT, model TEXT, hash TEXT, "
                "format TEXT, width INTEGER, height INTEGER, bytes INTEGER, embedding BLOB, "
                "PRIMARY KEY (sha256, model))"
            )

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self._file)

    def load(self) -> dict[str, PictureFacts]:
        """Return all that is known, by SHA-256."""
        with closing(self._open()) as store:
            rows = store.execute(
                "SELECT sha256, hash, format, width, height, bytes, embedding "
                "FROM facts WHERE model = ?",
                (self._model,),
            ).fetchall()
        return {r[0]: PictureFacts(r[0], int(r[1], 16), *r[2:]) for r in rows}

    def keep(
        self, found: Iterable[tuple[Path, PictureFacts | Unreadable]], known: Known
    ) -> Iterator[tuple[Path, PictureFacts | Unreadable]]:
        """Pass findings on and save what is new, every few dozen and at the end."""
        fresh: list[PictureFacts] = []
        try:
            for path, facts in found:
                if isinstance(facts, PictureFacts) and facts.sha256 not in known:
                    fresh.append(facts)
                if len(fresh) >= _SAVE_EVERY:
                    self._save(fresh)
                    fresh.clear()
                yield path, facts
        finally:
            self._save(fresh)

    def _as_row(self, f: PictureFacts) -> tuple[object, ...]:
        sizes = (f.format, f.width, f.height, f.file_bytes)
        return (f.sha256, self._model, f"{f.hash:016x}", *sizes, f.embedding)

    def _save(self, facts: list[PictureFacts]) -> None:
        rows = [self._as_row(f) for f in facts]
        with closing(self._open()) as store, store:
            store.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
