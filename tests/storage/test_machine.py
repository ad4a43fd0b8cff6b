"""The store against a model in memory, with crashes and reopenings at any point."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from backend.domain import (
    Basis,
    Context,
    Evidence,
    EvidenceStatus,
    ImageFacts,
    Outcome,
    PredictionRecord,
    ReviewLabel,
    SizeClass,
    Source,
)
from backend.errors import BrushmarkError
from backend.settings import Settings
from backend.storage import maintenance
from backend.storage.repository import PredictionFilter, Repository
from backend.storage.tinydb_repository import TinyDBRepository
from tests.memory_repository import MemoryRepository
from tests.records import EPOCH, appeal, digest, extras, make_id, record, review
from tests.storage.scale import scaled

NUMBERS = st.integers(0, 11)
FILTERS = st.builds(
    PredictionFilter,
    outcome=st.none() | st.sampled_from(Outcome),
    label=st.none() | st.sampled_from(ReviewLabel),
    reviewed=st.none() | st.booleans(),
    evidence=st.none() | st.sampled_from(["c2pa", "c2pa verified", "none"]),
    size=st.none() | st.sampled_from(SizeClass),
    format=st.none() | st.sampled_from(["JPEG", "PNG"]),
    site=st.none() | st.sampled_from(["s0.example", "s1.example"]),
    min_score=st.none() | st.sampled_from([0.0, 0.5, 0.9]),
    max_score=st.none() | st.sampled_from([0.1, 0.5, 1.0]),
    since=st.none() | NUMBERS.map(lambda n: EPOCH + timedelta(seconds=n)),
    q=st.none() | st.sampled_from(["title", "P00", "90 %", "nothing"]),
)


def made(number: int, picture: int, score: float | None) -> PredictionRecord:
    """Make a record whose site and title depend on its number."""
    context = Context(Source.PAGE_SCAN, f"https://s{number % 2}.example/a", None, f"Title {number}")
    base = record(number, picture=picture, score=score, context=context)
    found = Evidence("c2pa", EvidenceStatus(list(EvidenceStatus)[number % 5]), None, "it says")
    provenance = number % 4 == 3 and score is not None
    verdict = replace(
        base.verdict,
        evidence=(*base.verdict.evidence, found),
        basis=Basis.PROVENANCE if provenance else base.verdict.basis,
    )
    image = ImageFacts(
        base.image.sha256, ("JPEG", "PNG")[picture % 2], 150 + 90 * number, 2400, 300 * 9**number
    )
    return replace(
        base,
        verdict=verdict,
        image=image,
        audit=number % 3 == 0,
        elapsed_ms=round(7.3 * 3.1**number, 2),
        created_at=base.created_at + timedelta(hours=5 * number),
    )


class StoreMachine(RuleBasedStateMachine):
    """Do the same to the store and to the model, and compare what they say."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.generation = 0
        self.model = MemoryRepository()
        self.store = TinyDBRepository(self.settings.store_path)

    @property
    def settings(self) -> Settings:
        home = self.folder / str(self.generation)
        home.mkdir(exist_ok=True)
        return Settings(home=home)

    def both(self, name: str, *arguments: object, **named: object) -> None:
        """Call a method of both; they return the same, or raise the same."""
        results = [self.call(one, name, *arguments, **named) for one in (self.store, self.model)]
        assert results[0] == results[1], name

    @staticmethod
    def call(repository: Repository, name: str, *arguments: object, **named: object) -> object:
        try:
            return getattr(repository, name)(*arguments, **named)
        except BrushmarkError as error:
            return type(error)

    @initialize()
    def seed(self) -> None:
        for number in range(3):
            self.append(number, number // 2, 0.95)

    @rule(number=NUMBERS, picture=st.integers(0, 5), score=st.none() | st.floats(0, 1))
    def append(self, number: int, picture: int, score: float | None) -> None:
        self.both("append_prediction", made(number, picture, score), extras(number))

    @rule(number=NUMBERS)
    def delete(self, number: int) -> None:
        self.both("delete_prediction", make_id("P", number))

    @rule(number=NUMBERS, of=NUMBERS, label=st.sampled_from(ReviewLabel))
    def review(self, number: int, of: int, label: ReviewLabel) -> None:
        kept = self.model.get_prediction(make_id("P", of)) or made(of, of, 0.5)
        self.both("append_review", review(number, kept, label))

    @rule(number=NUMBERS)
    def undo(self, number: int) -> None:
        self.both("undo_review", make_id("R", number), EPOCH + timedelta(days=9))

    @rule(number=NUMBERS, of=NUMBERS)
    def appeal(self, number: int, of: int) -> None:
        kept = self.model.get_prediction(make_id("P", of)) or made(of, of, 0.5)
        self.both("append_appeal", appeal(number, kept))

    @rule(age=NUMBERS, limit=st.integers(1, 4))
    def expire(self, age: int, limit: int) -> None:
        self.both("expire_unreviewed", EPOCH + timedelta(seconds=age), limit)

    @rule(key=st.sampled_from("ab"), value=st.text(max_size=5))
    def put_setting(self, key: str, value: str) -> None:
        self.both("put_setting", key, value)

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = TinyDBRepository(self.settings.store_path)

    @rule()
    def crash(self) -> None:
        """Go on from the files as they lie on disk now, as after a kill -9."""
        before = self.settings.store_path
        self.generation += 1
        after = self.settings.store_path
        for ending in ("", "-wal"):  # the shared index is rebuilt, as after a crash of the machine
            source = before.with_name(before.name + ending)
            if source.exists():
                shutil.copyfile(source, after.with_name(after.name + ending))
        self.store.close()
        shutil.rmtree(before.parent)
        self.store = TinyDBRepository(after)

    @rule()
    def compact(self) -> None:
        maintenance.compact(self.settings)

    @rule()
    def back_up_and_restore(self) -> None:
        target = self.folder / "backup"
        maintenance.backup(self.settings, target)
        self.store.close()
        self.generation += 1
        maintenance.restore(self.settings, target)
        shutil.rmtree(target)
        self.store = TinyDBRepository(self.settings.store_path)

    @rule(
        where=FILTERS,
        sort=st.sampled_from(["-created_at", "created_at", "-score", "score"]),
        limit=st.integers(1, 6),
    )
    def list(self, where: PredictionFilter, sort: str, limit: int) -> None:
        self.both("count_predictions", where)
        cursors: list[str | None] = [None, None]
        while True:
            pages = [
                one.list_predictions(where, sort=sort, limit=limit, cursor=cursor)
                for one, cursor in zip((self.store, self.model), cursors, strict=True)
            ]
            assert pages[0].records == pages[1].records
            cursors = [page.next_cursor for page in pages]
            if None in cursors:
                assert cursors == [None, None]
                break

    @rule(number=NUMBERS)
    def read(self, number: int) -> None:
        self.both("get_prediction", make_id("P", number))
        self.both("get_extras", make_id("P", number))
        self.both("reviews_of", digest(number))
        self.both("latest_reviews", [digest(number), digest(0)])
        self.both("latest_by_sha256", [digest(number), digest(0)])
        self.both("count_appeals", [make_id("P", number)])
        self.both("get_setting", "a")

    @invariant()
    def counts_agree(self) -> None:
        self.both("stats")
        self.both("reviewed")
        self.both("audit_sample")
        self.both("repeated_reviews")
        self.both("daily_counts", EPOCH.date(), EPOCH.date() + timedelta(days=1), 1)
        self.both("changed_verdicts", "seed-1", 0.3, 0.95)
        self.both("appeals_by_review")
        self.both("list_appeals")

    @precondition(lambda self: self.generation % 2 == 0)
    @rule()
    def verifies(self) -> None:
        assert maintenance.verify(self.settings).findings == ()

    def teardown(self) -> None:
        self.store.close()
        assert maintenance.verify(self.settings).findings == ()
        shutil.rmtree(self.folder)


StoreMachine.TestCase.settings = settings(
    max_examples=scaled(8, 250),
    stateful_step_count=scaled(30, 50),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


class TestStoreMachine(StoreMachine.TestCase):  # type: ignore[misc]
    """Whatever is done in whatever order, store and model agree, also after crashes."""
