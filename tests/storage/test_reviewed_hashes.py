"""Reviewed pictures that look alike, as several programs on one file see them."""

from pathlib import Path

from backend.storage.repository import Extras
from backend.storage.tinydb_repository import TinyDBRepository
from tests.records import record, review

LIKENESS = 0x8000_0000_0000_0003


def near(repository: TinyDBRepository) -> list[int]:
    """Return the numbers of the reviewed records that look like ours."""
    return [int(s.record.id[1:]) for s in repository.similar_reviewed(LIKENESS)]


def test_what_another_program_reviews_or_forgets_is_seen(tmp_path: Path) -> None:
    """A review counts for every program on the file at once, until its picture is forgotten."""
    ours, other = (TinyDBRepository(tmp_path / "log.db") for _ in range(2))
    for number in range(4):
        ours.append_prediction(record(number), Extras(phash=LIKENESS ^ number))
    other.append_reviews([review(1, record(1)), review(2, record(2))])
    assert near(ours) == near(other) == [2, 1]
    # The newest review goes and another takes its place in the file: still not the same one.
    other.erase([record(2).id])
    assert near(ours) == [1]
    other.append_review(review(3, record(3)))
    assert near(ours) == near(other) == [1, 3]
