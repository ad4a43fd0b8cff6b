"""Labelled pictures gathered from the log into spools on disk, one line and one vector each."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from backend.domain import Credit, Label, PredictionRecord, Review, ReviewLabel
from backend.exporting.cells import flat
from backend.storage.documents import site_of
from backend.storage.images import ImageStore
from backend.storage.repository import MAX_PAGE, PredictionFilter, Repository
from backend.wire import Json, record_to_document, time_to_text

SUFFIXES = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "GIF": "gif", "AVIF": "avif"}
"""Pictures are named by their hash and what their bytes are, never by what a page called them."""
UNSPECIFIED = "unspecified"
NO_LICENCE = "none stated"
CREDITS = ("generator", "kind", "source", "licence")

Progress = Callable[[int, int, str], None]
"""Called with how many are done, how many there are, and what is being done."""


@dataclass(frozen=True, slots=True)
class Example:
    """A labelled picture: what is needed to group, split and find it again in the spools."""

    sha256: str
    label: Label
    source: str
    suffix: str
    bytes: int
    kept: bool
    model: str | None
    """SHA-256 of the card of the model that made its feature vector; None where it has none."""
    line: int
    vector: int
    """Where its line and its vector start in the spools, in bytes."""
    vector_bytes: int
    phash: int | None = None
    """Perceptual hash; None where the log has none."""
    group: str | None = None
    """A group that it was imported with, and its split then."""
    split: str | None = None

    @property
    def name(self) -> str:
        """The file's name, made of its hash alone."""
        return f"{self.sha256}.{self.suffix}"


@dataclass(slots=True)
class LeftOut:
    """How many pictures matched the filter and are not exported, by reason."""

    unreviewed: int = 0
    cannot_tell: int = 0
    contradicting: list[tuple[str, str]] = field(default_factory=list)
    """SHA-256 and label of pictures that have a near-duplicate of the other label."""

    def to_json(self, examples: int = 20) -> Json:
        """Write it down, with a few of the contradicting pictures."""
        return {
            "unreviewed": self.unreviewed,
            "cannot_tell": self.cannot_tell,
            "contradicting": len(self.contradicting),
            "contradicting_examples": [
                {"sha256": sha256, "label": label}
                for sha256, label in self.contradicting[:examples]
            ],
        }


class Spools:
    """Two files in a working folder: a JSON line for each example, and its feature vector."""

    def __init__(self, folder: Path) -> None:
        self._lines = (folder / "lines").open("w+b")
        self._vectors = (folder / "vectors").open("w+b")
        self.models: dict[str, Json] = {}
        """By the card's SHA-256: its version, and the vectors' length in bytes."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lines.close()
        self._vectors.close()

    def add(self, line: Json, vector: bytes | None) -> tuple[int, int]:
        """Append an example; return where its line and its vector start."""
        places = self._lines.tell(), self._vectors.tell()
        self._lines.write(json.dumps(line, separators=(",", ":"), sort_keys=True).encode() + b"\n")
        self._vectors.write(vector or b"")
        return places

    def line(self, example: Example) -> Any:
        """Read an example's line back."""
        self._lines.seek(example.line)
        return json.loads(self._lines.readline())

    def vector(self, example: Example) -> bytes:
        """Read an example's feature vector back; empty where it has none."""
        self._vectors.seek(example.vector)
        return self._vectors.read(example.vector_bytes)


def gather(
    repository: Repository,
    images: ImageStore,
    where: PredictionFilter,
    spools: Spools,
    progress: Progress,
) -> tuple[list[Example], LeftOut]:
    """Collect one example for each picture that the filter lets through and a review labels.

    Of several records of the same bytes the newest stands for them; the latest standing review
    of the bytes gives the label. Pictures that no review labels are counted.
    """
    total = repository.count_predictions(where)
    examples: list[Example] = []
    left_out = LeftOut()
    seen: set[bytes] = set()
    done = 0
    for page in _pages(repository, where):
        done += len(page)
        fresh = [r for r in page if bytes.fromhex(r.image.sha256) not in seen]
        fresh = list({r.image.sha256: r for r in reversed(fresh)}.values())[::-1]
        seen.update(bytes.fromhex(r.image.sha256) for r in fresh)
        digests = [r.image.sha256 for r in fresh]
        reviews, credits = repository.latest_reviews(digests), repository.credits_of(digests)
        for record in fresh:
            review = reviews.get(record.image.sha256)
            if review is None:
                left_out.unreviewed += 1
            elif review.label is ReviewLabel.CANNOT_TELL:
                left_out.cannot_tell += 1
            else:
                credit = credits.get(record.image.sha256)
                examples.append(_take(repository, images, record, review, credit, spools))
        progress(done, max(done, total), "reading the log")
    return examples, left_out


def _pages(
    repository: Repository, where: PredictionFilter
) -> Iterator[tuple[PredictionRecord, ...]]:
    cursor: str | None = None
    while True:
        page = repository.list_predictions(where, limit=MAX_PAGE, cursor=cursor)
        yield page.records
        cursor = page.next_cursor
        if cursor is None:
            return


def _take(
    repository: Repository,
    images: ImageStore,
    record: PredictionRecord,
    review: Review,
    credit: Credit | None,
    spools: Spools,
) -> Example:
    label = Label(review.label.value)
    line = example_line(record, review, credit)
    extras = repository.get_extras(record.id)
    vector = extras.features
    model = _note_model(record, vector, spools)
    if model is None:
        vector = None
    places = spools.add(line, vector)
    sha256 = record.image.sha256
    return Example(
        sha256=sha256,
        label=label,
        source=line["credit"]["source"],
        suffix=SUFFIXES.get(record.image.format.upper(), "bin"),
        bytes=record.image.bytes,
        kept=images.has(sha256),
        model=model,
        line=places[0],
        vector=places[1],
        vector_bytes=len(vector or b""),
        phash=extras.phash,
        group=credit.group if credit else None,
        split=credit.split if credit else None,
    )


def _note_model(record: PredictionRecord, vector: bytes | None, spools: Spools) -> str | None:
    """Return whose a vector is, noting the model; of vectors of two lengths the first's counts."""
    if vector is None or record.model is None:
        return None
    known = spools.models.setdefault(
        record.model.sha256,
        {"version": record.model.version, "vector_bytes": len(vector)},
    )
    if known["vector_bytes"] != len(vector) or len(vector) % 2:
        return None
    return record.model.sha256


def example_line(record: PredictionRecord, review: Review, credit: Credit | None) -> Json:
    """Return what an export says of a picture.

    That is the record without its client, addresses and title, the review without its author
    and note, and where the picture comes from: a data set is handed on, and who worked on it
    or what they were reading is nobody's business.
    """
    document = record_to_document(record)
    document["client"] = ""
    document["context"] = {
        "source": record.context.source.value,
        "page_url": None,
        "image_url": None,
        "page_title": None,
    }
    return {
        "record": document,
        "review": {
            "id": review.id,
            "created_at": time_to_text(review.created_at),
            "label": review.label.value,
        },
        "credit": _credit(record, review, credit),
    }


def _credit(record: PredictionRecord, review: Review, imported: Credit | None) -> dict[str, str]:
    """Say where a picture comes from: what its data set said, else what the log knows."""
    prediction = record.verdict.prediction
    likely = prediction.likely_generator if prediction else None
    told = imported.generator if imported and imported.generator != "human" else None
    human = review.label is ReviewLabel.HUMAN_MADE
    return {
        "generator": "human" if human else flat(told or likely or UNSPECIFIED),
        "kind": imported.kind if imported else UNSPECIFIED,
        "source": imported.source
        if imported
        else flat(site_of(record) or record.context.source.value),
        "licence": imported.licence if imported else NO_LICENCE,
    }


def count_labels(examples: list[Example]) -> dict[str, int]:
    """Count examples by label."""
    counts = Counter(example.label for example in examples)
    return {label.value: counts[label] for label in Label}
