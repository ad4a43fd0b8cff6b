"""The use cases, with a log in memory: what is judged, logged, kept, answered and forgotten."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from backend.curation import Curation
from backend.domain import (
    Basis,
    Context,
    Label,
    Outcome,
    PredictionRecord,
    Review,
    ReviewLabel,
    Source,
    new_id,
    utc_now,
)
from backend.errors import (
    BadInput,
    Busy,
    NoModel,
    NotFound,
    OutOfSpace,
    StoreUnavailable,
    UndecodableImage,
    UrlRefused,
)
from backend.loggable import strip_address
from backend.recent_pictures import RecentPictures
from backend.service import FETCHES, Service
from backend.settings import KeepImages, Settings
from backend.storage.images import ImageStore
from backend.storage.repository import Extras, PredictionFilter
from backend.work_queue import WorkQueue
from tests.fakes import FakeJudge
from tests.memory_repository import MemoryRepository
from tests.pictures import draw, encode, jpeg

BRIGHT = encode(draw().point(lambda v: 230 + v // 12), "PNG")  # judged AI-generated
PICTURE = jpeg()  # judged uncertain
CONTEXT = Context(Source.API)


class Die:
    """Draws what it is told to, for the audit sample."""

    def __init__(self, value: float = 1.0) -> None:
        self.value = value

    def random(self) -> float:
        return self.value


Make = Callable[..., Service]


@pytest.fixture
def repository() -> MemoryRepository:
    return MemoryRepository()


@pytest.fixture
def make(tmp_path: Path, repository: MemoryRepository) -> Make:
    """Wire a service; settings are changed and parts replaced by name."""

    def build(
        *,
        judge: FakeJudge | None = None,
        die: Die | None = None,
        images: ImageStore | None = None,
        log: MemoryRepository | None = None,
        fetcher: Callable[[str], bytes] | None = None,
        **changes: Any,
    ) -> Service:
        settings = replace(Settings(home=tmp_path), **changes)
        draw: Any = die or Die()
        return Service(
            settings,
            log or repository,
            images or ImageStore(settings.images_path),
            judge or FakeJudge(),
            draw=draw,
            **({"fetcher": fetcher} if fetcher else {}),
        )

    return build


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def check(service: Service, data: bytes = PICTURE, **more: Any) -> PredictionRecord:
    return service.check_image(data, more.pop("context", CONTEXT), "tester", **more).record


def test_a_check_is_logged_with_its_map_and_features(make: Make) -> None:
    """The log holds the verdict, the activation map and the feature vector of the same pass."""
    service = make()
    record = check(service)
    assert service.repository.get_prediction(record.id) == record
    extras = service.repository.get_extras(record.id)
    assert extras.activation is not None
    assert extras.features is not None
    assert len(extras.features) == 2 * 512
    assert record.verdict.basis is Basis.MODEL


def test_repeats_are_answered_without_the_network(make: Make) -> None:
    """The same bytes under the same model and policy are judged once, and logged each time."""
    judge = FakeJudge()
    service = make(judge=judge)
    first, second = check(service), check(service)
    assert judge.calls == 1
    assert first.verdict == second.verdict
    assert first.id != second.id
    check(service, jpeg(seed=9))
    assert judge.calls == 2


def test_a_new_policy_or_model_is_judged_anew(make: Make) -> None:
    """The cache keys on bytes, model and policy: changing either asks the network again."""
    judge = FakeJudge()
    service = make(judge=judge)
    assert check(service).verdict.outcome is Outcome.UNCERTAIN
    service.publish_policy(0.1, 0.3, "curator")
    assert check(service).verdict.outcome is Outcome.AI_GENERATED
    assert judge.calls == 2
    service.judge = other = FakeJudge("fake-2")
    record = check(service)
    assert other.calls == 1
    assert record.model is not None
    assert record.model.version == "fake-2"


@pytest.mark.parametrize(
    ("keep", "data", "die", "kept"),
    [
        (KeepImages.ALL, BRIGHT, 1.0, True),
        (KeepImages.REVIEWABLE, BRIGHT, 1.0, False),
        (KeepImages.REVIEWABLE, BRIGHT, 0.01, True),  # drawn for the audit sample
        (KeepImages.REVIEWABLE, PICTURE, 1.0, True),  # uncertain
        (KeepImages.NONE, PICTURE, 0.01, False),
    ],
)
def test_pictures_are_kept_by_the_policy(
    make: Make, keep: KeepImages, data: bytes, die: float, kept: bool
) -> None:
    """`all` keeps all, `none` none, `reviewable` what is uncertain or in the audit sample."""
    service = make(keep_images=keep, die=Die(die))
    record = check(service, data)
    assert service.images.has(digest(data)) is kept
    assert record.audit is (die < 0.05)


@pytest.mark.parametrize("act", ["appeal", "review"])
def test_an_appeal_or_review_keeps_the_remembered_picture(make: Make, act: str) -> None:
    """A picture that was not kept waits in memory, and is kept once somebody disagrees."""
    service = make()
    record = check(service, BRIGHT)
    assert not service.images.has(digest(BRIGHT))
    if act == "appeal":
        service.submit_appeal(record.id, Label.HUMAN_MADE, "mine", "tester")
    else:
        service.submit_review(record.id, ReviewLabel.HUMAN_MADE, "curator")
    assert service.images.get(digest(BRIGHT)) == BRIGHT


def test_none_means_none_even_after_an_appeal(make: Make) -> None:
    """With BRUSHMARK_KEEP_IMAGES=none nothing is remembered, so nothing can be kept."""
    service = make(keep_images=KeepImages.NONE)
    record = check(service, BRIGHT)
    service.submit_appeal(record.id, Label.HUMAN_MADE, "", "tester")
    assert not service.images.has(digest(BRIGHT))


def test_a_picture_reviewed_before_is_kept_when_it_comes_again(make: Make) -> None:
    """The bytes of a review are worth keeping, even if they were gone when it was written."""
    service = make()
    record = check(service, BRIGHT)
    service.forget_bytes(digest(BRIGHT))
    service.submit_review(record.id, ReviewLabel.HUMAN_MADE, "curator")
    assert not service.images.has(digest(BRIGHT))
    checked = service.check_image(BRIGHT, CONTEXT, "tester")
    assert checked.review is not None
    assert service.images.has(digest(BRIGHT))


def test_with_the_log_off_nothing_is_left(make: Make, repository: MemoryRepository) -> None:
    """No record, no picture, no bytes in memory: the verdict alone."""
    service = make(keep_images=KeepImages.ALL, die=Die(0.0))
    record = check(service, keep_log=False)
    assert record.verdict.outcome is Outcome.UNCERTAIN
    assert repository.count_predictions(PredictionFilter()) == 0
    assert list(service.images.hashes()) == []
    assert len(service._recent) == 0
    assert record.audit is False


class FullDisk(MemoryRepository):
    """A log that has no room for predictions."""

    def append_prediction(self, record: PredictionRecord, extras: Extras) -> None:
        raise OutOfSpace("full")


def test_a_full_disk_is_never_acknowledged(make: Make) -> None:
    """What could not be logged raises, and leaves no picture that nobody could ask to forget."""
    service = make(log=FullDisk(), keep_images=KeepImages.ALL)
    with pytest.raises(OutOfSpace):
        check(service)
    assert not service.images.has(digest(PICTURE))
    assert len(service._recent) == 0


def test_a_failed_log_leaves_earlier_pictures_alone(make: Make) -> None:
    """A picture that an earlier record is about stays when a later check cannot be logged."""
    log = FullDisk()
    service = make(log=log, keep_images=KeepImages.ALL)
    MemoryRepository.append_prediction(
        log, make().check_image(PICTURE, CONTEXT, "x", keep_log=False).record, Extras()
    )
    service.images.put(digest(PICTURE), PICTURE)
    with pytest.raises(OutOfSpace):
        check(service)
    assert service.images.has(digest(PICTURE))


def test_a_full_picture_folder_logs_nothing(make: Make, tmp_path: Path) -> None:
    """If the picture cannot be kept the check fails before the log says it was."""

    class FullImages(ImageStore):
        def put(self, sha256: str, data: bytes) -> None:
            raise OutOfSpace("full")

    service = make(images=FullImages(tmp_path / "images"), keep_images=KeepImages.ALL)
    with pytest.raises(OutOfSpace):
        check(service)
    assert service.stats().predictions == 0


def test_bytes_that_are_no_picture_are_neither_logged_nor_kept(make: Make) -> None:
    """A truncated file raises and leaves no trace."""
    service = make(keep_images=KeepImages.ALL)
    with pytest.raises(UndecodableImage):
        check(service, PICTURE[:2000])
    assert service.stats().predictions == 0
    assert list(service.images.hashes()) == []


def test_a_small_picture_is_logged_as_not_assessed(make: Make) -> None:
    """Too small to tell: no score, no basis, no map, and a sentence that says why."""
    service = make()
    record = check(service, jpeg(80, 80))
    assert record.verdict.outcome is Outcome.NOT_ASSESSED
    assert record.verdict.prediction is None
    with pytest.raises(NotFound, match="not scored"):
        service.activation(record.id)


def test_animations_say_that_one_frame_was_looked_at(make: Make) -> None:
    """Of an animation the first frame is judged, and the summary says so."""
    frames = [draw(seed=s) for s in range(3)]
    data = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    record = check(make(), data)
    assert record.image.frames == 3
    assert "3 frames" in record.verdict.summary


def test_addresses_are_logged_only_where_they_may_be(make: Make) -> None:
    """By default the source alone is kept; where addresses are on, without their secrets."""
    context = Context(
        Source.CONTEXT_MENU, "https://a.example/p?t=1#x", "blob:https://a.example/1", "Title"
    )
    assert check(make(), context=context).context == Context(Source.CONTEXT_MENU)
    kept = check(make(keep_addresses=True), context=context).context
    assert kept == Context(Source.CONTEXT_MENU, "https://a.example/p", None, "Title")


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://u:p@a.example:8443/x/y.jpg?q=1#f", "https://a.example:8443/x/y.jpg"),
        ("http://[2001:db8::1]:81/x?y", "http://[2001:db8::1]:81/x"),
        ("file:///home/me/a.jpg", "file:///home/me/a.jpg"),
        ("data:image/png;base64,AAAA", None),
        ("blob:https://a.example/uuid", None),
        ("javascript:alert(1)", None),
        ("https://a.example:99999/", None),
        ("http://[broken/", None),
        ("", None),
        (None, None),
    ],
)
def test_addresses_lose_what_is_secret(address: str | None, kept: str | None) -> None:
    """Query, fragment, user and password go; data:, blob: and the unreadable go entirely."""
    assert strip_address(address) == kept


def test_another_clients_record_does_not_exist(make: Make) -> None:
    """With an owner named, others' records are not found, for reading and for appeals."""
    service = make()
    record = check(service)
    assert service.get(record.id, "tester") == record
    for ask in [
        lambda: service.get(record.id, "other"),
        lambda: service.activation(record.id, "other"),
        lambda: service.submit_appeal(record.id, Label.HUMAN_MADE, "", "other", "other"),
    ]:
        with pytest.raises(NotFound):
            ask()


def test_lookup_is_by_exact_bytes_and_newest(make: Make) -> None:
    """Of many records of the same bytes the newest answers; other bytes are left out."""
    service = make()
    check(service)
    newest = check(service)
    known = service.lookup([digest(PICTURE), digest(BRIGHT)])
    assert {k: v.record.id for k, v in known.items()} == {digest(PICTURE): newest.id}


def test_deleting_a_record_spares_a_picture_that_others_are_about(make: Make) -> None:
    """The picture goes with its last record, and the deletion is in the audit trail."""
    service = make()
    first, second = check(service), check(service)
    service.delete(first.id, "admin")
    assert service.images.has(digest(PICTURE))
    service.delete(second.id, "admin")
    assert not service.images.has(digest(PICTURE))
    assert [e.action for e in service.repository.list_events()] == ["prediction.delete"] * 2


def test_deleting_forgets_what_memory_holds(make: Make) -> None:
    """After a deletion neither cache nor memory knows the bytes."""
    judge = FakeJudge()
    service = make(judge=judge)
    service.delete(check(service, BRIGHT).id, "admin")
    assert len(service._recent) == 0
    check(service, BRIGHT)
    assert judge.calls == 2


def test_retention_takes_pictures_of_old_unreviewed_records(
    make: Make, repository: MemoryRepository
) -> None:
    """Past the days, an unreviewed record loses picture and context; a reviewed one keeps both."""
    service = make(keep_addresses=True)
    context = Context(Source.API, page_url="https://a.example/")
    old, reviewed = check(service, context=context), check(service, jpeg(seed=5))
    fresh = check(service, jpeg(seed=6))
    for record in [old, reviewed]:
        aged = replace(record, created_at=utc_now() - timedelta(days=91))
        repository._records[record.id] = aged
    service.submit_review(reviewed.id, ReviewLabel.HUMAN_MADE, "curator")
    assert service.expire() == 1
    assert not service.images.has(digest(PICTURE))
    assert service.images.has(reviewed.image.sha256)
    assert service.images.has(fresh.image.sha256)
    assert service.get(old.id).context.page_url is None
    assert service.expire() == 0


def test_what_is_said_now_stands_against_a_clock_that_ran_ahead(make: Make) -> None:
    """A review dated next year, of whatever origin, gives way to one that is given today."""
    service = make()
    record = check(service)
    ahead = utc_now() + timedelta(days=365)
    service.repository.append_review(
        Review(new_id(), ahead, record.id, record.image.sha256, ReviewLabel.AI_GENERATED, "import")
    )
    service.submit_review(record.id, ReviewLabel.HUMAN_MADE, "curator")
    standing = service.repository.latest_reviews([record.image.sha256])[record.image.sha256]
    assert (standing.label, standing.reviewer) == (ReviewLabel.HUMAN_MADE, "curator")
    assert standing.created_at > ahead
    (again,) = Curation(service).review_many([record.id], ReviewLabel.CANNOT_TELL, "curator", "")
    assert service.repository.latest_reviews([again.sha256])[again.sha256] == again


def age(service: Service, data: bytes) -> None:
    """Make a kept picture two hours old."""
    path = service.settings.images_path / digest(data)[:2] / digest(data)
    then = time.time() - 7200
    os.utime(path, (then, then))


def expire_but_die(service: Service, record: PredictionRecord) -> None:
    """Do the first half of a retention: the record is expired, and its picture is not deleted."""
    repository: Any = service.repository
    repository._records[record.id] = replace(record, created_at=utc_now() - timedelta(days=91))
    assert repository.expire_unreviewed(utc_now() - timedelta(days=90))


def test_pictures_that_a_kill_left_behind_are_swept(make: Make) -> None:
    """What no record holds any more goes at the next retention: expired, deleted, never logged."""
    service = make()
    expired, deleted, held = check(service), check(service, jpeg(seed=5)), check(service, BRIGHT)
    service.images.put(digest(BRIGHT), BRIGHT)
    expire_but_die(service, expired)
    service.repository.delete_prediction(deleted.id)
    service.images.put(digest(b"never logged"), b"never logged")
    left = [PICTURE, jpeg(seed=5), b"never logged"]
    assert service.expire() == 0  # they may still be in the making
    for data in [*left, BRIGHT]:
        age(service, data)
    assert service.expire() == 3
    assert list(service.images.hashes()) == [held.image.sha256]
    assert len(service._recent) == 1
    assert service.repository.list_events()[0].detail == "3 pictures that no record held any more"
    assert service.expire() == 0


def test_a_sweep_spares_what_is_reviewed_or_appealed(make: Make) -> None:
    """A picture of an expired record stays while somebody has said something of it."""
    service = make()
    reviewed, appealed = check(service), check(service, jpeg(seed=5))
    for record in (reviewed, appealed):
        expire_but_die(service, record)
    review = service.submit_review(reviewed.id, ReviewLabel.HUMAN_MADE, "curator")
    service.submit_appeal(appealed.id, Label.HUMAN_MADE, "mine", "tester")
    for data in (PICTURE, jpeg(seed=5)):
        age(service, data)
    assert service.expire() == 0
    service.undo_review(review.id, "curator")
    assert service.expire() == 1
    assert list(service.images.hashes()) == [appealed.image.sha256]


def test_a_sweep_spares_pictures_of_a_log_that_was_moved_away(make: Make) -> None:
    """What was kept before the log's oldest record is not its own, and stays."""
    service = make()
    service.images.put(digest(BRIGHT), BRIGHT)
    age(service, BRIGHT)
    assert service.expire() == 0  # a log without any record
    check(service)
    assert service.expire() == 0
    assert service.images.has(digest(BRIGHT))


def test_a_sweep_waits_for_an_import(make: Make) -> None:
    """Pictures of an import have no records until it ends, and stay."""
    service = make()
    service.images.put(digest(PICTURE), PICTURE)
    age(service, PICTURE)
    importing = service.settings.home / "imports" / "one"
    importing.mkdir(parents=True)
    old = check(service, BRIGHT)
    repository: Any = service.repository
    repository._records[old.id] = replace(old, created_at=utc_now() - timedelta(days=2))
    assert service.expire() == 0
    importing.rmdir()
    assert service.expire() == 1


def test_a_sweep_spares_pictures_of_another_home(make: Make, tmp_path: Path) -> None:
    """In a folder outside the home only pictures of records of this home go."""
    service = make(images=ImageStore(tmp_path / "images"))
    service.settings = replace(service.settings, images=tmp_path / "images")
    record = check(service)
    expire_but_die(service, record)
    service.images.put(digest(BRIGHT), BRIGHT)
    for data in (PICTURE, BRIGHT):
        age(service, data)
    assert service.expire() == 1
    assert list(service.images.hashes()) == [digest(BRIGHT)]


def test_one_picture_that_cannot_be_deleted_keeps_no_other(make: Make, tmp_path: Path) -> None:
    """Where one deletion fails the others are done, and a later retention does it."""

    class Sticky(ImageStore):
        stuck = True

        def delete(self, sha256: str) -> None:
            if self.stuck and sha256 == digest(PICTURE):
                raise StoreUnavailable("read-only")
            super().delete(sha256)

        def delete_aged(self, sha256: str, older_than_s: float = 3600.0) -> None:
            if self.stuck and sha256 == digest(PICTURE):
                raise StoreUnavailable("read-only")
            super().delete_aged(sha256, older_than_s)

    images = Sticky(tmp_path / "images")
    service = make(images=images)
    for record in (check(service), check(service, jpeg(seed=5))):
        aged = replace(record, created_at=utc_now() - timedelta(days=91))
        service.repository._records[record.id] = aged  # type: ignore[attr-defined]
    assert service.expire() == 1
    assert list(images.hashes()) == [digest(PICTURE)]
    age(service, PICTURE)
    assert service.expire() == 0
    images.stuck = False
    assert service.expire() == 1
    assert list(images.hashes()) == []


def test_the_retention_sweeps_half_written_files(make: Make) -> None:
    """What an interrupted write left goes when it is an hour old."""
    service = make()
    check(service)
    partial = service.settings.images_path / digest(PICTURE)[:2] / ".partial-x"
    partial.write_bytes(b"half")
    service.expire()
    assert partial.exists()
    os.utime(partial, (0, 0))
    service.expire()
    assert not partial.exists()
    assert service.images.has(digest(PICTURE))


def test_notes_and_reasons_have_a_length(make: Make) -> None:
    """More than 2000 characters are refused, and nothing is written."""
    service = make()
    record = check(service)
    with pytest.raises(BadInput):
        service.submit_review(record.id, ReviewLabel.HUMAN_MADE, "curator", "x" * 2001)
    with pytest.raises(BadInput):
        service.submit_appeal(record.id, Label.HUMAN_MADE, "x" * 2001, "tester")
    assert service.stats().reviewed == 0
    assert service.stats().appeals == 0


def test_policies_are_numbered_and_in_order(make: Make) -> None:
    """Each published policy has the next number; thresholds the wrong way round are refused."""
    service = make()
    assert service.policy().number == 0
    assert service.publish_policy(0.1, 0.9, "a").number == 1
    assert service.publish_policy(0.2, 0.8, "a", "note").number == 2
    with pytest.raises(BadInput, match="below"):
        service.publish_policy(0.8, 0.2, "a")
    assert service.policy().number == 2


def test_without_a_model_checks_are_refused_and_the_log_is_read(make: Make) -> None:
    """A missing model stops judging alone."""
    service = make()
    record = check(service)
    service.judge = None
    with pytest.raises(NoModel):
        check(service)
    with pytest.raises(NoModel):
        service.ready()
    assert service.get(record.id) == record


def test_readiness_asks_the_store(make: Make) -> None:
    """A store that cannot be written makes the service not ready."""

    class Locked(MemoryRepository):
        def ready(self) -> None:
            raise StoreUnavailable("locked")

    make().ready()
    with pytest.raises(StoreUnavailable):
        make(log=Locked()).ready()


def test_fetching_is_bounded_and_can_be_off(make: Make) -> None:
    """A few addresses are fetched at a time, more are refused; where it is off, all are."""
    with pytest.raises(UrlRefused):
        make(url_fetch=False).fetch_image("https://a.example/")
    go, begun = threading.Event(), threading.Semaphore(0)

    def slow(url: str) -> bytes:
        begun.release()
        go.wait(10)
        return b""

    service = make(fetcher=slow)
    threads = [
        threading.Thread(target=service.fetch_image, args=("https://a.example/",))
        for _ in range(FETCHES)
    ]
    for thread in threads:
        thread.start()
    for _ in threads:
        begun.acquire()
    with pytest.raises(Busy):
        service.fetch_image("https://a.example/")
    go.set()
    for thread in threads:
        thread.join()
    assert service.fetch_image("https://a.example/") == b""


def test_the_queue_is_bounded_and_gives_places_back() -> None:
    """One works, one waits, the third is refused; after an error the place is free again."""
    queue = WorkQueue(slots=1, waiting=1, timeout_s=10)
    go, begun = threading.Event(), threading.Event()

    def work() -> None:
        with queue.place():
            begun.set()
            go.wait(10)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    begun.wait(10)
    while queue.length < 2:
        threading.Event().wait(0.001)
    with pytest.raises(Busy), queue.place():
        pass
    go.set()
    for thread in threads:
        thread.join()
    with pytest.raises(ZeroDivisionError), queue.place():
        _ = 1 / 0
    assert queue.length == 0
    with queue.place():
        assert queue.length == 1


def test_waiting_for_a_slot_ends() -> None:
    """Who waits too long is told to come back, and gives up the place."""
    queue = WorkQueue(slots=1, waiting=1, timeout_s=0.01)
    with queue.place():
        with pytest.raises(Busy, match="too long"), queue.place():
            pass
        assert queue.length == 1


def test_recent_pictures_stay_within_their_bytes() -> None:
    """The longest unused make room; one larger than all the room is not held."""
    recent = RecentPictures(max_bytes=10)
    recent.put("a", b"12345")
    recent.put("b", b"12345")
    recent.put("a", b"12345")
    recent.put("c", b"1")
    assert (recent.get("a"), recent.get("b"), recent.get("c")) == (b"12345", None, b"1")
    recent.put("d", b"x" * 11)
    assert len(recent) == 0
    recent.put("e", b"1234567890")
    assert recent.get("e") is not None
