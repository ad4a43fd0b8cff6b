"""How far reviewers agree where several looked at the same picture."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from backend.domain import Review, ReviewLabel
from backend.measures import Rate, cohen_kappa, fleiss_kappa, pairwise_agreement
from backend.storage.repository import Repository

_MAX_PAIRS = 20
_MAX_DISPUTES = 50


@dataclass(frozen=True, slots=True)
class Pair:
    """Two reviewers on the pictures that both reviewed."""

    first: str
    second: str
    agreement: Rate
    kappa: float | None


@dataclass(frozen=True, slots=True)
class Dispute:
    """A picture on which reviewers differ; `labels` from reviewer to label."""

    sha256: str
    prediction_id: str
    labels: Mapping[str, ReviewLabel]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement over all pictures that two reviewers or more have labelled."""

    pictures: int
    reviewers: int
    raw: Rate
    """Share of pairs of labels of one picture that are alike."""
    kappa: float | None
    """Fleiss' kappa: agreement beyond chance."""
    pairs: tuple[Pair, ...]
    disputes: tuple[Dispute, ...]
    """Newest first, fifty at most."""


def agreement(repository: Repository) -> Agreement:
    """Compare each reviewer's latest standing label of the same bytes."""
    latest: dict[str, dict[str, Review]] = defaultdict(dict)
    for review in repository.repeated_reviews():
        latest[review.sha256][review.reviewer] = review
    shared = [by_reviewer for by_reviewer in latest.values() if len(by_reviewer) > 1]
    items = [[review.label.value for review in by.values()] for by in shared]
    return Agreement(
        pictures=len(shared),
        reviewers=len({name for by in shared for name in by}),
        raw=pairwise_agreement(items),
        kappa=fleiss_kappa(items),
        pairs=_pairs(shared),
        disputes=_disputes(shared),
    )


def _pairs(shared: Sequence[Mapping[str, Review]]) -> tuple[Pair, ...]:
    labels: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for by in shared:
        for first, second in combinations(sorted(by), 2):
            labels[first, second].append((by[first].label.value, by[second].label.value))
    most = sorted(labels, key=lambda pair: (-len(labels[pair]), pair))[:_MAX_PAIRS]
    return tuple(
        Pair(*pair, pairwise_agreement(labels[pair]), cohen_kappa(labels[pair])) for pair in most
    )


def _disputes(shared: Sequence[Mapping[str, Review]]) -> tuple[Dispute, ...]:
    differing = [list(by.values()) for by in shared if len({r.label for r in by.values()}) > 1]
    differing.sort(key=lambda reviews: max(r.created_at for r in reviews), reverse=True)
    return tuple(
        Dispute(
            reviews[0].sha256, reviews[-1].prediction_id, {r.reviewer: r.label for r in reviews}
        )
        for reviews in differing[:_MAX_DISPUTES]
    )
