"""Labelled feature vectors: from a release (replay and evaluation) and from the reviewed log."""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from backend.dataset.grouping import alike, contradicted
from backend.domain import Label, PredictionRecord, ReviewLabel
from backend.errors import BadInput, BadRun, NotFound, WeightsDamaged
from backend.model.card import FEATURES, Card, verify_files
from backend.storage.repository import MAX_PAGE, Extras, PredictionFilter, Repository
from backend.tuning.head import trunk_digest

log = logging.getLogger(__name__)

HERE = "this installation"
"""The source of a logged picture whose site was not kept."""
_TARGETS = {ReviewLabel.HUMAN_MADE: 0, ReviewLabel.AI_GENERATED: 1}


@dataclass(frozen=True, slots=True)
class Examples:
    """Vectors (n, d) in half precision with what is known of each picture, in one order.

    `labels` (n,) are 1 for ai_generated; `groups` tie near-duplicates; `keys` name pictures:
    their SHA-256, or ids of records where the picture is to be shown.
    """

    features: npt.NDArray[np.float16]
    labels: npt.NDArray[np.int64]
    groups: npt.NDArray[np.str_]
    sources: npt.NDArray[np.str_]
    keys: npt.NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: npt.NDArray[Any]) -> Examples:
        """Return some rows, by number or mask."""
        return Examples(
            self.features[index],
            self.labels[index],
            self.groups[index],
            self.sources[index],
            self.keys[index],
        )

    def counts(self) -> dict[str, int]:
        """Count rows by label."""
        return {
            Label.AI_GENERATED.value: int(np.sum(self.labels == 1)),
            Label.HUMAN_MADE.value: int(np.sum(self.labels == 0)),
        }

    def digest(self) -> str:
        """Return a hash of pictures, labels and vectors that does not depend on their order."""
        rows = sorted(
            f"{key} {label} ".encode() + vector.tobytes()
            for key, label, vector in zip(self.keys, self.labels, self.features, strict=True)
        )
        return hashlib.sha256(b"\n".join(rows)).hexdigest()


def gathered(rows: Sequence[tuple[bytes, int, str, str, str]], size: int) -> Examples:
    """Stack rows of vector, label, group, source and key into arrays."""
    vectors = [np.frombuffer(row[0], "<f2") for row in rows]
    return Examples(
        np.stack(vectors) if vectors else np.empty((0, size), np.float16),
        np.array([row[1] for row in rows], np.int64),
        *(np.array([row[i] for row in rows], np.str_) for i in (2, 3, 4)),
    )


@dataclass(frozen=True, slots=True)
class Gathered:
    """What there is to learn from, what is held out, and what was left aside and why."""

    learn: Examples
    held_out: Examples
    """Audit records: drawn at random when logged, and never learnt from."""
    left: Mapping[str, int]

    def described(self) -> dict[str, Any]:
        """Return what the card says of the data."""
        return {
            "sha256": self.learn.digest(),
            "examples": self.learn.counts(),
            "groups": len(set(self.learn.groups)),
            "held_out": {"sha256": self.held_out.digest(), **self.held_out.counts()},
            "left_aside": dict(self.left),
        }


def from_release(card: Card, split: str) -> tuple[Examples, npt.NDArray[np.float64]]:
    """Return a release's own rows of `train` or `val`, and the logits it gave them.

    Raises:
        BadRun: the release brings no vectors.
        WeightsDamaged: they cannot be read.
    """
    path = card.folder / FEATURES
    if not path.exists():
        raise BadRun(f"{card.ref.version} brings no {FEATURES}: there is nothing to replay.")
    verify_files(card, [FEATURES])
    try:
        return _split(path, split)
    except (OSError, SafetensorError, KeyError, ValueError, IndexError) as error:
        raise WeightsDamaged(f"The vectors of {card.ref.version} cannot be read: {error}.") from (
            error
        )


def _split(path: Path, split: str) -> tuple[Examples, npt.NDArray[np.float64]]:
    with safe_open(path, "numpy") as file:
        names = {k: np.array(json.loads(v)) for k, v in (file.metadata() or {}).items()}

        def column(field: str) -> Any:
            return file.get_tensor(f"{split}.{field}")

        examples = Examples(
            features=column("features"),
            labels=column("labels").astype(np.int64),
            groups=names["group"][column("group")],
            sources=names["source"][column("source")],
            keys=np.array([row.tobytes().hex() for row in column("sha256")]),
        )
        return examples, column("logits").astype(np.float64)


def from_log(repository: Repository, card: Card, known: Iterable[Card]) -> Gathered:
    """Gather every reviewed picture whose vector comes from this release's trunk.

    A picture is learnt from once, under the label of its latest review. Pictures that look
    alike, and those imported as one series, are a group; where they carry both labels they are
    left aside. Audit records, and whatever shares a group with one, are held out.

    Args:
        repository: the log.
        card: the release to go on from.
        known: the releases on this machine; vectors by any with the same trunk will do.
    """
    models = {c.ref.sha256 for c in sharing_trunk(card, known)}
    left: Counter[str] = Counter()
    found: dict[str, _Logged] = {}
    audits: set[str] = set()
    for page in _pages(repository):
        reviews = repository.latest_reviews([r.image.sha256 for r in page])
        for record in page:
            digest = record.image.sha256
            if record.audit:
                audits.add(digest)
            if digest in found or digest not in reviews:
                continue
            label = _TARGETS.get(reviews[digest].label)
            extras = _extras(repository, record) if label is not None else None
            if label is None:
                left["nobody could tell"] += 1
            elif extras is None or extras.features is None or record.model is None:
                left["without a vector"] += 1
            elif record.model.sha256 not in models or len(extras.features) != 2 * card.feature_size:
                left["scored by another network"] += 1
            else:
                found[digest] = _Logged(extras.features, label, _source(record), extras.phash)
    every = _grouped(found, repository, left, card.feature_size)
    held = np.isin(every.groups, every.groups[np.isin(every.keys, list(audits))])
    return Gathered(every.take(~held), every.take(held), left)


@dataclass(frozen=True, slots=True)
class _Logged:
    """What the log has of a labelled picture."""

    vector: bytes
    label: int
    source: str
    phash: int | None


def _grouped(
    found: Mapping[str, _Logged], repository: Repository, left: Counter[str], size: int
) -> Examples:
    """Stack pictures by their hash, in groups; those that look alike with both labels go."""
    wrong = contradicted([p.phash for p in found.values()], [p.label for p in found.values()])
    if any(wrong):
        left["labelled otherwise than one that looks alike"] = sum(wrong)
    kept = {k: p for (k, p), is_wrong in zip(found.items(), wrong, strict=True) if not is_wrong}
    keys = list(kept)
    credits = repository.credits_of(keys)
    told = [credits[key].group if key in credits else None for key in keys]
    roots = alike([p.phash for p in kept.values()], told)
    rows = [
        (p.vector, p.label, keys[root], p.source, key)
        for (key, p), root in zip(kept.items(), roots, strict=True)
    ]
    return gathered(rows, size)


def sharing_trunk(card: Card, known: Iterable[Card]) -> list[Card]:
    """Return the releases whose vectors mean what this one's do, itself among them.

    One whose checkpoint cannot be read says nothing of its vectors: it is left aside.

    Raises:
        WeightsDamaged: the release itself cannot be read.
    """
    trunk = trunk_digest(card)

    def shares(other: Card) -> bool:
        try:
            return other.ref == card.ref or trunk_digest(other) == trunk
        except WeightsDamaged as error:
            log.warning("left aside: %s", error)
            return False

    return [other for other in known if shares(other)] or [card]


def _pages(repository: Repository) -> Iterator[tuple[PredictionRecord, ...]]:
    cursor = None
    where = PredictionFilter(reviewed=True)
    while True:
        page = repository.list_predictions(where, limit=MAX_PAGE, cursor=cursor)
        yield page.records
        cursor = page.next_cursor
        if cursor is None:
            return


def _extras(repository: Repository, record: PredictionRecord) -> Extras | None:
    try:
        return repository.get_extras(record.id)
    except NotFound:
        return None


def _source(record: PredictionRecord) -> str:
    from urllib.parse import urlsplit

    for address in (record.context.page_url, record.context.image_url):
        host = urlsplit(address or "").hostname
        if host:
            return host
    return HERE


def contradictions(examples: Examples) -> None:
    """Return if no picture carries two labels. Raises `BadInput` naming the first that does."""
    seen: dict[str, int] = {}
    for key, label in zip(examples.keys, examples.labels, strict=True):
        if seen.setdefault(str(key), int(label)) != label:
            raise BadInput(
                f"The picture {key} carries both labels. Review it again, then repeat the export."
            )
