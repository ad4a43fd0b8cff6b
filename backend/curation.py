"""What curators do beyond one review: queues, batches, likeness, and who decided what."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from backend.domain import AuditEvent, PredictionRecord, Review, ReviewLabel, new_id, utc_now
from backend.errors import NoModel
from backend.service import Checked, Service
from backend.storage.repository import Mark

LEASE_S = 300.0
"""How long a picture that somebody was given is kept from others."""
NAMED_BY = 16
"""How many digits of its hash name a picture that is to be left out of a queue."""
_PIECE = 100
_MAX_WALK = 2000
"""How many waiting records are looked at for one answer, before it is given as it is."""


class Strategy(StrEnum):
    """By what a queue of review is filled."""

    UNCERTAIN = "uncertain"
    CONFLICT = "conflict"
    APPEALED = "appealed"
    RANDOM = "random"
    FLIPPED = "flipped"

    @property
    def mark(self) -> Mark:
        """What the log marks such records with."""
        return Mark.AUDIT if self is Strategy.RANDOM else Mark(self.value)


class Claims:
    """Who was given which picture lately: short leases, kept in memory alone.

    Lost at a restart without harm: a review says which review its author had seen, and the log
    refuses it where another stands by then.
    """

    def __init__(self, lease_s: float = LEASE_S, clock: Callable[[], float] = time.monotonic):
        self._lease_s = lease_s
        self._clock = clock
        self._held: dict[str, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def take(self, sha256: str, holder: str) -> bool:
        """Claim a picture, or renew the claim; False where somebody else holds it."""
        now = self._clock()
        with self._lock:
            other, until = self._held.get(sha256, (holder, 0.0))
            if other != holder and until > now:
                return False
            self._held[sha256] = (holder, now + self._lease_s)
            return True

    def release(self, names: Collection[str], holder: str) -> None:
        """Let go of this holder's claims to the pictures whose hashes begin so."""
        with self._lock:
            self._held = {
                d: held
                for d, held in self._held.items()
                if held[0] != holder or d[:NAMED_BY] not in names
            }

    def drop(self, sha256: str) -> None:
        """Let go of a picture that was decided on, and of all leases that ran out."""
        now = self._clock()
        with self._lock:
            self._held.pop(sha256, None)
            self._held = {d: held for d, held in self._held.items() if held[1] > now}


@dataclass(frozen=True, slots=True)
class QueuePage:
    """The next pictures for one curator, and how many wait altogether."""

    items: tuple[Checked, ...]
    waiting: int


@dataclass(frozen=True, slots=True)
class Deed:
    """One line of the audit trail."""

    id: str
    at: datetime
    actor: str
    action: str
    detail: str
    prediction_id: str | None = None


class Curation:
    """The use cases of curators, around the service."""

    def __init__(self, service: Service, claims: Claims | None = None) -> None:
        self._service = service
        self._repository = service.repository
        self._claims = claims or Claims()

    # ---- queues -------------------------------------------------------------------------

    def queue(
        self,
        strategy: Strategy,
        limit: int,
        holder: str | None,
        without: Collection[str] = frozenset(),
    ) -> QueuePage:
        """Return the next pictures of a queue for one curator, and keep them from others.

        Who may only look is no holder: nothing is kept for them. `without` begins the hashes of
        pictures to leave out, such as those that the curator skipped: they are free for others.
        Each picture comes once, however many records are about it; those whose bytes are not
        kept are left out, since nobody can judge what is not there.
        """
        taken: list[PredictionRecord] = []
        if holder is not None and without:
            self._claims.release(without, holder)
        for record in self._walk(strategy.mark, without):
            if holder is None or self._claims.take(record.image.sha256, holder):
                taken.append(record)
            if len(taken) == limit:
                break
        waiting = self._repository.count_waiting(strategy.mark)
        return QueuePage(self._service.describe(taken), waiting)

    def _walk(self, mark: Mark, without: Collection[str]) -> Iterator[PredictionRecord]:
        seen: set[str] = set()
        middle = self._middle()
        offset, limit = 0, _PIECE
        while offset < _MAX_WALK:
            piece = self._repository.list_waiting(mark, middle=middle, limit=limit, offset=offset)
            for record in piece:
                digest = record.image.sha256
                is_wanted = digest not in seen and digest[:NAMED_BY] not in without
                if is_wanted and self._service.images.has(digest):
                    yield record
                seen.add(digest)
            if len(piece) < limit:
                return
            # Each piece sorts the queue anew: where many are passed over, few large ones are best.
            offset, limit = offset + limit, 4 * limit

    def _middle(self) -> float:
        try:
            policy = self._service.policy()
        except NoModel:
            return 0.5
        return (policy.human_at_most + policy.ai_at_least) / 2

    # ---- reviews ------------------------------------------------------------------------

    def review(
        self, prediction_id: str, label: ReviewLabel, actor: str, note: str, seen: str | None
    ) -> Review:
        """Append a review; the picture is no longer kept for anybody.

        Raises:
            NotFound, BadInput: as `Service.submit_review` says.
            Conflict: another review than the one seen stands by now.
        """
        written = self._service.submit_review(prediction_id, label, actor, note, seen=seen)
        self._claims.drop(written.sha256)
        return written

    def review_many(
        self, prediction_ids: Sequence[str], label: ReviewLabel, actor: str, note: str = ""
    ) -> tuple[Review, ...]:
        """Give one label to the pictures of several records, all or none; one review a picture.

        Raises:
            NotFound: one of the records is not there.
        """
        pictures: dict[str, PredictionRecord] = {}
        for prediction_id in prediction_ids:
            record = self._service.get(prediction_id)
            pictures.setdefault(record.image.sha256, record)
        now = self._service.moment_to_review(list(pictures))
        reviews = tuple(
            Review(new_id(), now, record.id, digest, label, actor, note)
            for digest, record in pictures.items()
        )
        for review in reviews:
            self._service.keep_if_remembered(review.sha256)
        self._repository.append_reviews(reviews)
        for review in reviews:
            self._claims.drop(review.sha256)
        return reviews

    def undo_many(self, review_ids: Sequence[str], actor: str) -> tuple[Review, ...]:
        """Mark reviews undone, all or none. Raises `NotFound`, `Conflict`."""
        undone = self._repository.undo_reviews(review_ids, utc_now())
        for review in undone:
            self._repository.append_event(
                AuditEvent(new_id(), utc_now(), actor, "review.undo", review.id)
            )
        return undone

    # ---- looking about ------------------------------------------------------------------

    def similar(self, prediction_id: str, limit: int = 50) -> tuple[tuple[Checked, int], ...]:
        """Return the other records whose pictures look like a record's, and how far off they are.

        Raises:
            NotFound: there is no such record.
        """
        record = self._service.get(prediction_id)
        phash = self._repository.phashes([record.id]).get(record.id)
        if phash is None:
            return ()
        found = self._repository.similar(phash, limit=limit + 1)
        others = [s for s in found if s.record.id != record.id][:limit]
        described = self._service.describe([s.record for s in others])
        return tuple(zip(described, (s.distance_bits for s in others), strict=True))

    def trail(self, limit: int, before: tuple[datetime, str] | None) -> tuple[Deed, ...]:
        """Return who decided what, newest first: reviews, and every event of the audit trail."""
        reviews = self._repository.list_reviews(limit, before)
        events = self._repository.list_events(limit, before)
        deeds = [
            *(
                Deed(r.id, r.created_at, r.reviewer, "review", _said(r), r.prediction_id)
                for r in reviews
            ),
            *(Deed(e.id, e.created_at, e.actor, e.action, e.detail) for e in events),
        ]
        return tuple(sorted(deeds, key=lambda d: (d.at, d.id), reverse=True)[:limit])


def _said(review: Review) -> str:
    undone = ", undone since" if review.undone_at else ""
    note = f": {review.note}" if review.note else ""
    return f"{review.label.value}{undone}{note}"
