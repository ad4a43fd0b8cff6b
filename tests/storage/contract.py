"""What every repository must do. Subclass it with a `repository` fixture of yours."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backend.domain import (
    AuditEvent,
    Context,
    Credit,
    Evidence,
    EvidenceStatus,
    ImageFacts,
    Job,
    Label,
    Outcome,
    PairingCode,
    Policy,
    PredictionRecord,
    ReviewLabel,
    Scope,
    SizeClass,
    Source,
    Token,
)
from backend.errors import BadInput, Conflict, NotFound, StoreUnavailable
from backend.storage.repository import (
    UNSEEN,
    Erased,
    Extras,
    Foreign,
    Mark,
    PredictionFilter,
    Repository,
    TakenIn,
)
from tests.records import EPOCH, appeal, digest, extras, make_id, record, review

ALL = PredictionFilter()
LATER = EPOCH + timedelta(days=30)


def ids(records: tuple[PredictionRecord, ...]) -> list[int]:
    return [int(r.id[1:]) for r in records]


def walk(repository: Repository, where: PredictionFilter, sort: str, limit: int) -> list[int]:
    """Return the numbers of all records that a filter lets through, page by page."""
    found: list[int] = []
    cursor = None
    while True:
        page = repository.list_predictions(where, sort=sort, limit=limit, cursor=cursor)
        assert len(page.records) <= limit
        found += ids(page.records)
        cursor = page.next_cursor
        if cursor is None:
            return found


def foreign(number: int, *, yields: bool = False) -> Foreign:
    """Make a labelled picture from elsewhere."""
    credit = Credit(digest(number), "human", "art", "museum", "none stated", "g1", "train")
    kept = record(number)
    return Foreign(kept, extras(number), review(number, kept), credit, yields)


def found(
    of: PredictionRecord, *findings: tuple[str, EvidenceStatus], generator: str | None = None
) -> PredictionRecord:
    """Have a record's file say this of itself."""
    evidence = tuple(Evidence(kind, status, None, "it says") for kind, status in findings)
    prediction = of.verdict.prediction
    assert prediction is not None
    named = replace(prediction, likely_generator=generator)
    return replace(of, verdict=replace(of.verdict, evidence=evidence, prediction=named))


class RepositoryContract:
    # ---- predictions --------------------------------------------------------------------

    def test_record_reads_back_equal(self, repository: Repository) -> None:
        """A record and what lies beside it read back as they were appended."""
        context = Context(Source.PAGE_SCAN, "https://a.example/x", None, "Ein \ud800 Titel \0 ☃")
        kept, beside = record(1, context=context), extras(1)
        repository.append_prediction(kept, beside)
        repository.append_prediction(record(2, score=None), Extras())
        assert repository.get_prediction(kept.id) == kept
        assert repository.get_extras(kept.id) == beside
        assert repository.get_prediction(make_id("P", 2)) == record(2, score=None)
        assert repository.get_extras(make_id("P", 2)) == Extras()

    def test_absent_record_is_none(self, repository: Repository) -> None:
        """An id that nobody appended gives no record, no extras and no error."""
        for absent in ("nothing", "", "\ud800", "' OR 1=1 --", "x" * 10_000):
            assert repository.get_prediction(absent) is None
            assert repository.get_extras(absent) == Extras()

    def test_id_is_taken_once(self, repository: Repository) -> None:
        """A second record of the same id is refused and changes neither record nor counts."""
        repository.append_prediction(record(1), extras(1))
        with pytest.raises(Conflict):
            repository.append_prediction(record(1, score=0.1), extras(2))
        assert repository.get_prediction(make_id("P", 1)) == record(1)
        assert repository.get_extras(make_id("P", 1)) == extras(1)
        assert repository.stats().predictions == 1

    @pytest.mark.parametrize("sort", ["-created_at", "created_at", "-score", "score"])
    def test_pages_cover_everything_once(self, repository: Repository, sort: str) -> None:
        """Pages of any size give every record once, in the order asked for, ties by id."""
        records = [
            record(i, score=None if i % 7 == 0 else (i * 37 % 10) / 10, at=EPOCH) for i in range(12)
        ] + [record(i, score=0.5) for i in range(12, 25)]
        for each in records:
            repository.append_prediction(each, Extras())

        def key(r: PredictionRecord) -> tuple[object, str]:
            prediction = r.verdict.prediction
            score = prediction.score if prediction else -1.0
            return (score if "score" in sort else r.created_at), r.id

        wanted = ids(tuple(sorted(records, key=key, reverse=sort.startswith("-"))))  # type: ignore[arg-type]
        for limit in (1, 3, 24, 25, 200):
            assert walk(repository, ALL, sort, limit) == wanted

    def test_page_is_stable_while_records_arrive(self, repository: Repository) -> None:
        """A cursor goes on where its page ended, whatever was appended or deleted since."""
        for i in range(6):
            repository.append_prediction(record(i), Extras())
        page = repository.list_predictions(ALL, limit=2)
        assert ids(page.records) == [5, 4]
        repository.append_prediction(record(9), Extras())
        repository.delete_prediction(make_id("P", 3))
        following = repository.list_predictions(ALL, limit=2, cursor=page.next_cursor)
        assert ids(following.records) == [2, 1]

    @pytest.mark.parametrize(
        "cursor",
        ["", "x", "=", "é", "W10", "bnVsbA", "WyItY3JlYXRlZF9hdCIsMSwyXQ", "A" * 5000, "\ud800"],
    )
    def test_foreign_cursor_is_refused(self, repository: Repository, cursor: str) -> None:
        """A cursor that is not ours is bad input, never an error of the store."""
        repository.append_prediction(record(1), Extras())
        with pytest.raises(BadInput):
            repository.list_predictions(ALL, cursor=cursor)

    def test_cursor_belongs_to_its_order(self, repository: Repository) -> None:
        """The cursor of one order is refused in another."""
        for i in range(3):
            repository.append_prediction(record(i), Extras())
        cursor = repository.list_predictions(ALL, limit=1).next_cursor
        for sort in ("created_at", "score", "-score"):
            with pytest.raises(BadInput):
                repository.list_predictions(ALL, sort=sort, cursor=cursor)

    @pytest.mark.parametrize(("sort", "limit"), [("id", 5), ("-score", 0), ("score", 201)])
    def test_unknown_order_or_limit_is_refused(
        self, repository: Repository, sort: str, limit: int
    ) -> None:
        """An order that there is not and a page that is too large are bad input."""
        with pytest.raises(BadInput):
            repository.list_predictions(ALL, sort=sort, limit=limit)

    @pytest.mark.parametrize(
        ("where", "wanted"),
        [
            (PredictionFilter(outcome=Outcome.HUMAN_MADE), {1, 5}),
            (PredictionFilter(outcome=Outcome.NOT_ASSESSED), {3}),
            (PredictionFilter(label=ReviewLabel.HUMAN_MADE), {0, 6}),
            (PredictionFilter(reviewed=True), {0, 1, 6}),
            (PredictionFilter(reviewed=False), {2, 3, 4, 5}),
            (PredictionFilter(reviewed=False, label=ReviewLabel.HUMAN_MADE), set()),
            (PredictionFilter(model="seed-1"), {0, 1, 2, 3, 4, 5, 6}),
            (PredictionFilter(model="seed-2"), set()),
            (PredictionFilter(site="art.example"), {2}),
            (PredictionFilter(site=" ART.example "), {2}),
            (PredictionFilter(site="cdn.example"), {4}),
            (PredictionFilter(source=Source.CLI), {4}),
            (PredictionFilter(client="another"), {5}),
            (PredictionFilter(since=EPOCH + timedelta(seconds=4)), {4, 5, 6}),
            (PredictionFilter(until=EPOCH + timedelta(seconds=4)), {0, 1, 2, 3}),
            (PredictionFilter(min_score=0.9), {0, 4, 6}),
            (PredictionFilter(max_score=0.5), {1, 2, 5}),
            (PredictionFilter(min_score=0.5, max_score=0.5), {2}),
            (PredictionFilter(conflict=True), {1, 5}),
            (PredictionFilter(conflict=False), {0, 2, 3, 4, 6}),
            (PredictionFilter(conflict=True, reviewed=False), {5}),
            (PredictionFilter(audit=True), {2}),
            (PredictionFilter(audit=False, conflict=True), {1, 5}),
            (PredictionFilter(policy=1), {0, 1, 2, 3, 4, 5, 6}),
            (PredictionFilter(policy=2), set()),
            (PredictionFilter(evidence="c2pa"), {1, 4}),
            (PredictionFilter(evidence="c2pa verified"), {4}),
            (PredictionFilter(evidence="exif"), {4}),
            (PredictionFilter(evidence="none"), {0, 2, 3, 5, 6}),
            (PredictionFilter(evidence="none", conflict=True), {5}),
            (PredictionFilter(evidence="none", q="looks"), {0, 2, 3, 5, 6}),
            (PredictionFilter(evidence="c2pa absent"), set()),
            (PredictionFilter(evidence="' OR 1"), set()),
            (PredictionFilter(generator="DALL·E 3"), {4}),
            (PredictionFilter(format=" png "), {5}),
            (PredictionFilter(size=SizeClass.UNDER_300), {5}),
            (PredictionFilter(size=SizeClass.FROM_300), {0, 2, 3, 4, 6}),
            (PredictionFilter(size=SizeClass.FROM_1000), {1}),
            (PredictionFilter(size=SizeClass.FROM_300, max_score=0.5), {2}),
            (PredictionFilter(q="ÉTUDE"), {2}),
            (PredictionFilter(q="art.ex"), {2}),
            (PredictionFilter(q=digest(5)[:20].upper()), {5}),
            (PredictionFilter(q="0000004"), {4}),
            (PredictionFilter(q="looks ai-generated"), {0, 1, 2, 3, 4, 5, 6}),
            (PredictionFilter(q="%"), {0, 1, 2, 3, 4, 5, 6}),  # “90 %”: no wildcard
            (PredictionFilter(q="_"), set()),
            (PredictionFilter(q="' OR 1=1"), set()),
            (PredictionFilter(q=""), {0, 1, 2, 3, 4, 5, 6}),
            (PredictionFilter(q="étude", outcome=Outcome.HUMAN_MADE), set()),
            (PredictionFilter(client="\ud800"), set()),
        ],
        ids=str,
    )
    def test_filters(
        self, repository: Repository, where: PredictionFilter, wanted: set[int]
    ) -> None:
        """Each filter lets through just the records that it describes, in every order."""
        page = Context(Source.PAGE_SCAN, "https://ART.example/a", "https://cdn.example/b", "Étude")
        picture = Context(Source.CLI, None, "https://cdn.example:8080/c", None)
        records = [
            record(0, score=0.9),
            record(1, score=0.1, conflict=True),
            record(2, score=0.5, context=page, audit=True),
            record(3, score=None),
            record(4, score=1.0, context=picture),
            record(5, score=0.0, client="another", conflict=True),
            record(6, score=0.95, picture=0),
        ]
        records[1] = found(records[1], ("c2pa", EvidenceStatus.INVALID))
        signed = (("c2pa", EvidenceStatus.VERIFIED), ("exif", EvidenceStatus.DECLARED))
        records[4] = found(records[4], *signed, *signed, generator="DALL·E 3")
        records[1] = replace(records[1], image=replace(records[1].image, width=1000, height=2000))
        small = ImageFacts(digest(5), "PNG", 640, 299, 50_000)
        records[5] = replace(records[5], image=small)
        for each in records:
            repository.append_prediction(each, Extras())
        repository.append_review(review(0, records[0]))
        repository.append_review(review(1, records[1], ReviewLabel.CANNOT_TELL))
        repository.append_review(review(2, records[2]))
        repository.undo_review(make_id("R", 2), LATER)
        for sort in ("-created_at", "created_at", "-score", "score"):
            assert set(walk(repository, where, sort, 2)) == wanted
        assert repository.count_predictions(where) == len(wanted)

    def test_latest_by_sha256(self, repository: Repository) -> None:
        """Of each picture the newest record is found, and none for pictures never seen."""
        repository.append_prediction(record(2, picture=1), Extras())
        repository.append_prediction(record(1, picture=1), Extras())
        repository.append_prediction(record(3), Extras())
        found = repository.latest_by_sha256([digest(1), digest(3), digest(9), digest(1), ""])
        assert found == {digest(1): record(2, picture=1), digest(3): record(3)}
        assert repository.latest_by_sha256([]) == {}

    def test_delete(self, repository: Repository) -> None:
        """A deleted record is gone with its extras, its counts too; reviews stay."""
        kept = record(1)
        repository.append_prediction(kept, extras())
        repository.append_review(review(1, kept))
        repository.delete_prediction(kept.id)
        assert repository.get_prediction(kept.id) is None
        assert repository.get_extras(kept.id) == Extras()
        assert repository.count_predictions(PredictionFilter(q="looks")) == 0
        assert repository.reviews_of(digest(1)) == (review(1, kept),)
        stats = repository.stats()
        assert (stats.predictions, stats.by_day, stats.by_model) == (0, {}, {})
        assert (stats.reviewed, stats.corrected, sum(stats.score_histogram)) == (1, 1, 0)
        with pytest.raises(NotFound):
            repository.delete_prediction(kept.id)

    def test_record_after_delete_has_no_extras_of_another(self, repository: Repository) -> None:
        """A record that takes a deleted one's place inherits nothing that lay beside it."""
        repository.append_prediction(record(1), extras(1))
        repository.delete_prediction(make_id("P", 1))
        repository.append_prediction(record(2), Extras())
        assert repository.get_extras(make_id("P", 2)) == Extras()

    # ---- retention ----------------------------------------------------------------------

    def test_expiry_takes_context_and_names_free_pictures(self, repository: Repository) -> None:
        """Old unreviewed records lose their context; pictures that nothing holds may go."""
        context = Context(Source.PAGE_SCAN, "https://a.example/x", "https://b.example/y", "Title")
        for i in range(5):
            repository.append_prediction(record(i, context=context), extras(i))
        repository.append_review(review(1, record(1)))
        repository.append_appeal(appeal(2, record(2)))
        repository.append_prediction(record(9, picture=3, at=LATER), Extras())
        before = EPOCH + timedelta(days=1)
        assert repository.expire_unreviewed(before) == (digest(0), digest(4))
        assert repository.expire_unreviewed(before) == ()
        bare = Context(Source.PAGE_SCAN)
        for i in (0, 2, 3, 4):
            assert repository.get_prediction(make_id("P", i)) == record(i, context=bare)
            assert repository.get_extras(make_id("P", i)) == extras(i)
        assert repository.get_prediction(make_id("P", 1)) == record(1, context=context)
        assert repository.count_predictions(PredictionFilter(site="a.example")) == 1
        assert repository.count_predictions(PredictionFilter(q="title")) == 1
        assert repository.stats().by_source == {"page-scan": 5, "context-menu": 1}

    def test_expiry_goes_on_until_nothing_is_left(self, repository: Repository) -> None:
        """Batches go on past records whose pictures are held back, and end empty."""
        for i in range(9):
            repository.append_prediction(record(i, picture=0 if i < 6 else i), Extras())
        repository.append_prediction(record(10, picture=0, at=LATER), Extras())
        before = EPOCH + timedelta(days=1)
        named = []
        while batch := repository.expire_unreviewed(before, limit=2):
            named += batch
        assert named == [digest(6), digest(7), digest(8)]
        assert repository.expire_unreviewed(LATER + timedelta(days=1)) == (digest(0),)

    def test_undone_review_makes_a_record_expire(self, repository: Repository) -> None:
        """A record whose only review was undone is unreviewed again."""
        repository.append_prediction(record(1), Extras())
        repository.append_review(review(1, record(1)))
        assert repository.expire_unreviewed(LATER) == ()
        repository.undo_review(make_id("R", 1), LATER)
        assert repository.expire_unreviewed(LATER) == (digest(1),)

    def test_records_hold_their_pictures(self, repository: Repository) -> None:
        """A picture is held by a record that is not expired, by a review, and by an appeal."""
        for i in range(4):
            repository.append_prediction(record(i), Extras())
        repository.append_review(review(1, record(1)))
        repository.append_appeal(appeal(2, record(2)))
        asked = [digest(n) for n in range(6)]
        assert repository.holding(asked) == {digest(n): True for n in range(4)}
        assert repository.expire_unreviewed(EPOCH + timedelta(days=1)) == (digest(0), digest(3))
        repository.append_prediction(record(9, picture=3, at=LATER), Extras())
        held = {digest(0): False, digest(1): True, digest(2): True, digest(3): True}
        assert repository.holding(asked) == held
        assert repository.holding([]) == {}

    def test_nothing_holds_a_picture_without_a_record(self, repository: Repository) -> None:
        """Reviews, appeals and undone reviews hold nothing once there is no record."""
        for i in range(2):
            repository.append_prediction(record(i), Extras())
        repository.append_review(review(0, record(0)))
        repository.append_appeal(appeal(1, record(1)))
        for i in range(2):
            repository.delete_prediction(make_id("P", i))
        assert repository.holding([digest(0), digest(1)]) == {}

    # ---- reviews ------------------------------------------------------------------------

    def test_latest_standing_review_counts(self, repository: Repository) -> None:
        """The latest review stands until undone; then the one before it stands again."""
        of = record(1)
        repository.append_prediction(of, Extras())
        first = review(1, of, ReviewLabel.HUMAN_MADE)
        second = review(2, of, ReviewLabel.AI_GENERATED)
        repository.append_review(second)
        repository.append_review(first)  # appended later, given earlier
        assert repository.latest_reviews([digest(1), digest(2)]) == {digest(1): second}
        undone = repository.undo_review(second.id, LATER)
        assert undone == replace(second, undone_at=LATER)
        assert repository.latest_reviews([digest(1)]) == {digest(1): first}
        assert repository.reviews_of(digest(1)) == (first, undone)
        repository.undo_review(first.id, LATER)
        assert repository.latest_reviews([digest(1)]) == {}

    def test_of_reviews_of_one_moment_the_last_counts(self, repository: Repository) -> None:
        """Two reviews of the same moment: the one appended last stands."""
        of = record(1)
        repository.append_prediction(of, Extras())
        for number, label in ((2, ReviewLabel.HUMAN_MADE), (1, ReviewLabel.AI_GENERATED)):
            repository.append_review(review(number, of, label, at=LATER))
        assert repository.latest_reviews([digest(1)])[digest(1)].id == make_id("R", 1)

    def test_review_reaches_all_records_of_the_bytes(self, repository: Repository) -> None:
        """A review labels every record of its picture, also those logged afterwards."""
        repository.append_prediction(record(1, picture=7), Extras())
        repository.append_prediction(record(2, picture=7), Extras())
        repository.append_review(review(1, record(1, picture=7)))
        repository.append_prediction(record(3, picture=7), Extras())
        where = PredictionFilter(label=ReviewLabel.HUMAN_MADE)
        assert walk(repository, where, "created_at", 10) == [1, 2, 3]
        repository.undo_review(make_id("R", 1), LATER)
        assert walk(repository, where, "created_at", 10) == []

    def test_review_wants_its_record(self, repository: Repository) -> None:
        """A review or an appeal about no record, or about other bytes, is refused."""
        repository.append_prediction(record(1), Extras())
        with pytest.raises(NotFound):
            repository.append_review(review(1, record(2)))
        with pytest.raises(NotFound):
            repository.append_appeal(appeal(1, record(2)))
        with pytest.raises(BadInput):
            repository.append_review(review(1, record(1, picture=5)))
        assert repository.stats().reviewed == 0

    def test_review_is_undone_once(self, repository: Repository) -> None:
        """Undoing what was undone is a conflict, undoing what is not there is not found."""
        repository.append_prediction(record(1), Extras())
        repository.append_review(review(1, record(1)))
        with pytest.raises(Conflict):
            repository.append_review(review(1, record(1)))
        repository.undo_review(make_id("R", 1), LATER)
        with pytest.raises(Conflict):
            repository.undo_review(make_id("R", 1), LATER)
        with pytest.raises(NotFound):
            repository.undo_review(make_id("R", 2), LATER)

    def test_review_yields_to_one_not_seen(self, repository: Repository) -> None:
        """Who decided on the sight of another review than the one that stands is refused."""
        repository.append_prediction(record(1), Extras())
        repository.append_review(review(1, record(1)), seen=UNSEEN)
        for seen in (UNSEEN, make_id("R", 9)):
            with pytest.raises(Conflict):
                repository.append_review(review(2, record(1)), seen=seen)
        repository.append_review(review(2, record(1)), seen=make_id("R", 1))
        assert repository.stats().reviewed == 1
        assert len(repository.reviews_of(digest(1))) == 2

    def test_reviews_by_the_batch_are_all_or_none(self, repository: Repository) -> None:
        """A batch with one review that will not do leaves nothing, and so does undoing one."""
        for i in (1, 2):
            repository.append_prediction(record(i), Extras())
        with pytest.raises(NotFound):
            repository.append_reviews([review(1, record(1)), review(2, record(3))])
        assert repository.stats().reviewed == 0
        repository.append_reviews([review(1, record(1)), review(2, record(2))])
        assert repository.stats().reviewed == 2
        with pytest.raises(NotFound):
            repository.undo_reviews([make_id("R", 1), make_id("R", 7)], LATER)
        assert repository.stats().reviewed == 2
        undone = repository.undo_reviews([make_id("R", 1), make_id("R", 2)], LATER)
        assert [r.undone_at for r in undone] == [LATER, LATER]
        assert repository.stats().reviewed == 0

    def test_trails_are_read_backwards_in_pieces(self, repository: Repository) -> None:
        """Reviews and events are listed newest first, each piece going on where one ended."""
        for i in range(5):
            repository.append_prediction(record(i), Extras())
            repository.append_review(review(i, record(i), at=LATER))
            repository.append_event(AuditEvent(make_id("E", i), LATER, "me", "x"))
        repository.undo_review(make_id("R", 4), LATER)
        first = repository.list_reviews(2)
        rest = repository.list_reviews(9, (first[-1].created_at, first[-1].id))
        assert [r.id for r in (*first, *rest)] == [make_id("R", i) for i in (4, 3, 2, 1, 0)]
        events = repository.list_events(2)
        more = repository.list_events(9, (events[-1].created_at, events[-1].id))
        assert [e.id for e in (*events, *more)] == [make_id("E", i) for i in (4, 3, 2, 1, 0)]

    # ---- queues and likeness ------------------------------------------------------------

    def test_queues(self, repository: Repository) -> None:
        """Each queue holds what its mark says and nobody reviewed, in the order to take it."""
        for kept in (
            record(1, score=0.3),
            record(2, score=0.55, audit=True),
            record(3, score=0.46, conflict=True),
            record(4, score=0.95, audit=True, conflict=True),
            record(5, score=0.5),
            record(6, score=None, audit=True),
        ):
            repository.append_prediction(kept, Extras())
        repository.append_review(review(1, record(5)))

        def waiting(mark: Mark, **more: Any) -> list[int]:
            return ids(repository.list_waiting(mark, **more))

        assert waiting(Mark.UNCERTAIN) == [3, 2, 1]
        assert waiting(Mark.UNCERTAIN, middle=0.3) == [1, 3, 2]
        assert waiting(Mark.UNCERTAIN, limit=1, offset=1) == [2]
        assert waiting(Mark.CONFLICT) == [4, 3]
        assert waiting(Mark.AUDIT) == sorted((2, 4, 6), key=digest)
        assert waiting(Mark.FLIPPED) == []
        repository.set_flipped([make_id("P", 1), make_id("P", 4), make_id("P", 99)], True)
        repository.set_flipped([make_id("P", 4)], False)
        assert waiting(Mark.FLIPPED) == [1]
        assert [repository.count_waiting(mark) for mark in Mark] == [3, 2, 0, 1, 3]

    def test_vectors_come_in_order_of_ids(self, repository: Repository) -> None:
        """Records with a vector are walked by id in pages; those without are passed over."""
        for i in range(5):
            repository.append_prediction(record(i), Extras() if i == 2 else extras(i))
        first = repository.vectors_after(limit=3)
        assert [r.id for r, _ in first] == [make_id("P", i) for i in (0, 1, 3)]
        assert first[1][1] == extras(1).features
        assert repository.vectors_after(first[-1][0].id) == ((record(4), extras(4).features),)
        assert repository.vectors_after(make_id("P", 4)) == ()

    def test_appealed_records_wait_for_a_later_review(self, repository: Repository) -> None:
        """An appeal waits until its picture is reviewed after it; the longest waits in front."""
        for i in (1, 2):
            repository.append_prediction(record(i), Extras())
        repository.append_review(review(1, record(1)))
        repository.append_appeal(appeal(5, record(1)))
        repository.append_appeal(appeal(4, record(2)))
        assert repository.appeals_of(digest(2)) == (appeal(4, record(2)),)
        assert repository.appeals_of(digest(3)) == ()
        assert ids(repository.list_waiting(Mark.APPEALED)) == [2, 1]
        assert repository.count_waiting(Mark.APPEALED) == 2
        repository.append_review(review(2, record(2), at=LATER))
        assert ids(repository.list_waiting(Mark.APPEALED)) == [1]
        repository.undo_review(make_id("R", 2), LATER)
        assert ids(repository.list_waiting(Mark.APPEALED)) == [2, 1]

    def test_similar_pictures_are_found(self, repository: Repository) -> None:
        """Records are found by the bits in which hashes differ, nearest first, then newest."""
        top = 1 << 63
        for number, phash in enumerate((top, top | 1, top | 1, top | 0xFF, top | 0x1FF, None)):
            repository.append_prediction(record(number), Extras(phash=phash))
        found = repository.similar(top)
        assert [(int(s.record.id[1:]), s.distance_bits) for s in found] == [
            (0, 0),
            (2, 1),
            (1, 1),
            (3, 8),
        ]
        assert ids(tuple(s.record for s in repository.similar(top, bits=0))) == [0]
        assert len(repository.similar(top, limit=2)) == 2
        assert repository.similar_reviewed(top) == ()
        repository.append_review(review(1, record(1)))
        assert [s.record.id for s in repository.similar_reviewed(top)] == [make_id("P", 1)]
        repository.append_reviews([review(3, record(3)), review(0, record(0))])
        near = repository.similar_reviewed(top)
        assert [s.distance_bits for s in near] == [0, 1, 8]
        repository.undo_review(make_id("R", 1), LATER)
        repository.delete_prediction(make_id("P", 0))
        assert [s.record.id for s in repository.similar_reviewed(top)] == [make_id("P", 3)]
        repository.append_review(review(5, record(2)))
        near = repository.similar_reviewed(top)
        assert [s.record.id for s in near] == [make_id("P", 2), make_id("P", 3)]
        assert repository.get_extras(make_id("P", 3)).phash == top | 0xFF
        asked = [make_id("P", number) for number in (3, 5, 99)]
        assert repository.phashes(asked) == {make_id("P", 3): top | 0xFF}

    def test_appeals(self, repository: Repository) -> None:
        """Appeals are counted by record and listed newest first."""
        for i in range(3):
            repository.append_prediction(record(i), Extras())
        for number, about in ((1, 0), (2, 1), (3, 0)):
            repository.append_appeal(appeal(number, record(about)))
        with pytest.raises(Conflict):
            repository.append_appeal(appeal(3, record(0)))
        asked = [make_id("P", i) for i in range(3)]
        assert list(repository.count_appeals(asked).values()) == [2, 1, 0]
        newest = [appeal(3, record(0)), appeal(2, record(1))]
        assert list(repository.list_appeals(2)) == newest
        assert list(repository.list_appeals(2, newest[0].client)) == newest
        assert repository.list_appeals(2, "nobody") == ()
        assert repository.stats().appeals == 3

    # ---- counts -------------------------------------------------------------------------

    def test_stats(self, repository: Repository) -> None:
        """Counts follow every append, review, undo and delete."""
        empty = repository.stats()
        assert empty.predictions == 0
        assert empty.by_outcome == dict.fromkeys(Outcome, 0)
        assert empty.score_histogram == (0,) * 20
        records = [
            record(1, score=0.95),
            record(2, score=1.0, at=EPOCH + timedelta(days=1)),
            record(3, score=0.04),
            record(4, score=0.5),
            record(5, score=None),
        ]
        for each in records:
            repository.append_prediction(each, Extras())
        repository.append_review(review(1, records[0], ReviewLabel.AI_GENERATED))
        repository.append_review(review(2, records[1], ReviewLabel.HUMAN_MADE))
        repository.append_review(review(3, records[2], ReviewLabel.CANNOT_TELL))
        repository.append_review(review(4, records[3], ReviewLabel.HUMAN_MADE))
        repository.append_review(review(5, records[0], ReviewLabel.HUMAN_MADE))
        stats = repository.stats()
        assert stats.by_outcome == {
            "ai_generated": 2,
            "human_made": 1,
            "uncertain": 1,
            "not_assessed": 1,
        }
        assert stats.by_day == {
            "2026-03-01": {"ai_generated": 1, "human_made": 1, "uncertain": 1, "not_assessed": 1},
            "2026-03-02": {"ai_generated": 1},
        }
        histogram = [0] * 20
        histogram[0], histogram[10], histogram[19] = 1, 1, 2
        assert stats.score_histogram == tuple(histogram)
        assert (stats.by_model, stats.by_source) == ({"seed-1": 5}, {"context-menu": 5})
        assert stats.by_label == {"ai_generated": 0, "human_made": 3, "cannot_tell": 1}
        assert (stats.reviewed, stats.agreed, stats.corrected) == (4, 0, 2)
        repository.undo_review(make_id("R", 5), LATER)
        repository.delete_prediction(make_id("P", 2))
        stats = repository.stats()
        assert (stats.predictions, stats.reviewed, stats.agreed, stats.corrected) == (4, 4, 1, 1)
        assert stats.by_day.keys() == {"2026-03-01"}

    def test_figures(self, repository: Repository) -> None:
        """Reviewed records, daily counts and what other thresholds would change, as they stand."""
        context = Context(Source.PAGE_SCAN, "https://a.example/x", None, "Title")
        records = [
            replace(record(1, score=0.95, context=context), audit=True, elapsed_ms=123.4),
            record(2, score=0.5, picture=1, at=EPOCH + timedelta(days=1)),
            record(3, score=0.1, context=Context(Source.API, "https://\ud800.example/x")),
            record(4, score=None),
        ]
        for each in records:
            repository.append_prediction(each, Extras())
        assert repository.reviewed() == ()
        repository.append_review(review(1, records[0], ReviewLabel.AI_GENERATED))
        repository.append_review(review(2, records[1], ReviewLabel.HUMAN_MADE))
        repository.append_appeal(appeal(1, records[0]))
        repository.append_appeal(appeal(2, records[2]))
        first, second = repository.reviewed()
        assert (first.id, first.label, first.outcome) == (
            records[0].id,
            "human_made",
            "ai_generated",
        )
        assert (first.score, first.audit, first.site) == (0.95, True, "a.example")
        assert (second.id, second.site, second.short_side_px) == (records[1].id, None, 480)
        assert [r.id for r in repository.repeated_reviews()] == [make_id("R", 1), make_id("R", 2)]
        counts = repository.daily_counts(EPOCH.date(), EPOCH.date())
        assert counts.by_day["latency"] == {"2026-03-01": {"120": 1, "12": 2}}
        assert counts.by_day["side"] == {"2026-03-01": {"400": 3}}
        assert repository.audit_sample() == {Outcome.AI_GENERATED: 1}
        assert counts.by_day["audit"] == {"2026-03-01": {"ai_generated": 1}}
        assert (counts.by_site["a.example"], counts.sites) == ({"ai_generated": 1}, 2)
        assert repository.daily_counts(EPOCH.date(), EPOCH.date(), 1).by_site.keys() == {
            "a.example"
        }
        assert counts.appeals == {}
        assert repository.daily_counts(LATER.date(), LATER.date()).by_day == {}
        ai, human, unsure = Outcome.AI_GENERATED, Outcome.HUMAN_MADE, Outcome.UNCERTAIN
        changed = repository.changed_verdicts("seed-1", 0.05, 0.5)
        assert changed == {(ai, ai): 1, (unsure, ai): 1, (human, unsure): 1}
        assert repository.changed_verdicts("other", 0.05, 0.5) == {}
        assert repository.appeals_by_review() == {
            (Label.HUMAN_MADE, ReviewLabel.HUMAN_MADE): 1,
            (Label.HUMAN_MADE, None): 1,
        }
        repository.undo_review(make_id("R", 2), LATER)
        assert [r.label for r in repository.reviewed()] == ["ai_generated", "ai_generated"]
        assert repository.repeated_reviews() == ()
        repository.delete_prediction(records[0].id)
        assert [r.id for r in repository.reviewed()] == [records[1].id]
        assert "audit" not in repository.daily_counts(EPOCH.date(), EPOCH.date()).by_day

    def test_days_are_the_last_ninety(self, repository: Repository) -> None:
        """The counts by day keep the last 90 days that have any."""
        for i in range(93):
            repository.append_prediction(record(i, at=EPOCH + timedelta(days=2 * i)), Extras())
        days = list(repository.stats().by_day)
        assert len(days) == 90
        assert days[0] == "2026-03-07"

    # ---- tokens, policies, jobs, facts, audit -------------------------------------------

    def test_foreign_pictures_are_taken_in_once(self, repository: Repository) -> None:
        """Records, labels and credits from elsewhere are added; a second time changes nothing."""
        given = [foreign(n) for n in range(3)]
        assert repository.take_in(given) == TakenIn(3, 0, 0, 3, 0, 0, 0)
        before = repository.stats()
        assert repository.take_in(given) == TakenIn(0, 3, 0, 0, 3, 0, 0)
        assert repository.stats() == before
        assert before.by_label["human_made"] == 3
        assert repository.credits_of([digest(1), digest(9)]) == {digest(1): given[1].credit}
        assert repository.get_extras(make_id("P", 2)) == extras(2)

    def test_foreign_labels_may_yield(self, repository: Repository) -> None:
        """A label that yields does not change what a curator here decided; others go by time."""
        repository.append_prediction(record(1), Extras())
        repository.append_review(review(50, record(1), ReviewLabel.AI_GENERATED))
        yields = foreign(1, yields=True)
        assert repository.take_in([yields]) == TakenIn(0, 1, 0, 0, 0, 1, 0)
        assert repository.take_in([foreign(1)]).labels == 1
        standing = repository.latest_reviews([digest(1)])[digest(1)]
        assert standing.label is ReviewLabel.AI_GENERATED  # it is later
        other = replace(foreign(3), record=replace(record(3), id=make_id("P", 1)))
        assert repository.take_in([other]) == TakenIn(0, 0, 1, 0, 0, 0, 1)

    def test_foreign_pictures_come_all_or_none(self, repository: Repository) -> None:
        """Where the source breaks off, nothing of it was taken in."""

        def broken() -> Iterator[Foreign]:
            yield foreign(1)
            raise BadInput("the source breaks off")

        with pytest.raises(BadInput):
            repository.take_in(broken())
        assert repository.count_predictions(ALL) == 0
        assert repository.stats().predictions == 0

    @pytest.mark.parametrize("odd", ["\x01", "\0", "\ud800", "", "%", "é"])
    def test_an_id_of_another_form_is_nobodys(self, repository: Repository, odd: str) -> None:
        """Whatever stands in the place of an id, nothing is found and nothing breaks."""
        repository.append_prediction(record(1), Extras())
        assert repository.get_prediction(odd) is None
        with pytest.raises(NotFound):
            repository.undo_reviews([odd], LATER)

    def test_records_are_found_by_the_host_of_page_or_picture(self, repository: Repository) -> None:
        """Case and port do not matter; a longer name, a path and a plain word are others."""
        places = (
            ("https://a.example/x", "https://cdn.example/1.jpg"),
            ("https://b.example/x", "http://A.example:8080/2.jpg"),
            ("https://a.example", None),
            ("https://not-a.example/x", "https://a.example.org/a.example/"),
            ("https://b.example/a.example", None),
            (None, None),
            ("http://[::1]:8000/x", "file:///a.example/1.jpg"),
        )
        for number, (page, picture) in enumerate(places):
            context = Context(page_url=page, image_url=picture)
            repository.append_prediction(record(number, context=context), Extras())
        for host in ("a.example", "A.Example"):
            assert ids(repository.records_on(host)) == [0, 1, 2]
        assert ids(repository.records_on("a.example", limit=2)) == [0, 1]
        assert ids(repository.records_on("cdn.example")) == [0]
        assert ids(repository.records_on("::1")) == [6]
        assert repository.records_on("a_example") == ()

    def test_erased_records_leave_nothing(self, repository: Repository) -> None:
        """Records go with what is about them; of bytes that others share, only what is theirs."""
        for number in range(4):
            at = Context(page_url="https://a.example/x") if number < 2 else None
            repository.append_prediction(record(number, picture=number % 3, context=at), Extras())
        repository.append_review(review(1, record(0, picture=0)))
        repository.append_review(review(2, record(1)))
        repository.append_appeal(appeal(1, record(1)))
        repository.take_in([replace(foreign(1), record=record(1), review=review(2, record(1)))])
        assert [r.id for r in repository.records_at("https://a.example/x")] == [
            make_id("P", 0),
            make_id("P", 1),
        ]
        both = [make_id("P", 0), make_id("P", 1)]
        assert repository.unshared(both) == (digest(1),)  # number 3 is about picture 0 as well
        assert repository.erase(both) == Erased(2, 2, 1)
        assert repository.erase(both) == Erased(0, 0, 0)
        assert ids(repository.list_predictions(ALL).records) == [3, 2]
        stats = repository.stats()
        assert (stats.predictions, stats.reviewed, stats.appeals) == (2, 0, 0)
        assert repository.get_prediction(make_id("P", 0)) is None
        assert repository.count_predictions(PredictionFilter(reviewed=True)) == 0
        assert repository.credits_of([digest(1)]) == {}
        assert repository.repack()

    def test_erased_clients_leave_nothing(self, repository: Repository) -> None:
        """A client's appeals and revoked tokens go, and its name where it reviewed."""
        client = f"browser · {make_id('T', 1)[-8:]}"
        repository.append_token(Token(make_id("T", 1), EPOCH, "browser", Scope.CHECK, "d" * 64))
        repository.append_prediction(record(1), Extras())
        repository.append_review(replace(review(1, record(1)), reviewer=client))
        repository.append_appeal(replace(appeal(1, record(1)), client=client))
        assert repository.erase_client(client) == Erased(0, 0, 1)
        (kept,) = repository.reviews_of(digest(1))
        assert (kept.reviewer, kept.note) == ("forgotten", "")
        assert len(repository.list_tokens()) == 1
        repository.revoke_token(make_id("T", 1), EPOCH)
        repository.erase_client(client)
        assert repository.list_tokens() == ()

    def test_history_can_be_rewritten(self, repository: Repository) -> None:
        """Texts of jobs and of the audit trail are replaced where the rewriting changes them."""
        repository.append_event(AuditEvent(make_id("E", 1), EPOCH, "secret", "export", "x"))
        repository.append_event(AuditEvent(make_id("E", 2), EPOCH, "other", "export", "x"))
        repository.save_job(Job(make_id("J", 1), EPOCH, "export", "done", detail="secret"))
        assert repository.rewrite_history(lambda text: text.replace("secret", "gone")) == 2
        assert {e.actor for e in repository.list_events()} == {"gone", "other"}
        assert repository.list_jobs()[0].detail == "gone"

    def test_tokens(self, repository: Repository) -> None:
        """A token is found by its digest until it is revoked, and listed ever after."""
        tokens = [
            Token(make_id("T", i), EPOCH + timedelta(seconds=i), f"n{i}", Scope.READ, digest(i))
            for i in range(2)
        ]
        for token in reversed(tokens):
            repository.append_token(token)
        assert repository.find_token(digest(1)) == tokens[1]
        assert repository.find_token(digest(5)) is None
        revoked = replace(tokens[0], revoked_at=LATER)
        assert repository.revoke_token(tokens[0].id, LATER) == revoked
        assert repository.revoke_token(tokens[0].id, LATER + timedelta(days=1)) == revoked
        assert repository.find_token(digest(0)) is None
        assert repository.list_tokens() == (revoked, tokens[1])
        with pytest.raises(NotFound):
            repository.revoke_token("nobody", LATER)
        with pytest.raises(Conflict):
            repository.append_token(tokens[1])

    def test_pairing_code_works_once_and_in_time(self, repository: Repository) -> None:
        """A pairing code is used up by the first of many who try at once, and expires."""
        end = EPOCH + timedelta(minutes=10)
        repository.append_pairing_code(PairingCode(make_id("C", 1), EPOCH, end, digest(1)))
        repository.append_pairing_code(PairingCode(make_id("C", 2), EPOCH, end, digest(2)))
        assert not repository.use_pairing_code(digest(9), EPOCH)
        assert not repository.use_pairing_code(digest(2), end)
        won: list[bool] = []

        def attempt() -> None:
            won.append(repository.use_pairing_code(digest(1), EPOCH))

        threads = [threading.Thread(target=attempt) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(won) == [False] * 7 + [True]
        late = PairingCode(make_id("C", 3), end, end + timedelta(minutes=10), digest(3))
        repository.append_pairing_code(late)
        assert not repository.use_pairing_code(digest(2), EPOCH)  # dropped on the way

    def test_policies(self, repository: Repository) -> None:
        """The policy with the highest number is in force; a number is taken once."""
        assert repository.latest_policy() is None
        second, third = Policy(2, 0.2, 0.8, EPOCH, "me", "n"), Policy(3, 0.1, 0.9, EPOCH)
        repository.append_policy(third)
        repository.append_policy(second)
        assert repository.latest_policy() == third
        with pytest.raises(Conflict):
            repository.append_policy(replace(third, human_at_most=0.3))
        assert repository.latest_policy() == third

    def test_jobs(self, repository: Repository) -> None:
        """A job is replaced by its id; jobs are listed newest first."""
        jobs = [
            Job(make_id("J", i), EPOCH + timedelta(seconds=i), "re-score", "queued") for i in (1, 2)
        ]
        for job in jobs:
            repository.save_job(job)
        done = replace(
            jobs[0], state="done", progress=1.0, options={"where": [1]}, finished_at=LATER
        )
        repository.save_job(done)
        assert repository.list_jobs() == (jobs[1], done)
        assert repository.list_jobs(limit=1) == (jobs[1],)

    def test_settings(self, repository: Repository) -> None:
        """A small fact is kept under its name until it is put anew."""
        assert repository.get_setting("active_model") is None
        repository.put_setting("active_model", "seed-1")
        repository.put_setting("active_model", "seed-2")
        repository.put_setting("other", "")
        assert repository.get_setting("active_model") == "seed-2"
        assert repository.get_setting("other") == ""

    def test_events(self, repository: Repository) -> None:
        """The audit trail is listed newest first."""
        events = [
            AuditEvent(make_id("E", i), EPOCH + timedelta(seconds=i), "me", "token.create", "x")
            for i in range(3)
        ]
        for event in events:
            repository.append_event(event)
        assert repository.list_events(2) == (events[2], events[1])
        with pytest.raises(Conflict):
            repository.append_event(events[0])

    # ---- whole --------------------------------------------------------------------------

    def test_other_zones_are_kept_as_utc(self, repository: Repository) -> None:
        """A moment of another zone is the same moment when read back."""
        moment = datetime.fromisoformat("2026-03-01T23:30:00-05:00")
        repository.append_prediction(record(1, at=moment), Extras())
        kept = repository.get_prediction(make_id("P", 1))
        assert kept is not None
        assert kept.created_at == moment
        since = PredictionFilter(since=datetime(2026, 3, 2, 4, 30, tzinfo=UTC))
        assert repository.count_predictions(since) == 1

    def test_closed_store_says_so(self, repository: Repository) -> None:
        """After closing, every call raises that the store is unavailable."""
        repository.ready()
        repository.append_prediction(record(1), Extras())
        repository.close()
        with pytest.raises(StoreUnavailable):
            repository.append_prediction(record(2), Extras())
        with pytest.raises(StoreUnavailable):
            repository.list_predictions(ALL)
        with pytest.raises(StoreUnavailable):
            repository.ready()
        repository.close()

    def test_many_threads(self, repository: Repository) -> None:
        """Threads that write at once lose nothing, and no id is there twice."""
        failures: list[BaseException] = []

        def write(start: int) -> None:
            try:
                for i in range(start, start + 25):
                    repository.append_prediction(record(i, picture=i % 5), Extras())
                    if i % 10 == 0:
                        repository.append_review(review(i, record(i, picture=i % 5)))
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=write, args=(n * 25,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert walk(repository, ALL, "created_at", 200) == list(range(200))
        stats = repository.stats()
        assert (stats.predictions, stats.reviewed) == (200, 1)
