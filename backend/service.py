"""The use cases: check a picture, look up bytes, read the log, review, appeal.

Entry points (api, cli) translate and call; this decides the order of things.
"""

from __future__ import annotations

import hashlib
import logging
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from backend.domain import (
    Activation,
    Appeal,
    AuditEvent,
    Context,
    Label,
    Outcome,
    Policy,
    PredictionRecord,
    Review,
    ReviewLabel,
    Verdict,
    new_id,
    utc_now,
)
from backend.errors import BadInput, BrushmarkError, Busy, NoModel, NotFound, UrlRefused
from backend.imaging.fetch import fetch
from backend.imaging.thumbnail import thumbnail
from backend.judging import Judged, VerdictCache, judge_bytes, ledger_of
from backend.loggable import loggable, loggable_context
from backend.model.judge import Judge
from backend.recent_pictures import RecentPictures
from backend.settings import KeepImages, Settings
from backend.storage.images import ImageStore
from backend.storage.repository import Extras, Page, PredictionFilter, Repository, Stats
from backend.work_queue import WorkQueue

log = logging.getLogger(__name__)

AUDIT_SHARE = 0.05
"""Share of logged checks drawn at random for the audit sample, whose figures are unbiased."""
FETCHES = 4
"""How many pictures are fetched by address at a time; each may take ten seconds."""
_TICK = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class SimilarReview:
    """What a curator said of a picture that looks like another: a hint, never a verdict."""

    label: ReviewLabel
    reviewed_at: datetime
    distance_bits: int


@dataclass(frozen=True, slots=True)
class Checked:
    """A record with what is known of its bytes since."""

    record: PredictionRecord
    activation: Activation | None
    review: Review | None
    appeals: int
    logged: bool
    similar: SimilarReview | None = None
    """Looked for where one picture is asked about and its own bytes have no review."""


class Service:
    """Everything that Brushmark does with one picture or with the log."""

    def __init__(
        self,
        settings: Settings,
        repository: Repository,
        images: ImageStore,
        judge: Judge | None,
        *,
        slots: int = 2,
        waiting: int = 16,
        draw: random.Random | None = None,
        fetcher: Callable[[str], bytes] = fetch,
    ) -> None:
        """Wire the parts together.

        Args:
            settings: what is kept, and for how long.
            repository: the log.
            images: the folder of kept pictures.
            judge: the loaded model, or None where none could be loaded.
            slots: how many pictures are judged at a time.
            waiting: how many more may wait for that.
            draw: draws the audit sample.
            fetcher: returns the bytes at an address of the public internet.
        """
        self.settings = settings
        self.repository = repository
        self.images = images
        self.judge = judge
        self.queue = WorkQueue(slots, waiting)
        self.ledger = ledger_of(settings)
        self._fetch = fetcher
        self._fetches = threading.BoundedSemaphore(FETCHES)
        self._draw = draw or random.SystemRandom()
        self._verdicts = VerdictCache()
        self._recent = RecentPictures()

    # ---- checking -----------------------------------------------------------------------

    def check_image(
        self, data: bytes, context: Context, client: str, *, keep_log: bool = True
    ) -> Checked:
        """Judge a picture's original bytes and, unless told otherwise, log the prediction.

        Raises:
            BadInput, TooLarge, UnsupportedType, UndecodableImage: no picture that we take.
            Busy: the queue is full.
            NoModel: there are no weights to judge with.
            OutOfSpace, StoreUnavailable: it could not be logged, and was not.
        """
        started = time.perf_counter()
        judged = self._judge(data)
        audit = keep_log and self._draw.random() < AUDIT_SHARE
        record = judged.record(
            client,
            loggable_context(context, self.settings),
            (time.perf_counter() - started) * 1000,
            audit=audit,
        )
        digest = judged.facts.sha256
        review = self.repository.latest_reviews([digest]).get(digest)
        if keep_log:
            kept = self._is_kept(judged.verdict, audit or review is not None)
            self._log(record, Extras(judged.activation, judged.features, judged.phash), data, kept)
        similar = None if review else self._similar_review(judged.phash)
        return Checked(record, judged.activation, review, 0, keep_log, similar)

    def _similar_review(self, phash: int | None) -> SimilarReview | None:
        if phash is None:
            return None
        for found in self.repository.similar_reviewed(phash):
            digest = found.record.image.sha256
            review = self.repository.latest_reviews([digest]).get(digest)
            if review is not None:
                return SimilarReview(review.label, review.created_at, found.distance_bits)
        return None

    def _log(self, record: PredictionRecord, extras: Extras, data: bytes, kept: bool) -> None:
        # The picture first: a record must never name a kept picture that is not there.
        digest = record.image.sha256
        if kept:
            self.images.put(digest, data)
        try:
            self.repository.append_prediction(loggable(record, self.settings), extras)
        except BaseException:
            if kept:
                self._drop_orphan(digest)
            raise
        if not kept and self.settings.keep_images is not KeepImages.NONE:
            self._recent.put(digest, data)

    def _drop_orphan(self, digest: str) -> None:
        # Nobody could ask to forget a picture that no record is about.
        with suppress(BrushmarkError):
            if not self.repository.latest_by_sha256([digest]):
                self.images.delete(digest)

    def fetch_image(self, url: str) -> bytes:
        """Return the bytes at an address of the public internet, a few at a time.

        Raises:
            UrlRefused: fetching is off here, or the address is not one we fetch from.
            UrlUnreachable, TooLarge, UnsupportedType: no picture could be had.
            Busy: others are being fetched.
        """
        if not self.settings.url_fetch:
            raise UrlRefused("This server fetches no addresses; send the picture itself.")
        if not self._fetches.acquire(blocking=False):
            raise Busy("Other pictures are being fetched; try again in a second.")
        try:
            return self._fetch(url)
        finally:
            self._fetches.release()

    def require_judge(self) -> Judge:
        """Return the loaded model. Raises `NoModel` where none could be loaded."""
        if self.judge is None:
            raise NoModel(
                "This server has no model to judge with; its log says why, and "
                "`brushmark models list` shows what is installed."
            )
        return self.judge

    def take_over(self, judge: Judge) -> None:
        """Judge with another model from now on.

        What is being judged goes on with the one before, which goes when nobody holds it.
        """
        self.judge = judge

    def _judge(self, data: bytes) -> Judged:
        judge = self.require_judge()
        # Of this model, whatever is activated meanwhile.
        policy = self.repository.latest_policy() or judge.policy
        digest = hashlib.sha256(data).hexdigest()
        key = (digest, judge.ref.sha256, policy.number)
        known = self._verdicts.get(key)
        if known is not None:
            return known
        with self.queue.place():
            judged = judge_bytes(data, judge, policy, self.ledger)
        self._verdicts.put(key, judged)
        return judged

    def _is_kept(self, verdict: Verdict, wanted: bool) -> bool:
        keep = self.settings.keep_images
        if keep is KeepImages.REVIEWABLE:
            return verdict.outcome is Outcome.UNCERTAIN or verdict.conflict or wanted
        return keep is KeepImages.ALL

    def keep_if_remembered(self, digest: str) -> None:
        """Keep a picture that was checked a moment ago: somebody took an interest in it."""
        data = self._recent.get(digest)
        if data is not None and not self.images.has(digest):
            self.images.put(digest, data)

    # ---- reading ------------------------------------------------------------------------

    def policy(self) -> Policy:
        """Return the thresholds in force: the latest published, else the model card's."""
        return self.repository.latest_policy() or self.require_judge().policy

    def get(self, prediction_id: str, owner: str | None = None) -> PredictionRecord:
        """Return one record, of that client alone where `owner` names one. Raises `NotFound`."""
        record = self.repository.get_prediction(prediction_id)
        if record is None or owner not in {None, record.client}:
            raise NotFound(f"There is no prediction “{prediction_id[:64]}”.")
        return record

    def describe(self, records: Sequence[PredictionRecord]) -> tuple[Checked, ...]:
        """Add to each record the latest review of its bytes and its number of appeals."""
        reviews = self.repository.latest_reviews([r.image.sha256 for r in records])
        appeals = self.repository.count_appeals([r.id for r in records])
        return tuple(
            Checked(r, None, reviews.get(r.image.sha256), appeals.get(r.id, 0), True)
            for r in records
        )

    def describe_one(self, record: PredictionRecord) -> Checked:
        """Describe a record; where it has no review, with that of a picture that looks alike."""
        return self._with_similar(self.describe([record]))[0]

    def _with_similar(self, described: Sequence[Checked]) -> tuple[Checked, ...]:
        """Add to what has no review that of a picture that looks alike."""
        phashes = self.repository.phashes([c.record.id for c in described if c.review is None])
        return tuple(
            replace(c, similar=self._similar_review(phashes.get(c.record.id))) for c in described
        )

    def list(
        self, where: PredictionFilter, *, sort: str, limit: int, cursor: str | None
    ) -> tuple[tuple[Checked, ...], str | None]:
        """Return a page of described records and the cursor of the next."""
        page: Page = self.repository.list_predictions(where, sort=sort, limit=limit, cursor=cursor)
        return self.describe(page.records), page.next_cursor

    def lookup(self, digests: Sequence[str]) -> Mapping[str, Checked]:
        """Return the newest verdict and the review of bytes seen before, by exact hash."""
        records = self.repository.latest_by_sha256(digests)
        found = self._with_similar(self.describe(list(records.values())))
        return {c.record.image.sha256: c for c in found}

    def activation(
        self, prediction_id: str, owner: str | None = None
    ) -> tuple[PredictionRecord, Activation]:
        """Return a record and its heat map. Raises `NotFound`."""
        record = self.get(prediction_id, owner)
        activation = self.repository.get_extras(prediction_id).activation
        if activation is None:
            raise NotFound("This picture was not scored, so there is no heat map.")
        return record, activation

    def image(self, prediction_id: str) -> tuple[PredictionRecord, bytes]:
        """Return a record's original bytes: kept, or still in memory. Raises `NotFound`."""
        record = self.get(prediction_id)
        data = self.images.get(record.image.sha256) or self._recent.get(record.image.sha256)
        if data is None:
            raise NotFound("This picture was not kept (see BRUSHMARK_KEEP_IMAGES).")
        return record, data

    def thumbnail(self, prediction_id: str) -> tuple[PredictionRecord, bytes]:
        """Return a small JPEG of a record's kept picture. Raises `NotFound`, `Busy`."""
        record, data = self.image(prediction_id)
        with self.queue.place():
            return record, thumbnail(data)

    def stats(self) -> Stats:
        """Return the counts that every page shows."""
        return self.repository.stats()

    # ---- writing ------------------------------------------------------------------------

    def submit_review(
        self,
        prediction_id: str,
        label: ReviewLabel,
        reviewer: str,
        note: str = "",
        *,
        seen: str | None = None,
    ) -> Review:
        """Append a curator's label for a record's bytes. Raises `NotFound`, `BadInput`.

        Where `seen` is given, another standing review than that one is a `Conflict`.
        """
        if len(note) > 2000:
            raise BadInput("A note has at most 2000 characters.")
        record = self.get(prediction_id)
        digest = record.image.sha256
        now = self.moment_to_review([digest])
        review = Review(new_id(), now, record.id, digest, label, reviewer, note)
        self.keep_if_remembered(digest)
        self.repository.append_review(review, seen=seen)
        return review

    def moment_to_review(self, digests: Sequence[str]) -> datetime:
        """Return now, or just after what stands of these bytes where a clock had run ahead.

        The latest review is the one that stands: what somebody says now must be that.
        """
        standing = self.repository.latest_reviews(digests).values()
        return max([utc_now(), *(review.created_at + _TICK for review in standing)])

    def undo_review(self, review_id: str, actor: str) -> Review:
        """Mark a review undone; the log keeps both. Raises `NotFound`, `Conflict`."""
        review = self.repository.undo_review(review_id, utc_now())
        self.repository.append_event(
            AuditEvent(new_id(), utc_now(), actor, "review.undo", review_id)
        )
        return review

    def submit_appeal(
        self,
        prediction_id: str,
        claim: Label,
        reason: str,
        client: str,
        owner: str | None = None,
    ) -> Appeal:
        """Append a visitor's disagreement. Raises `NotFound`, `BadInput`.

        Where `owner` is given, the record must be that client's own.
        """
        if len(reason) > 2000:
            raise BadInput("A reason has at most 2000 characters.")
        record = self.get(prediction_id, owner)
        appeal = Appeal(new_id(), utc_now(), record.id, record.image.sha256, claim, reason, client)
        self.keep_if_remembered(record.image.sha256)
        self.repository.append_appeal(appeal)
        return appeal

    def publish_policy(
        self, human_at_most: float, ai_at_least: float, author: str, note: str = ""
    ) -> Policy:
        """Publish thresholds under the next number. Raises `BadInput`, `Conflict`."""
        try:
            policy = Policy(
                self.policy().number + 1, human_at_most, ai_at_least, utc_now(), author, note
            )
        except ValueError as error:
            raise BadInput(f"Those thresholds will not do: {error}.") from error
        self.repository.append_policy(policy)
        self.repository.append_event(
            AuditEvent(
                new_id(),
                utc_now(),
                author,
                "policy.publish",
                f"{policy.number}: {human_at_most}..{ai_at_least}",
            )
        )
        return policy

    def delete(self, prediction_id: str, actor: str) -> None:
        """Remove a record, and its picture where no other record has the same bytes."""
        record = self.get(prediction_id)
        self.repository.delete_prediction(record.id)
        digest = record.image.sha256
        if not self.repository.latest_by_sha256([digest]):
            self.images.delete(digest)
            self.forget_bytes(digest)
        self.repository.append_event(
            AuditEvent(new_id(), utc_now(), actor, "prediction.delete", record.id)
        )

    def forget_bytes(self, digest: str) -> None:
        """Drop what memory holds of a picture."""
        self._recent.forget(digest)
        self._verdicts.forget(digest)

    def expire(self) -> int:
        """Apply the retention: unreviewed records past it lose picture and context.

        Pictures that an interruption left behind go as well.
        """
        before = utc_now() - timedelta(days=self.settings.retention_days)
        dropped = 0
        while digests := self.repository.expire_unreviewed(before):
            dropped += sum(self._let_go(digest, self.images.delete) for digest in digests)
        self._note_forgotten(
            dropped, f"{dropped} pictures unreviewed for {self.settings.retention_days} days"
        )
        left = self._sweep()
        self._note_forgotten(left, f"{left} pictures that no record held any more")
        return dropped + left

    def _sweep(self) -> int:
        """Delete what is kept for no record, as a kill or a failing disk leaves it."""
        self.images.sweep()
        ours_since = self._ours_since()
        dropped = 0
        for digests in self.images.aged():
            held = self.repository.holding(digests)
            left = [
                digest
                for digest in digests
                if not (held[digest] if digest in held else self._is_strange(digest, ours_since))
            ]
            if self._is_importing():
                break
            dropped += sum(self._let_go(digest, self.images.delete_aged) for digest in left)
        return dropped

    def _ours_since(self) -> datetime | None:
        """Return from when on a picture without a record is this log's; None where none is.

        It may belong to another home, where the folder lies outside ours, or to a log that was
        here before the oldest record of this one, and may come back.
        """
        if self.settings.images is not None:
            return None
        oldest = self.repository.list_predictions(PredictionFilter(), sort="created_at", limit=1)
        return oldest.records[0].created_at if oldest.records else None

    def _is_strange(self, digest: str, ours_since: datetime | None) -> bool:
        kept_at = self.images.kept_at(digest)
        return ours_since is None or kept_at is None or kept_at < ours_since

    def _is_importing(self) -> bool:
        """Say whether an import is under way: its pictures have no records until its end."""
        folder = self.settings.home / "imports"
        return folder.is_dir() and any(path.is_dir() for path in folder.iterdir())

    def _let_go(self, digest: str, delete: Callable[[str], None]) -> bool:
        """Delete a picture; return False where that fails, and a later sweep tries it again."""
        self.forget_bytes(digest)
        try:
            delete(digest)
        except BrushmarkError as error:
            log.warning("a picture could not be deleted: %s", error)
            return False
        return True

    def _note_forgotten(self, pictures: int, detail: str) -> None:
        if pictures:
            log.info("retention applied", extra={"pictures": pictures})
            self.repository.append_event(
                AuditEvent(new_id(), utc_now(), "retention", "forget", detail)
            )

    def ready(self) -> None:
        """Return if a check would be judged and logged now; raise what stands in its way.

        Raises:
            NoModel, StoreUnavailable, OutOfSpace: a check would be refused.
        """
        self.require_judge()
        self.repository.ready()

    def close(self) -> None:
        """Let go of the model and the log."""
        if self.judge is not None:
            self.judge.close()
        self.repository.close()
