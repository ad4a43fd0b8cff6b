"""One curator's way through a queue: what was seen, what was decided, what comes next."""

from __future__ import annotations

from dataclasses import dataclass, field

from dashboard.client import Client, Failure, Json, reviews

AHEAD = 8
"""Pictures asked for at a time."""
_REFILL_AT = 3
"""Fewer than this many ahead, and more are asked for."""


@dataclass
class Stop:
    """A picture on the way, and what this curator said of it."""

    record: Json
    review: Json | None = None
    skipped: bool = False

    @property
    def seen(self) -> str:
        """The id of the review that the curator saw beside the picture."""
        standing = self.review or self.record["review"]
        return standing["id"] if standing else reviews.UNSEEN


@dataclass
class Worklist:
    """The pictures of one queue in the order in which they came; `at` is the present one."""

    strategy: str
    session: str
    """Tells this window from others of the same person."""
    stops: list[Stop] = field(default_factory=list)
    at: int = 0
    waiting: int = 0
    decided: list[int] = field(default_factory=list)
    """Places of decisions that stand, oldest first: what undo takes back."""
    unsaved: tuple[str, str, str] | None = None
    """A record's id with the label and note that the backend has not acknowledged."""
    failure: Failure | None = None
    """Why the last click did nothing."""

    @property
    def current(self) -> Stop | None:
        """The picture to decide on; None at the end."""
        return self.stops[self.at] if self.at < len(self.stops) else None

    @property
    def last(self) -> Stop | None:
        """The picture that was decided on last."""
        return self.stops[self.decided[-1]] if self.decided else None

    @property
    def skipped(self) -> list[Stop]:
        """The pictures that were left for later, or for others."""
        return [stop for stop in self.stops if stop.skipped and stop.review is None]

    @property
    def ahead(self) -> list[Stop]:
        """The pictures that come after the present one."""
        return self.stops[self.at + 1 : self.at + 1 + AHEAD]

    def refill(self, client: Client) -> None:
        """Ask for more where few are left. Raises `Failure`."""
        if len(self.stops) - self.at > _REFILL_AT:
            return
        skipped = [stop.record["image"]["sha256"] for stop in self.skipped]
        without = skipped[-reviews.MOST_LEFT_OUT :]
        page = reviews.queue(client, self.strategy, self._wanted(), self.session, without)
        known = {stop.record["image"]["sha256"] for stop in self.stops}
        fresh = [r for r in page["predictions"] if r["image"]["sha256"] not in known]
        self.stops += [Stop(record) for record in fresh[:AHEAD]]
        self.waiting = page["waiting"]

    def _wanted(self) -> int:
        # Those still to be decided on come first again, so as many more are asked for.
        undecided = sum(stop.review is None and not stop.skipped for stop in self.stops)
        return min(50, AHEAD + undecided)

    def decide(self, client: Client, record_id: str, label: str, note: str) -> None:
        """Save a label for the present picture and go on. Raises `Failure`: nothing was saved.

        A click that comes twice, or late, is about a picture that is no longer the present one:
        it decides nothing. Where somebody else decided meanwhile, theirs stands.
        """
        stop = self._present(record_id)
        if stop is None:
            return
        self.unsaved = (record_id, label, note)
        try:
            written = reviews.submit(client, stop.record["id"], label, note, stop.seen)
        except Failure as failure:
            if failure.code in {"conflict", "not_found"}:
                self.unsaved = None
                self._pass(stop)
            raise
        self.unsaved = None
        if stop.review is None:
            self.waiting = max(0, self.waiting - 1)
        stop.review, stop.skipped = written, False
        if self.at in self.decided:
            self.decided.remove(self.at)
        self.decided.append(self.at)
        self.at += 1

    def _present(self, record_id: str) -> Stop | None:
        stop = self.current
        return stop if stop is not None and stop.record["id"] == record_id else None

    def skip(self, record_id: str) -> None:
        """Leave the present picture for later, or for others."""
        stop = self._present(record_id)
        if stop is not None:
            self._pass(stop)

    def _pass(self, stop: Stop) -> None:
        stop.skipped = True
        self.at += 1

    def back(self) -> None:
        """Look at the picture before."""
        self.at = max(0, self.at - 1)

    def undo(self, client: Client, standing: int) -> None:
        """Take back the last of so many decisions and return to its picture. Raises `Failure`."""
        if not self.decided or len(self.decided) != standing:
            return  # a click that came twice
        place = self.decided[-1]
        stop = self.stops[place]
        assert stop.review is not None  # noqa: S101 - what stands in `decided` was reviewed
        try:
            reviews.undo(client, [stop.review["id"]])
        except Failure as failure:
            if failure.code not in {"conflict", "not_found"}:
                raise
        self.decided.pop()
        stop.review = None
        self.waiting += 1
        self.at = place
