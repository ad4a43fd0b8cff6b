"""A repository in memory: plain loops over lists, obviously right, kept to the same contract."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

from backend.domain import (
    SIDE_EDGES_PX,
    Appeal,
    AuditEvent,
    Basis,
    Credit,
    EvidenceStatus,
    Job,
    Label,
    Outcome,
    PairingCode,
    Policy,
    PredictionRecord,
    Review,
    ReviewLabel,
    SizeClass,
    Token,
)
from backend.errors import BadInput, BrushmarkError, Conflict, NotFound, StoreUnavailable
from backend.storage.derived import BYTES_EDGES, LATENCY_STEPS_MS
from backend.storage.repository import (
    MAX_PAGE,
    NEAR_BITS,
    NO_EVIDENCE,
    SORTS,
    UNSEEN,
    DailyCounts,
    Erased,
    Extras,
    Foreign,
    Mark,
    Page,
    PredictionFilter,
    Repository,
    Reviewed,
    Similar,
    Stats,
    TakenIn,
)
from backend.wire import time_to_text

T = TypeVar("T")


class MemoryRepository(Repository):
    """What a `Repository` does, without a disk."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._records: dict[str, PredictionRecord] = {}
        self._extras: dict[str, Extras] = {}
        self._expired: set[str] = set()
        self._flipped: set[str] = set()
        self._reviews: dict[str, Review] = {}
        self._reviewed_outcome: dict[str, Outcome] = {}
        self._appeals: dict[str, Appeal] = {}
        self._tokens: dict[str, Token] = {}
        self._codes: dict[str, PairingCode] = {}
        self._policies: dict[int, Policy] = {}
        self._jobs: dict[str, Job] = {}
        self._facts: dict[str, str] = {}
        self._events: dict[str, AuditEvent] = {}
        self._credits: dict[str, Credit] = {}
        self._closed = False

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("_") and name != "close" and self._closed:
            raise StoreUnavailable("The store is closed.")
        return super().__getattribute__(name)

    # ---- predictions --------------------------------------------------------------------

    def append_prediction(self, record: PredictionRecord, extras: Extras) -> None:
        self._add(self._records, record.id, record)
        self._extras[record.id] = extras

    def get_prediction(self, prediction_id: str) -> PredictionRecord | None:
        return self._records.get(prediction_id)

    def get_extras(self, prediction_id: str) -> Extras:
        return self._extras.get(prediction_id, Extras())

    def phashes(self, prediction_ids: Sequence[str]) -> Mapping[str, int]:
        found = {i: self.get_extras(i).phash for i in prediction_ids}
        return {i: phash for i, phash in found.items() if phash is not None}

    def vectors_after(
        self, prediction_id: str = "", limit: int = 500
    ) -> tuple[tuple[PredictionRecord, bytes], ...]:
        with self._lock:
            later = sorted(i for i in self._records if i > prediction_id)
            found = [(self._records[i], self._extras[i].features) for i in later]
        return tuple((record, vector) for record, vector in found if vector is not None)[:limit]

    def list_predictions(
        self,
        where: PredictionFilter,
        *,
        sort: str = "-created_at",
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page:
        if sort not in SORTS or not 1 <= limit <= MAX_PAGE:
            raise BadInput("no such order or limit")
        key = _by_score if "score" in sort else _by_time
        found = sorted(self._matching(where), key=key, reverse=sort.startswith("-"))
        start = 0
        if cursor is not None:
            name, _, last = cursor.partition("|")
            ids = [record.id for record in found]
            if name != sort or last not in ids:
                raise BadInput("no cursor of ours")
            start = ids.index(last) + 1
        page = found[start : start + limit]
        more = len(found) > start + limit
        return Page(tuple(page), f"{sort}|{page[-1].id}" if more else None)

    def count_predictions(self, where: PredictionFilter) -> int:
        return len(self._matching(where))

    def _matching(self, where: PredictionFilter) -> list[PredictionRecord]:
        with self._lock:
            return [r for r in self._records.values() if self._passes(r, where)]

    def _passes(self, record: PredictionRecord, where: PredictionFilter) -> bool:
        standing = self._standing(record.image.sha256)
        prediction = record.verdict.prediction
        score = prediction.score if prediction else None
        tests: list[tuple[object, Callable[[], object]]] = [
            (where.outcome, lambda: record.verdict.outcome == where.outcome),
            (where.label, lambda: standing is not None and standing.label == where.label),
            (where.reviewed, lambda: (standing is not None) == where.reviewed),
            (where.model, lambda: record.model is not None and record.model.version == where.model),
            (where.site, lambda: _site(record) == (where.site or "").strip().lower()),
            (where.source, lambda: record.context.source == where.source),
            (where.client, lambda: record.client == where.client),
            (where.since, lambda: record.created_at >= _given(where.since)),
            (where.until, lambda: record.created_at < _given(where.until)),
            (where.min_score, lambda: score is not None and score >= _given(where.min_score)),
            (where.max_score, lambda: score is not None and score <= _given(where.max_score)),
            (where.audit, lambda: record.audit == where.audit),
            (where.policy, lambda: record.policy == where.policy),
            (where.evidence, lambda: (where.evidence or "") in _findings(record)),
            (
                where.generator,
                lambda: prediction and prediction.likely_generator == where.generator,
            ),
            (where.format, lambda: record.image.format == (where.format or "").strip().upper()),
            (where.size, lambda: SizeClass.of(record.image.short_side_px) == where.size),
            (where.conflict, lambda: record.verdict.conflict == where.conflict),
            (where.q or None, lambda: (where.q or "").casefold() in _text(record)),
        ]
        return all(test() for value, test in tests if value is not None)

    def latest_by_sha256(self, digests: Sequence[str]) -> Mapping[str, PredictionRecord]:
        with self._lock:
            ordered = sorted(self._records.values(), key=_by_time)
        return {r.image.sha256: r for r in ordered if r.image.sha256 in set(digests)}

    def delete_prediction(self, prediction_id: str) -> None:
        with self._lock:
            self._find(self._records, prediction_id)
            del self._records[prediction_id]
            self._extras.pop(prediction_id, None)
            self._expired.discard(prediction_id)

    def expire_unreviewed(self, before: datetime, limit: int = 500) -> tuple[str, ...]:
        with self._lock:
            while due := self._due(before)[:limit]:
                for record in due:
                    bare = replace(record.context, page_url=None, image_url=None, page_title=None)
                    self._records[record.id] = replace(record, context=bare)
                    self._expired.add(record.id)
                digests = dict.fromkeys(r.image.sha256 for r in due)
                if free := tuple(d for d in digests if self._is_free(d, before)):
                    return free
            return ()

    def _due(self, before: datetime) -> list[PredictionRecord]:
        waiting = (
            r
            for r in self._records.values()
            if r.created_at < before
            and r.id not in self._expired
            and self._standing(r.image.sha256) is None
        )
        return sorted(waiting, key=_by_time)

    def _is_free(self, digest: str, before: datetime) -> bool:
        records = [r for r in self._records.values() if r.image.sha256 == digest]
        appealed = any(a.sha256 == digest for a in self._appeals.values())
        return not appealed and all(r.created_at < before for r in records)

    def holding(self, digests: Sequence[str]) -> Mapping[str, bool]:
        with self._lock:
            records = [r for r in self._records.values() if r.image.sha256 in set(digests)]
            held = {r.image.sha256 for r in records if r.id not in self._expired}
            held |= {a.sha256 for a in self._appeals.values()}
        return {
            d: d in held or self._standing(d) is not None for d in (r.image.sha256 for r in records)
        }

    # ---- reviews and appeals ------------------------------------------------------------

    def append_review(self, review: Review, *, seen: str | None = None) -> None:
        with self._lock:
            record = self._record_of(review.prediction_id, review.sha256)
            before = self._standing(review.sha256)
            if seen is not None and seen != (before.id if before else UNSEEN):
                raise Conflict("decided meanwhile")
            self._add(self._reviews, review.id, review)
            self._reviewed_outcome[review.id] = record.verdict.outcome

    def append_reviews(self, reviews: Sequence[Review]) -> None:
        with self._lock:
            before = dict(self._reviews), dict(self._reviewed_outcome)
            try:
                for review in reviews:
                    self.append_review(review)
            except BrushmarkError:
                self._reviews, self._reviewed_outcome = before
                raise

    def undo_reviews(self, review_ids: Sequence[str], undone_at: datetime) -> tuple[Review, ...]:
        with self._lock:
            before = dict(self._reviews)
            try:
                return tuple(self.undo_review(i, undone_at) for i in dict.fromkeys(review_ids))
            except BrushmarkError:
                self._reviews = before
                raise

    def list_reviews(
        self, limit: int = 200, before: tuple[datetime, str] | None = None
    ) -> tuple[Review, ...]:
        return self._newest(self._reviews, limit, before)

    def undo_review(self, review_id: str, undone_at: datetime) -> Review:
        with self._lock:
            review = self._find(self._reviews, review_id)
            if review.undone_at is not None:
                raise Conflict("undone already")
            self._reviews[review_id] = replace(review, undone_at=undone_at)
            return self._reviews[review_id]

    def reviews_of(self, sha256: str) -> tuple[Review, ...]:
        with self._lock:
            found = [r for r in self._reviews.values() if r.sha256 == sha256]
        return tuple(sorted(found, key=lambda r: r.created_at))  # stable: then as appended

    def _standing(self, sha256: str) -> Review | None:
        return next((r for r in reversed(self.reviews_of(sha256)) if r.undone_at is None), None)

    def latest_reviews(self, digests: Sequence[str]) -> Mapping[str, Review]:
        return {d: r for d in digests if (r := self._standing(d)) is not None}

    def append_appeal(self, appeal: Appeal) -> None:
        with self._lock:
            self._record_of(appeal.prediction_id, appeal.sha256)
            self._add(self._appeals, appeal.id, appeal)

    def count_appeals(self, prediction_ids: Sequence[str]) -> Mapping[str, int]:
        with self._lock:
            counts = Counter(a.prediction_id for a in self._appeals.values())
        return {prediction_id: counts[prediction_id] for prediction_id in prediction_ids}

    def appeals_of(self, sha256: str) -> tuple[Appeal, ...]:
        with self._lock:
            found = [a for a in self._appeals.values() if a.sha256 == sha256]
        return tuple(sorted(found, key=lambda a: a.created_at))

    def list_appeals(self, limit: int = 200, client: str | None = None) -> tuple[Appeal, ...]:
        own = {i: a for i, a in self._appeals.items() if client is None or a.client == client}
        return self._newest(own, limit)

    def _record_of(self, prediction_id: str, sha256: str) -> PredictionRecord:
        record = self._find(self._records, prediction_id)
        if record.image.sha256 != sha256:
            raise BadInput("another picture")
        return record

    # ---- queues and likeness ------------------------------------------------------------

    def _waiting(self, mark: Mark, middle: float) -> list[PredictionRecord]:
        records = sorted(self._records.values(), key=_by_time, reverse=True)
        if mark is Mark.APPEALED:
            return self._appealed()
        free = [r for r in records if self._standing(r.image.sha256) is None]
        if mark is Mark.UNCERTAIN:
            found = [r for r in free if r.verdict.outcome is Outcome.UNCERTAIN]
            return sorted(found, key=lambda r: (abs(_by_score(r)[0] - middle), r.id))
        if mark is Mark.AUDIT:
            return sorted((r for r in free if r.audit), key=lambda r: (r.image.sha256, r.id))
        if mark is Mark.CONFLICT:
            return [r for r in free if r.verdict.conflict]
        return [r for r in free if r.id in self._flipped]

    def _appealed(self) -> list[PredictionRecord]:
        waiting = []
        for digest in {a.sha256 for a in self._appeals.values()}:
            appeals = [a for a in self._appeals.values() if a.sha256 == digest]
            standing = [r for r in self.reviews_of(digest) if r.undone_at is None]
            latest = max(a.created_at for a in appeals)
            if not any(r.created_at >= latest for r in standing):
                record = self._records.get(max(a.prediction_id for a in appeals))
                if record is not None:
                    waiting.append((min(a.created_at for a in appeals), record))
        return [r for _, r in sorted(waiting, key=lambda pair: (pair[0], pair[1].id))]

    def list_waiting(
        self, mark: Mark, *, middle: float = 0.5, limit: int = 50, offset: int = 0
    ) -> tuple[PredictionRecord, ...]:
        with self._lock:
            return tuple(self._waiting(mark, middle)[offset : offset + limit])

    def count_waiting(self, mark: Mark) -> int:
        with self._lock:
            return len(self._waiting(mark, 0.5))

    def set_flipped(self, prediction_ids: Sequence[str], flipped: bool) -> None:
        with self._lock:
            ids = set(prediction_ids) & set(self._records)
            self._flipped = self._flipped | ids if flipped else self._flipped - ids

    def similar(self, phash: int, *, bits: int = NEAR_BITS, limit: int = 50) -> tuple[Similar, ...]:
        with self._lock:
            found = [
                Similar(r, (likeness ^ phash).bit_count())
                for r in reversed(self._records.values())
                if (likeness := self._extras[r.id].phash) is not None
            ]
        near = sorted((s for s in found if s.distance_bits <= bits), key=lambda s: s.distance_bits)
        return tuple(near[:limit])

    def similar_reviewed(self, phash: int, *, bits: int = NEAR_BITS) -> tuple[Similar, ...]:
        found = self.similar(phash, bits=bits, limit=len(self._records))
        return tuple(s for s in found if self._standing(s.record.image.sha256))[:50]

    # ---- from elsewhere -----------------------------------------------------------------

    def take_in(self, foreign: Iterable[Foreign]) -> TakenIn:
        counts = dict.fromkeys(TakenIn._fields, 0)
        before = (dict(self._records), dict(self._reviews), dict(self._credits))
        try:
            for each in foreign:
                counts[self._take_record(each)] += 1
                counts[self._take_review(each)] += 1
                if each.credit:
                    self._credits.setdefault(each.credit.sha256, each.credit)
        except BaseException:
            self._records, self._reviews, self._credits = before
            raise
        return TakenIn(**counts)

    def _take_record(self, each: Foreign) -> str:
        known = self._records.get(each.record.id)
        if known is None:
            self.append_prediction(each.record, each.extras)
            return "records"
        return "known" if known.image.sha256 == each.record.image.sha256 else "clashing"

    def _take_review(self, each: Foreign) -> str:
        review = each.review
        standing = self.latest_reviews([review.sha256]).get(review.sha256)
        if review.id in self._reviews or (
            each.yields and standing and standing.label is review.label
        ):
            return "reviewed"
        if each.yields and standing:
            return "contradicted"
        record = self._records.get(review.prediction_id)
        if record is None or record.image.sha256 != review.sha256:
            return "unplaced"
        self.append_review(review)
        return "labels"

    def credits_of(self, digests: Sequence[str]) -> Mapping[str, Credit]:
        return {d: self._credits[d] for d in digests if d in self._credits}

    # ---- letting go ---------------------------------------------------------------------

    def records_at(self, address: str, limit: int = 500) -> tuple[PredictionRecord, ...]:
        found = [
            r
            for r in self._records.values()
            if address in {r.context.page_url, r.context.image_url}
        ]
        return tuple(found[:limit])

    def records_on(self, host: str, limit: int = 500) -> tuple[PredictionRecord, ...]:
        found = [
            r
            for r in self._records.values()
            if host.lower()
            in {urlsplit(a or "").hostname for a in (r.context.page_url, r.context.image_url)}
        ]
        return tuple(found[:limit])

    def unshared(self, prediction_ids: Sequence[str]) -> tuple[str, ...]:
        held = {r.image.sha256 for i, r in self._records.items() if i not in set(prediction_ids)}
        mine = (self._records[i].image.sha256 for i in prediction_ids if i in self._records)
        return tuple(sorted({digest for digest in mine if digest not in held}))

    def erase(self, prediction_ids: Sequence[str]) -> Erased:
        gone, ids = set(self.unshared(prediction_ids)), set(prediction_ids)
        sizes = [len(each) for each in (self._records, self._reviews, self._appeals)]
        for each in ids & set(self._records):
            del self._records[each]
            self._extras.pop(each, None)

        def stays(about: Review | Appeal) -> bool:
            return about.sha256 not in gone and about.prediction_id not in ids

        self._reviews = {i: r for i, r in self._reviews.items() if stays(r)}
        self._appeals = {i: a for i, a in self._appeals.items() if stays(a)}
        self._credits = {d: c for d, c in self._credits.items() if d not in gone}
        after = [len(each) for each in (self._records, self._reviews, self._appeals)]
        return Erased(*(a - b for a, b in zip(sizes, after, strict=True)))

    def erase_client(self, client: str) -> Erased:
        before = len(self._appeals)
        self._appeals = {i: a for i, a in self._appeals.items() if a.client != client}
        self._reviews = {
            i: replace(r, reviewer="forgotten", note="") if r.reviewer == client else r
            for i, r in self._reviews.items()
        }
        self._tokens = {
            i: t
            for i, t in self._tokens.items()
            if not (t.revoked_at and f"{t.name} · {t.id[-8:]}" == client)
        }
        return Erased(0, 0, before - len(self._appeals))

    def rewrite_history(self, rewrite: Callable[[str], str]) -> int:
        events = {
            i: replace(
                e, actor=rewrite(e.actor), action=rewrite(e.action), detail=rewrite(e.detail)
            )
            for i, e in self._events.items()
        }
        jobs = {i: replace(j, detail=rewrite(j.detail)) for i, j in self._jobs.items()}
        changed = sum(events[i] != self._events[i] for i in events)
        changed += sum(jobs[i] != self._jobs[i] for i in jobs)
        self._events, self._jobs = events, jobs
        return changed

    def repack(self) -> bool:
        return True

    # ---- tokens, policies, jobs, facts, audit -------------------------------------------

    def append_token(self, token: Token) -> None:
        self._add(self._tokens, token.id, token)

    def find_token(self, digest: str) -> Token | None:
        with self._lock:
            found = (t for t in self._tokens.values() if t.digest == digest)
            return next((t for t in found if t.revoked_at is None), None)

    def list_tokens(self) -> tuple[Token, ...]:
        with self._lock:
            return tuple(sorted(self._tokens.values(), key=lambda t: t.created_at))

    def revoke_token(self, token_id: str, revoked_at: datetime) -> Token:
        with self._lock:
            token = self._find(self._tokens, token_id)
            if token.revoked_at is None:
                self._tokens[token_id] = token = replace(token, revoked_at=revoked_at)
            return token

    def append_pairing_code(self, code: PairingCode) -> None:
        with self._lock:
            alive = {c.id: c for c in self._codes.values() if c.expires_at > code.created_at}
            self._codes = alive
            self._add(self._codes, code.id, code)

    def use_pairing_code(self, digest: str, now: datetime) -> bool:
        with self._lock:
            for code in self._codes.values():
                if code.digest == digest and code.used_at is None and code.expires_at > now:
                    self._codes[code.id] = replace(code, used_at=now)
                    return True
            return False

    def append_policy(self, policy: Policy) -> None:
        self._add(self._policies, policy.number, policy)

    def latest_policy(self) -> Policy | None:
        with self._lock:
            return self._policies[max(self._policies)] if self._policies else None

    def save_job(self, job: Job) -> None:
        self._jobs[job.id] = job

    def list_jobs(self, limit: int = 100) -> tuple[Job, ...]:
        return self._newest(self._jobs, limit)

    def get_setting(self, key: str) -> str | None:
        return self._facts.get(key)

    def put_setting(self, key: str, value: str) -> None:
        self._facts[key] = value

    def append_event(self, event: AuditEvent) -> None:
        self._add(self._events, event.id, event)

    def list_events(
        self, limit: int = 200, before: tuple[datetime, str] | None = None
    ) -> tuple[AuditEvent, ...]:
        return self._newest(self._events, limit, before)

    # ---- figures ------------------------------------------------------------------------

    def reviewed(self) -> tuple[Reviewed, ...]:
        with self._lock:
            pairs = [(r, self._standing(r.image.sha256)) for r in self._records.values()]
        return tuple(_reviewed(r, review.label) for r, review in pairs if review is not None)

    def audit_sample(self) -> Mapping[Outcome, int]:
        with self._lock:
            return Counter(r.verdict.outcome for r in self._records.values() if r.audit)

    def repeated_reviews(self) -> tuple[Review, ...]:
        with self._lock:
            standing = [r for r in self._reviews.values() if r.undone_at is None]
        counts = Counter(r.sha256 for r in standing)
        again = [r for r in standing if counts[r.sha256] > 1]
        return tuple(sorted(again, key=lambda r: r.created_at))

    def daily_counts(self, since: date, until: date, max_sites: int = 20) -> DailyCounts:
        by_day: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
        by_site: dict[str, Counter[str]] = defaultdict(Counter)
        with self._lock:
            records = [r for r in self._records.values() if since <= _day(r) <= until]
            appeals = [a for a in self._appeals.values() if since <= _day(a) <= until]
        for r in records:
            for fact, key in _facts(r):
                by_day[fact][_day(r).isoformat()][key] += 1
            if site := _site(r):
                by_site[site][r.verdict.outcome.value] += 1
        most = sorted(by_site, key=lambda s: (-by_site[s].total(), s))[:max_sites]
        return DailyCounts(
            {fact: {day: dict(c) for day, c in days.items()} for fact, days in by_day.items()},
            {site: dict(by_site[site]) for site in most},
            len(by_site),
            dict(Counter(_day(a).isoformat() for a in appeals)),
        )

    def changed_verdicts(
        self, model: str, human_at_most: float, ai_at_least: float
    ) -> Mapping[tuple[Outcome, Outcome], int]:
        with self._lock:
            records = list(self._records.values())
        found: Counter[tuple[Outcome, Outcome]] = Counter()
        for r in records:
            prediction, basis = r.verdict.prediction, r.verdict.basis
            if prediction and basis is Basis.MODEL and r.model and r.model.version == model:
                after = Outcome.UNCERTAIN
                if prediction.score >= ai_at_least:
                    after = Outcome.AI_GENERATED
                elif prediction.score <= human_at_most:
                    after = Outcome.HUMAN_MADE
                found[r.verdict.outcome, after] += 1
        return found

    def appeals_by_review(self) -> Mapping[tuple[Label, ReviewLabel | None], int]:
        with self._lock:
            appeals = list(self._appeals.values())
        found: Counter[tuple[Label, ReviewLabel | None]] = Counter()
        for a in appeals:
            review = self._standing(a.sha256) if a.prediction_id in self._records else None
            found[a.claim, review.label if review else None] += 1
        return found

    # ---- whole --------------------------------------------------------------------------

    def stats(self) -> Stats:
        with self._lock:
            records = list(self._records.values())
            digests = {r.sha256 for r in self._reviews.values()}
            standing = [r for d in digests if (r := self._standing(d)) is not None]
            about = [(r.label.value, self._reviewed_outcome[r.id].value) for r in standing]
        days: dict[str, Counter[str]] = defaultdict(Counter)
        for r in records:
            days[r.created_at.date().isoformat()][r.verdict.outcome.value] += 1
        scores = [r.verdict.prediction.score for r in records if r.verdict.prediction]
        bins = Counter(min(int(score * 20), 19) for score in scores)
        sides = {Label.AI_GENERATED.value, Label.HUMAN_MADE.value}
        return Stats(
            predictions=len(records),
            by_outcome={o.value: sum(r.verdict.outcome is o for r in records) for o in Outcome},
            by_day={day: dict(days[day]) for day in sorted(days)[-90:]},
            by_model=Counter(r.model.version for r in records if r.model),
            by_source=Counter(r.context.source.value for r in records),
            score_histogram=tuple(bins[i] for i in range(20)),
            reviewed=len(standing),
            by_label={x.value: sum(r.label is x for r in standing) for x in ReviewLabel},
            agreed=sum(label == outcome for label, outcome in about),
            corrected=sum({label, outcome} == sides for label, outcome in about),
            appeals=len(self._appeals),
        )

    def ready(self) -> None:
        return

    def close(self) -> None:
        self._closed = True

    def _add(self, where: dict[Any, T], key: object, value: T) -> None:
        with self._lock:
            if key in where:
                raise Conflict(f"{key} is there already")
            where[key] = value

    def _find(self, where: dict[str, T], key: str) -> T:
        if key not in where:
            raise NotFound(f"no {key}")
        return where[key]

    def _newest(
        self, where: Mapping[str, Any], limit: int, before: tuple[datetime, str] | None = None
    ) -> tuple[Any, ...]:
        with self._lock:
            found = [v for v in where.values() if not before or (v.created_at, v.id) < before]
        return tuple(sorted(found, key=lambda v: (v.created_at, v.id), reverse=True))[:limit]


def _given(value: T | None) -> T:
    assert value is not None
    return value


def _by_time(record: PredictionRecord) -> tuple[datetime, str]:
    return record.created_at, record.id


def _by_score(record: PredictionRecord) -> tuple[float, str]:
    prediction = record.verdict.prediction
    return (prediction.score if prediction else -1.0), record.id


def _site(record: PredictionRecord) -> str | None:
    hosts = (
        urlsplit(a or "").hostname for a in (record.context.page_url, record.context.image_url)
    )
    return next((host for host in hosts if host), None)


def _day(value: PredictionRecord | Appeal) -> date:
    return value.created_at.astimezone(UTC).date()


def _reviewed(record: PredictionRecord, label: ReviewLabel) -> Reviewed:
    verdict, image = record.verdict, record.image
    prediction = verdict.prediction
    found = [e for e in verdict.evidence if e.status is not EvidenceStatus.ABSENT]
    return Reviewed(
        record.id,
        image.sha256,
        time_to_text(record.created_at),
        label.value,
        verdict.outcome.value,
        verdict.basis.value if verdict.basis else None,
        prediction.score if prediction else -1.0,
        record.model.version if record.model else None,
        record.policy,
        _site(record),
        record.context.source.value,
        image.format,
        image.short_side_px,
        image.bytes,
        record.audit,
        verdict.conflict,
        prediction.likely_generator if prediction else None,
        "\n".join(f"{e.kind} {e.status}" for e in found),
    )


def _facts(record: PredictionRecord) -> Iterator[tuple[str, str]]:
    verdict, image, ms = record.verdict, record.image, record.elapsed_ms
    yield "outcome", verdict.outcome.value
    yield "source", record.context.source.value
    if record.model:
        yield "model", record.model.version
    if verdict.prediction:
        yield "score", str(min(int(verdict.prediction.score * 20), 19))
    step = next((s for s in LATENCY_STEPS_MS if ms < 100 * s), None)
    yield "latency", str(step * int(ms / step) if step else 100_000)
    yield "format", image.format
    yield "side", str(max(edge for edge in SIDE_EDGES_PX if edge <= image.short_side_px))
    yield "bytes", str(max(edge for edge in BYTES_EDGES if edge <= image.bytes))
    if record.audit:
        yield "audit", verdict.outcome.value


def _findings(record: PredictionRecord) -> set[str]:
    found = [e for e in record.verdict.evidence if e.status is not EvidenceStatus.ABSENT]
    named = {e.kind for e in found} | {f"{e.kind} {e.status.value}" for e in found}
    return named or {NO_EVIDENCE}


def _text(record: PredictionRecord) -> str:
    title, site = record.context.page_title, _site(record)
    parts = (record.id, record.image.sha256, site, title, record.verdict.summary)
    return "\n".join(part for part in parts if part).casefold()
