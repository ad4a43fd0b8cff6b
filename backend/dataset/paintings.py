"""Download paintings from a list of addresses: politely, resumable, each with its credits."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from backend.dataset.journal import Journal, write_credits, write_whole
from backend.dataset.painting_list import Painting
from backend.dataset.patience import Patience, TryLater, retry_after_s
from backend.dataset.picture_facts import Progress
from backend.dataset.tree import CREDITS
from backend.domain import utc_now
from backend.errors import BrushmarkError, UrlRefused, UrlUnreachable
from backend.imaging.decode import decode
from backend.imaging.fingerprint import sha256

SOURCE = "vgg-paintings"
FOLDER = Path("human_made") / SOURCE
JOURNAL = ".journal.jsonl"
LICENCE = (
    "Art UK: rights lie with collections and artists; see page; non-commercial research and "
    "private study"
)
CREDIT = "The Paintings Dataset, Visual Geometry Group, University of Oxford; pictures by Art UK"
COLUMNS = (
    "file",
    "sha256",
    "source",
    "kind",
    "licence",
    "credit",
    "page",
    "url",
    "collection",
    "subset",
    "labels",
    "fetched_at",
)
_IN_A_ROW = 20
_WORTH_ANOTHER_TRY = frozenset({408, 425, 429, 500, 502, 503, 504})

Fetch = Callable[[str], bytes]


@dataclass(frozen=True, slots=True)
class Downloaded:
    """How a run ended; `dead` are the links that lead nowhere, `unreached` may work later."""

    had: int
    fetched: int
    dead: int
    unreached: int
    wanted: int

    def lines(self) -> list[str]:
        """Say how it went."""
        have = self.had + self.fetched
        lines = [
            f"{have} paintings ({self.fetched} fetched, {self.had} were here), "
            f"{self.dead} dead links, {self.unreached} not reached this time."
        ]
        if have < self.wanted:
            lines.append(f"The list holds no more: {self.wanted - have} short of the count.")
        return lines


def download_paintings(
    paintings: Sequence[Painting],
    out: Path,
    *,
    count: int,
    seed: int,
    fetch: Fetch,
    patience: Patience,
    jobs: int,
    progress: Progress,
) -> Downloaded:
    """Have `count` paintings of the list, drawn at random, below `out`; write their credits.

    What is here is not fetched again, and links that were found dead are not asked again.

    Raises:
        UrlUnreachable: twenty addresses in a row gave no answer.
    """
    folder = out / FOLDER
    journal = Journal(folder / JOURNAL)
    run = _Run(folder, journal, fetch, patience)
    shuffled = sorted(paintings, key=lambda painting: painting.url)
    random.Random(seed).shuffle(shuffled)  # noqa: S311 - a draw, not a secret
    have = [p for p in shuffled if run.has(p)][:count]
    left = (p for p in shuffled if not run.has(p) and p.url not in run.dead)
    dead_before = len(run.dead)
    try:
        fetched, unreached = run.fetch_until(left, len(have), count, jobs, progress)
    finally:
        write_credits(folder / CREDITS, COLUMNS, run.credits())
    return Downloaded(len(have), fetched, len(run.dead) - dead_before, unreached, count)


class _Run:
    """One download: the journal knows what is here and what is dead."""

    def __init__(self, folder: Path, journal: Journal, fetch: Fetch, patience: Patience) -> None:
        self._folder, self._journal = folder, journal
        self._fetch, self._patience = fetch, patience
        self._here = {
            str(e["url"]): e for e in journal.entries if "file" in e and self._exists(e["file"])
        }
        self.dead = {str(e["url"]) for e in journal.entries if "dead" in e}

    def _exists(self, name: str) -> bool:
        return (self._folder / name).is_file()

    def has(self, painting: Painting) -> bool:
        """Say whether the painting is in the folder."""
        return painting.url in self._here

    def credits(self) -> list[dict[str, str]]:
        """Return the credits of every painting that is here, in the order of their files."""
        rows = [{k: str(v) for k, v in e.items() if k in COLUMNS} for e in self._here.values()]
        return sorted(rows, key=lambda row: row["file"])

    def fetch_until(
        self, left: Iterator[Painting], had: int, count: int, jobs: int, progress: Progress
    ) -> tuple[int, int]:
        """Fetch until there are `count`; return how many were fetched and how many unreached."""
        fetched = unreached = in_a_row = 0
        running: dict[Future[dict[str, str] | None], Painting] = {}
        pool = ThreadPoolExecutor(jobs)
        progress(had, count, "downloading paintings")
        try:
            while True:
                while len(running) < min(jobs, count - had - fetched):
                    painting = next(left, None)
                    if painting is None:
                        break
                    running[pool.submit(self._one, painting)] = painting
                if not running:
                    return fetched, unreached
                for done in wait(running, return_when=FIRST_COMPLETED).done:
                    painting = running.pop(done)
                    try:
                        entry = done.result()
                    except UrlUnreachable as error:
                        unreached, in_a_row = unreached + 1, in_a_row + 1
                        if in_a_row >= _IN_A_ROW:
                            raise _network_is_down(error) from error
                        continue
                    in_a_row = 0
                    fetched += self._note(painting, entry)
                    progress(had + fetched, count, "downloading paintings")
        finally:
            self._patience.give_up()
            pool.shutdown(cancel_futures=True)

    def _note(self, painting: Painting, entry: dict[str, str] | None) -> bool:
        if entry is None:
            self._journal.add({"url": painting.url, "dead": utc_now().isoformat()})
            self.dead.add(painting.url)
            return False
        self._journal.add(entry)
        self._here[painting.url] = entry
        return True

    def _one(self, painting: Painting) -> dict[str, str] | None:
        """Fetch and write a painting; None where its address leads to none."""
        try:
            data = self._patience.of(lambda: self._ask(painting.url))
            form = decode(data).facts.format
        except UrlUnreachable as error:
            if error.status is None or error.status in _WORTH_ANOTHER_TRY:
                raise
            return None
        except BrushmarkError:
            return None
        name = f"{painting.name}.{'jpg' if form == 'JPEG' else form.lower()}"
        write_whole(self._folder / name, data)
        return _entry(painting, name, data)

    def _ask(self, url: str) -> bytes:
        try:
            return self._fetch(url)
        except UrlUnreachable as error:
            if error.status is None or error.status in _WORTH_ANOTHER_TRY:
                raise TryLater(error, retry_after_s(error.retry_after)) from error
            raise


def _entry(painting: Painting, name: str, data: bytes) -> dict[str, str]:
    return {
        "file": name,
        "sha256": sha256(data),
        "source": SOURCE,
        "kind": "painting",
        "licence": LICENCE,
        "credit": CREDIT,
        "page": painting.page,
        "url": painting.url,
        "collection": painting.collection,
        "subset": painting.subset,
        "labels": painting.labels,
        "fetched_at": utc_now().isoformat(timespec="seconds"),
    }


def _network_is_down(error: UrlUnreachable) -> UrlUnreachable:
    return UrlUnreachable(
        f"{_IN_A_ROW} addresses in a row gave no answer; the last: {error} "
        "What was fetched is kept: start the same command again later."
    )


def fetch_list(address: str, fetch: Fetch) -> bytes:
    """Return the list from a web address or a file.

    Raises:
        UrlRefused: neither.
        UrlUnreachable: the list cannot be had.
    """
    if address.lower().startswith(("http://", "https://")):
        return fetch(address)
    path = Path(address)
    if not path.is_file():
        raise UrlRefused(f"The list {address} is neither a file nor a web address.")
    return path.read_bytes()
