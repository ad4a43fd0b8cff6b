"""Have pictures made by an image model, from prompts of our own; resumable, with credits."""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count as count_from
from pathlib import Path
from typing import Any

from backend.dataset.journal import Journal, write_credits, write_whole
from backend.dataset.openai_images import ImagesApi, PromptBlocked, Wanted
from backend.dataset.patience import Patience
from backend.dataset.picture_facts import Progress
from backend.dataset.prompts import Prompt, bank
from backend.dataset.tree import CREDITS
from backend.domain import utc_now
from backend.errors import BadInput, BrushmarkError
from backend.imaging.decode import decode
from backend.imaging.fingerprint import sha256

FOLDER = Path("ai_generated")
JOURNAL = ".journal.jsonl"
LICENCE = "made for the holder of the account; see the terms of use of the model's maker"
COLUMNS = (
    "file",
    "sha256",
    "generator",
    "kind",
    "licence",
    "credit",
    "prompt",
    "revised_prompt",
    "size",
    "quality",
    "seed",
    "index",
    "tokens",
    "made_at",
)
_BLOCKED_IN_A_ROW = 10
_NAME = re.compile(r"(-?\d+)-(\d{5,})\.[a-z]+")


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be made: `count` pictures of one seed, each in one of the sizes."""

    model: str
    count: int
    seed: int = 0
    sizes: tuple[str, ...] = ("1024x1024", "1536x1024", "1024x1536")
    quality: str | None = None
    output_format: str | None = None

    def wanted(self, index: int) -> Wanted:
        """Return what the `index`-th prompt asks for; sizes take turns."""
        size = self.sizes[index % len(self.sizes)] if self.sizes else None
        return Wanted(self.model, size, self.quality, self.output_format)


@dataclass(frozen=True, slots=True)
class Made:
    """How a run ended."""

    had: int
    made: int
    blocked: int
    tokens: int

    def lines(self) -> list[str]:
        """Say how it went."""
        return [
            f"{self.had + self.made} pictures ({self.made} made, {self.had} were here), "
            f"{self.blocked} prompts blocked, {self.tokens} tokens used this time."
        ]


class Studio:
    """The folder of one model's pictures, and the journal of what was asked for."""

    def __init__(self, out: Path, order: Order) -> None:
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", order.model).strip(".-")
        if not name:
            raise BadInput(f"“{order.model}” is no name of a model.")
        self.folder = out / FOLDER / name
        self._order = order
        self._journal = Journal(self.folder / JOURNAL)
        self._writing = threading.Lock()
        self._adopt()
        mine = [e for e in self._journal.entries if e["seed"] == order.seed]
        self.blocked = {int(e["index"]) for e in mine if "blocked" in e}
        self.here = {int(e["index"]) for e in mine if self._is_here(e)}

    def _adopt(self) -> None:
        """Enter pictures that a killed run wrote and paid for, and did not come to enter."""
        entered = {e.get("file") for e in self._journal.entries}
        for path in sorted(self.folder.iterdir()):
            named = _NAME.fullmatch(path.name)
            if named and path.name not in entered:
                # What is no picture is made anew.
                with suppress(BrushmarkError):
                    self._journal.add(self._found(path, int(named[1]), int(named[2])))

    def _found(self, path: Path, seed: int, index: int) -> dict[str, Any]:
        """Describe a picture by its name and its bytes; what it took to make it is not known."""
        prompt, facts = bank().prompt(seed, index), decode(path.read_bytes()).facts
        made_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        return {
            "index": index,
            "seed": seed,
            "prompt": prompt.text,
            **_said(prompt, Wanted(self._order.model, f"{facts.width}x{facts.height}")),
            "file": path.name,
            "sha256": facts.sha256,
            "made_at": made_at.isoformat(timespec="seconds"),
        }

    def _is_here(self, entry: Mapping[str, Any]) -> bool:
        return "file" in entry and (self.folder / str(entry["file"])).is_file()

    @property
    def missing(self) -> int:
        """How many pictures are still to be made."""
        return max(0, self._order.count - len(self.here))

    def make(self, api: ImagesApi, patience: Patience, jobs: int, progress: Progress) -> Made:
        """Make what is missing; write credits whatever happens.

        Raises:
            Unauthenticated, Forbidden, NotFound, BadInput: the API will not do it.
            Unavailable: it did not answer, however often it was asked.
        """
        had, made, blocked, tokens = len(self.here), 0, 0, 0
        progress(had, self._order.count, "making pictures")
        try:
            for entry in self._entries(api, patience, jobs):
                if "blocked" in entry:
                    blocked += 1
                else:
                    made, tokens = made + 1, tokens + int(entry["tokens"])
                    progress(had + made, self._order.count, "making pictures")
        finally:
            write_credits(self.folder / CREDITS, COLUMNS, self._credits())
        return Made(had, made, blocked, tokens)

    def _entries(self, api: ImagesApi, patience: Patience, jobs: int) -> Iterator[dict[str, Any]]:
        """Ask for prompt after prompt, in order, never for more than are missing."""
        indices = (i for i in count_from() if i not in self.here and i not in self.blocked)
        missing, in_a_row = self.missing, 0
        running: deque[Future[dict[str, Any]]] = deque()
        pool = ThreadPoolExecutor(jobs)
        try:
            while missing:
                while len(running) < min(jobs, missing):
                    running.append(pool.submit(self._one, next(indices), api, patience))
                entry = running.popleft().result()
                in_a_row = in_a_row + 1 if "blocked" in entry else 0
                missing -= "file" in entry
                yield entry
                if in_a_row >= _BLOCKED_IN_A_ROW:
                    raise BadInput(f"{in_a_row} prompts in a row were blocked: {entry['blocked']}")
        finally:
            patience.give_up()
            # What is under way is paid for: it is waited for and kept.
            pool.shutdown(cancel_futures=True)

    def _one(self, index: int, api: ImagesApi, patience: Patience) -> dict[str, Any]:
        """Ask for a picture and enter the answer at once, whatever becomes of who waits for it."""
        entry = self._drawn(index, api, patience)
        with self._writing:
            self._journal.add(entry)
        return entry

    def _drawn(self, index: int, api: ImagesApi, patience: Patience) -> dict[str, Any]:
        prompt, wanted = bank().prompt(self._order.seed, index), self._order.wanted(index)
        about = {"index": index, "seed": self._order.seed, "prompt": prompt.text}
        try:
            drawn = patience.of(lambda: api.draw(prompt.text, wanted))
        except PromptBlocked as error:
            return {**about, "blocked": str(error)}
        form = decode(drawn.data).facts.format
        suffix = "jpg" if form == "JPEG" else form.lower()
        name = f"{self._order.seed}-{index:05d}.{suffix}"
        write_whole(self.folder / name, drawn.data)
        return {
            **about,
            **_said(prompt, wanted),
            "file": name,
            "sha256": sha256(drawn.data),
            "revised_prompt": drawn.revised_prompt,
            "tokens": drawn.tokens,
            "made_at": utc_now().isoformat(timespec="seconds"),
        }

    def _credits(self) -> list[dict[str, str]]:
        """Return the credits of every picture in the folder, of other seeds too."""
        here = [e for e in self._journal.entries if self._is_here(e)]
        latest = {str(e["file"]): {k: str(v) for k, v in e.items() if k in COLUMNS} for e in here}
        return [latest[name] for name in sorted(latest)]


def _said(prompt: Prompt, wanted: Wanted) -> dict[str, Any]:
    return {
        "generator": wanted.model,
        "kind": prompt.kind,
        "licence": LICENCE,
        "credit": f"made with {wanted.model} through OpenAI's image API for Brushmark",
        "size": wanted.size or "",
        "quality": wanted.quality or "",
    }
