"""The log as the rest of Brushmark sees it: the smallest interface that does the work.

One contract test-suite (`tests/storage/contract.py`) runs over every implementation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

from backend.domain import (
    Activation,
    Appeal,
    AuditEvent,
    Credit,
    Job,
    Label,
    Outcome,
    PairingCode,
    Policy,
    PredictionRecord,
    Review,
    ReviewLabel,
    SizeClass,
    Source,
    Token,
)

SORTS = ("-created_at", "created_at", "-score", "score")
MAX_PAGE = 200
NO_EVIDENCE = "none"
"""In place of a finding: the file says nothing of itself."""


@dataclass(frozen=True, slots=True)
class PredictionFilter:
    """Which records are asked for; every given condition must hold.

    `reviewed` and `label` look at the latest review, not undone, of the record's bytes.
    `site` is the host of the page's or else the image's address. `q` is searched, case
    folded, in id, SHA-256, site, page title and summary. Scores are P(ai_generated); a record
    without one passes no limit on scores, and sorts below all that have one. `since` is
    included, `until` is not. `conflict` says whether model and file have to disagree, `audit`
    whether it was drawn for the random audit.
    `evidence` is what the file says of itself: a kind of finding (`c2pa`), one with its status
    (`c2pa verified`), or `none`. `generator` is the likely one that the file names.
    """

    outcome: Outcome | None = None
    label: ReviewLabel | None = None
    reviewed: bool | None = None
    model: str | None = None
    site: str | None = None
    source: Source | None = None
    client: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    min_score: float | None = None
    max_score: float | None = None
    conflict: bool | None = None
    audit: bool | None = None
    policy: int | None = None
    evidence: str | None = None
    generator: str | None = None
    size: SizeClass | None = None
    format: str | None = None
    q: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some records in order, and the cursor of those that follow."""

    records: tuple[PredictionRecord, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts over the whole log that every page shows; kept up to date as rows are written."""

    predictions: int
    by_outcome: Mapping[str, int]
    by_day: Mapping[str, Mapping[str, int]]
    """Date (UTC, ISO) to outcome to count, the last 90 days that have any."""
    by_model: Mapping[str, int]
    by_source: Mapping[str, int]
    score_histogram: tuple[int, ...]
    """Twenty equal bins of the score from 0 to 1."""
    reviewed: int
    """Distinct pictures with a standing review."""
    by_label: Mapping[str, int]
    agreed: int
    """Standing reviews whose label is the verdict's outcome of the record reviewed."""
    corrected: int
    """Standing reviews whose label is the opposite of that outcome."""
    appeals: int


class Reviewed(NamedTuple):
    """What figures need of one record whose bytes have a standing review.

    A tuple, since figures read tens of thousands of them. Words are the enums' values; a
    `score` below zero means none. `evidence` lists what the file says of itself, a line each,
    as `c2pa verified`.
    """

    id: str
    sha256: str
    created_at: str
    label: str
    outcome: str
    basis: str | None
    score: float
    model: str | None
    policy: int | None
    site: str | None
    source: str
    format: str
    short_side_px: int
    bytes: int
    audit: int
    conflict: int
    generator: str | None
    evidence: str


@dataclass(frozen=True, slots=True)
class DailyCounts:
    """Records of a span of days, counted by what `storage.derived` counts them as.

    `by_day` goes from fact (`outcome`, `source`, `model`, `score`, `latency`, `format`, `side`,
    `bytes`, `audit`) to day to key to count; `by_site` from site to outcome to count, of the
    sites with most.
    """

    by_day: Mapping[str, Mapping[str, Mapping[str, int]]]
    by_site: Mapping[str, Mapping[str, int]]
    sites: int
    """How many sites there were in all."""
    appeals: Mapping[str, int]
    """Day to appeals of that day."""


@dataclass(frozen=True, slots=True)
class Extras:
    """What lies beside a record: bulk in a table of its own, and the picture's likeness."""

    activation: Activation | None = None
    features: bytes | None = None
    """The pooled feature vector as little-endian float16."""
    phash: int | None = None
    """The perceptual hash (64 bits) by which near-duplicates are found."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """A labelled picture from elsewhere, as the log takes it in.

    `record` may be one that the log holds. A label that `yields` gives way to one that stands.
    """

    record: PredictionRecord
    extras: Extras
    review: Review
    credit: Credit | None
    yields: bool


class TakenIn(NamedTuple):
    """What became of the records and of the labels that were taken in."""

    records: int
    known: int
    """Records that were here already."""
    clashing: int
    """Records whose id another picture's record has here; left out."""
    labels: int
    reviewed: int
    """Labels that were here already."""
    contradicted: int
    """Labels left out, since another stands here."""
    unplaced: int
    """Labels left out, since their record clashed."""


class Erased(NamedTuple):
    """How many documents were erased."""

    records: int
    reviews: int
    appeals: int


@dataclass(frozen=True, slots=True)
class Similar:
    """A record whose picture looks like another."""

    record: PredictionRecord
    distance_bits: int
    """Bits by which the perceptual hashes differ; up to 8 is a copy, re-encoded or resized."""


class Mark(StrEnum):
    """What puts an unreviewed record into a queue of review."""

    UNCERTAIN = "uncertain"
    CONFLICT = "conflict"
    APPEALED = "appealed"
    FLIPPED = "flipped"
    AUDIT = "audit"


NEAR_BITS = 8
UNSEEN = "unseen"
"""In place of the id of the review that stood when a person decided: there was none."""


class Repository(Protocol):
    """Documents that survive a kill -9 once a method has returned.

    Every method may raise `StoreUnavailable`, `StoreDamaged` or `OutOfSpace`; those that
    take an id of something absent raise `NotFound` where they do not return None.
    Safe to call from many threads; several processes may hold one store open.
    """

    # predictions
    def append_prediction(self, record: PredictionRecord, extras: Extras) -> None:
        """Add a record; its id must be new (`Conflict` otherwise)."""

    def get_prediction(self, prediction_id: str) -> PredictionRecord | None:
        """Return the record of that id."""

    def get_extras(self, prediction_id: str) -> Extras:
        """Return what lies beside a record; empty where nothing does."""

    def phashes(self, prediction_ids: Sequence[str]) -> Mapping[str, int]:
        """Return the perceptual hashes (64 bits) of those records that have one, by id."""

    def vectors_after(
        self, prediction_id: str = "", limit: int = 500
    ) -> tuple[tuple[PredictionRecord, bytes], ...]:
        """Return records with their feature vectors, by id, those after the given one.

        Damaged ones are passed over.
        """

    def list_predictions(
        self,
        where: PredictionFilter,
        *,
        sort: str = "-created_at",
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page:
        """Return a page of records; a cursor that is not ours raises `BadInput`."""

    def count_predictions(self, where: PredictionFilter) -> int:
        """Count the records that a filter lets through."""

    def latest_by_sha256(self, digests: Sequence[str]) -> Mapping[str, PredictionRecord]:
        """Return the newest record of each of these bytes that has one."""

    def delete_prediction(self, prediction_id: str) -> None:
        """Remove a record and its extras; reviews of its bytes stay."""

    def expire_unreviewed(self, before: datetime, limit: int = 500) -> tuple[str, ...]:
        """Take the context off unreviewed records older than that, oldest first.

        Returns the SHA-256 of each whose picture may go now (none of its records is younger,
        reviewed or appealed). At most `limit` records a call; empty when nothing is left.
        """

    def holding(self, digests: Sequence[str]) -> Mapping[str, bool]:
        """Say of each of these pictures that has a record whether its records hold it still.

        They do while one is not expired, or while the bytes are reviewed or appealed.
        """

    # reviews: latest standing one of the bytes counts
    def append_review(self, review: Review, *, seen: str | None = None) -> None:
        """Add a review; raises `NotFound` or `BadInput` where its record is not, or differs.

        Where `seen` is given, another standing review than that (none: `UNSEEN`) is a
        `Conflict`: somebody else decided meanwhile.
        """

    def append_reviews(self, reviews: Sequence[Review]) -> None:
        """Add several reviews, all or none. Raises as `append_review` does."""

    def undo_reviews(self, review_ids: Sequence[str], undone_at: datetime) -> tuple[Review, ...]:
        """Mark several reviews undone, all or none. Raises as `undo_review` does."""

    def list_reviews(
        self, limit: int = 200, before: tuple[datetime, str] | None = None
    ) -> tuple[Review, ...]:
        """Return reviews, newest first, undone ones too; `before` is a moment and an id."""

    def undo_review(self, review_id: str, undone_at: datetime) -> Review:
        """Mark a review undone, once (`Conflict` after that); both facts stay in the log."""

    def reviews_of(self, sha256: str) -> tuple[Review, ...]:
        """Return every review of these bytes, oldest first, undone ones too."""

    def latest_reviews(self, digests: Sequence[str]) -> Mapping[str, Review]:
        """Return the latest standing review of each of these bytes that has one."""

    # appeals
    def append_appeal(self, appeal: Appeal) -> None:
        """Add an appeal."""

    def count_appeals(self, prediction_ids: Sequence[str]) -> Mapping[str, int]:
        """Count the appeals against each of these records (0 where none)."""

    def appeals_of(self, sha256: str) -> tuple[Appeal, ...]:
        """Return every appeal about these bytes, oldest first."""

    def list_appeals(self, limit: int = 200, client: str | None = None) -> tuple[Appeal, ...]:
        """Return appeals, newest first: everybody's, or those of one client."""

    # queues of review and near-duplicates
    def list_waiting(
        self, mark: Mark, *, middle: float = 0.5, limit: int = 50, offset: int = 0
    ) -> tuple[PredictionRecord, ...]:
        """Return records that wait for a review because of a mark, in the order to take them.

        Uncertain ones nearest to the middle first, the audit sample in the (random) order of
        its hashes, appealed ones longest waiting first, the others newest first. An appealed
        record waits until its bytes are reviewed after the appeal; all others until they are
        reviewed at all.
        """

    def count_waiting(self, mark: Mark) -> int:
        """Count the records that wait because of a mark."""

    def set_flipped(self, prediction_ids: Sequence[str], flipped: bool) -> None:
        """Mark records whose outcome another model version turned over; unknown ids are let be."""

    def similar(self, phash: int, *, bits: int = NEAR_BITS, limit: int = 50) -> tuple[Similar, ...]:
        """Return the records whose pictures look like one, nearest first, then newest."""

    def similar_reviewed(self, phash: int, *, bits: int = NEAR_BITS) -> tuple[Similar, ...]:
        """Return those among similar records whose bytes have a standing review."""

    # tokens and pairing
    def append_token(self, token: Token) -> None:
        """Add a token."""

    def find_token(self, digest: str) -> Token | None:
        """Return the token with that digest unless revoked."""

    def list_tokens(self) -> tuple[Token, ...]:
        """Return all tokens, oldest first, revoked ones too."""

    def revoke_token(self, token_id: str, revoked_at: datetime) -> Token:
        """Mark a token revoked."""

    def append_pairing_code(self, code: PairingCode) -> None:
        """Add a pairing code; those expired are dropped on the way."""

    def use_pairing_code(self, digest: str, now: datetime) -> bool:
        """Use up a code, atomically: True once, for a code unused and unexpired."""

    # policies
    def append_policy(self, policy: Policy) -> None:
        """Add a policy; its number must be new (`Conflict` otherwise)."""

    def latest_policy(self) -> Policy | None:
        """Return the policy with the highest number."""

    # jobs
    def save_job(self, job: Job) -> None:
        """Add a job or replace the one with its id."""

    def list_jobs(self, limit: int = 100) -> tuple[Job, ...]:
        """Return jobs, newest first."""

    # small facts of the installation, such as the active model version
    def get_setting(self, key: str) -> str | None:
        """Return a small fact by name."""

    def put_setting(self, key: str, value: str) -> None:
        """Keep a small fact."""

    # audit
    def append_event(self, event: AuditEvent) -> None:
        """Add to the audit trail."""

    def list_events(
        self, limit: int = 200, before: tuple[datetime, str] | None = None
    ) -> tuple[AuditEvent, ...]:
        """Return audit events, newest first; `before` is a moment and an id."""

    # data sets from elsewhere
    def take_in(self, foreign: Iterable[Foreign]) -> TakenIn:
        """Add records, reviews and credits that are not here yet, all or none."""

    def credits_of(self, digests: Sequence[str]) -> Mapping[str, Credit]:
        """Return what imported data sets say of each of these pictures, where any does."""

    # letting go for good
    def records_at(self, address: str, limit: int = 500) -> tuple[PredictionRecord, ...]:
        """Return records whose page or picture has that address."""

    def records_on(self, host: str, limit: int = 500) -> tuple[PredictionRecord, ...]:
        """Return records whose page or picture lies on that host, at any port."""

    def unshared(self, prediction_ids: Sequence[str]) -> tuple[str, ...]:
        """Return the SHA-256 of each picture that no record but these is about."""

    def erase(self, prediction_ids: Sequence[str]) -> Erased:
        """Remove records, what lies beside them, and the reviews and appeals about them.

        Reviews, appeals and credits of a picture's bytes go with its last record.
        """

    def erase_client(self, client: str) -> Erased:
        """Remove a client's appeals and revoked tokens, and its name from its reviews."""

    def rewrite_history(self, rewrite: Callable[[str], str]) -> int:
        """Put every text of the jobs and of the audit trail through `rewrite`; count changes."""

    def repack(self) -> bool:
        """Leave no trace of what was erased; False where somebody else is in the way."""

    # figures
    def reviewed(self) -> tuple[Reviewed, ...]:
        """Return every record whose bytes have a standing review, in the order of appending."""

    def audit_sample(self) -> Mapping[Outcome, int]:
        """Count the records drawn for the random audit, reviewed or not, by outcome."""

    def repeated_reviews(self) -> tuple[Review, ...]:
        """Return the standing reviews of all bytes that have more than one, oldest first."""

    def daily_counts(self, since: date, until: date, max_sites: int = 20) -> DailyCounts:
        """Count the records of the days from `since` to `until`, both included (UTC)."""

    def changed_verdicts(
        self, model: str, human_at_most: float, ai_at_least: float
    ) -> Mapping[tuple[Outcome, Outcome], int]:
        """Count a model's verdicts by outcome, and what it would be under other thresholds.

        Verdicts that rest on something else than the score are left out.
        """

    def appeals_by_review(self) -> Mapping[tuple[Label, ReviewLabel | None], int]:
        """Count appeals by what they claim and the standing label of their record's bytes."""

    # whole
    def stats(self) -> Stats:
        """Return the counts that every page shows, in time that does not grow with the log."""

    def ready(self) -> None:
        """Return if a write would work now; raise as above if not."""

    def close(self) -> None:
        """Release the store; further calls raise `StoreUnavailable`."""
