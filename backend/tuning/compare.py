"""Champion against candidate on pictures that neither was fine-tuned on.

Two hold-outs: the shipped evaluation set (`val` rows of the releases), and the
installation's own audit records that a curator has labelled. Each guarded figure has a
margin; a candidate that is worse by more is not to be served without a reason.

Where both have one network below the head, logged vectors are all that is needed. Where not,
each looks at the kept pictures of the same records.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from backend.domain import Policy, PredictionRecord
from backend.model.card import FEATURES, Card
from backend.model.judge import Scored
from backend.storage.images import ImageStore
from backend.storage.repository import Repository
from backend.training.calibrate import apply
from backend.tuning.examples import Examples, from_log, from_release, sharing_trunk
from backend.tuning.figures import NAMES, Judged, figures, resampled
from backend.tuning.head import ARCHITECTURES, read_head, trunk_digest
from backend.tuning.pictures import scored_anew
from backend.tuning.rejudge import Rejudge, Said, latest_vectors, said
from backend.tuning.scale import Logits

EVALUATION_SET = "the shipped evaluation set"
AUDIT_RECORDS = "this installation's audit records"
MARGINS = {"balanced_accuracy": 0.01, "human_called_ai": 0.01, "calibration_error": 0.02}
"""How much worse a candidate may be on the shipped evaluation set."""
AUDIT_MARGINS = {"balanced_accuracy": 0.03, "human_called_ai": 0.03, "calibration_error": 0.05}
"""The same on the audit records, which are fewer."""
LEAST_OF_A_CLASS = 20
"""Pictures of each class below which a hold-out's figures are shown and guard nothing."""
HIGHER_IS_BETTER = frozenset({"balanced_accuracy"})
FLIPS_AMONG = 500
"""Latest records of the log whose verdicts are compared."""
SHOWN = 60
"""Pictures that each hold-out shows to a candidate with another network: it judges them anew."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of both; `worse_by` above `margin` on a guarded figure refuses the candidate.

    `low` and `high` bound the difference candidate minus champion: the middle 95 % over
    resampled groups, the same groups for both.
    """

    name: str
    champion: float
    candidate: float
    low: float
    high: float
    margin: float
    guarded: bool

    @property
    def worse_by(self) -> float:
        """How much worse the candidate is; below zero where it is better."""
        change = self.candidate - self.champion
        return -change if self.name in HIGHER_IS_BETTER else change

    @property
    def refused(self) -> bool:
        """Say whether this figure alone refuses the candidate."""
        return self.guarded and not self.worse_by <= self.margin + 1e-12


@dataclass(frozen=True, slots=True)
class HoldOut:
    """The figures on one hold-out, and how many pictures of each class it has."""

    name: str
    ai_generated: int
    human_made: int
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Flip:
    """A logged picture that the two judge differently."""

    prediction_id: str
    label: str | None
    champion: str
    candidate: str
    champion_score: float
    candidate_score: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came out, and what speaks against serving the candidate."""

    champion: str
    candidate: str
    hold_outs: tuple[HoldOut, ...]
    flips: tuple[Flip, ...]
    looked_at: int
    """Logged records whose verdicts were compared."""
    notes: tuple[str, ...]

    @property
    def objections(self) -> tuple[str, ...]:
        """Name what is worse beyond its margin."""
        return tuple(
            f"{WORDS[f.name]} on {h.name}: {f.champion:.3f} before, {f.candidate:.3f} now "
            f"(margin {f.margin:.2f})"
            for h in self.hold_outs
            for f in h.figures
            if f.refused
        )

    @property
    def guarded(self) -> bool:
        """Say whether any figure could have objected."""
        return any(f.guarded for h in self.hold_outs for f in h.figures)

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON."""
        return {
            **asdict(self),
            "hold_outs": [
                {
                    **asdict(h),
                    "figures": [
                        {**asdict(f), "worse_by": f.worse_by, "refused": f.refused}
                        for f in h.figures
                    ],
                }
                for h in self.hold_outs
            ],
            "objections": list(self.objections),
        }


WORDS = {
    "balanced_accuracy": "balanced accuracy",
    "human_called_ai": "share of human pictures called AI-generated",
    "calibration_error": "calibration error",
}


def compare(
    champion: Card,
    candidate: Card,
    repository: Repository | None,
    known: Sequence[Card],
    policy: Policy | None = None,
    images: ImageStore | None = None,
) -> Comparison:
    """Compare two releases on the evaluation set they share and on this installation's log.

    Args:
        champion, candidate: what is served, and what might be.
        repository: the log; None compares on the evaluation set alone.
        known: the releases on this machine.
        policy: the published thresholds; without, each has those of its card.
        images: the kept pictures, for releases with different networks.

    Raises:
        WeightsDamaged, StoreUnavailable: one of them, or the log, cannot be read.
    """
    bench = _Bench(champion, candidate, known, policy)
    sight = _Sight(bench, images) if images is not None and not bench.one_trunk else None
    hold_outs, notes = [], list[str]()
    shared = bench.evaluation()
    if shared is not None:
        hold_outs.append(shared)
    else:
        notes.append("The two releases bring no evaluation rows in common.")
    flips, looked_at = list[Flip](), 0
    if repository is not None and not bench.one_trunk and sight is None:
        notes.append(
            "Their networks differ below the head, so logged vectors of one say nothing of the "
            "other: the log was not compared."
        )
    elif repository is not None:
        audits = (sight or bench).audits(repository)
        if audits is not None:
            hold_outs.append(audits)
        else:
            notes.append(_NO_AUDITS if sight is None else _NO_PICTURES)
        flips, looked_at = (sight or bench).flips(repository)
    return Comparison(
        champion.ref.version,
        candidate.ref.version,
        tuple(hold_outs),
        tuple(flips),
        looked_at,
        tuple(notes),
    )


_NO_AUDITS = "No audit record of this installation has a label yet."
_NO_PICTURES = (
    "Their networks differ below the head, and no labelled audit record's picture was kept to "
    "show to both."
)


def _of_both_classes(labels: npt.NDArray[Any], count: int) -> npt.NDArray[np.int64]:
    """Return the numbers of at most so many rows, in order, half of each class if it has them."""
    human, ai = (np.flatnonzero(labels == label) for label in (0, 1))
    of_ai = min(len(ai), max(count // 2, count - len(human)))
    return np.sort(np.concatenate([ai[:of_ai], human[: count - of_ai]]))


def _are_enough(rows: Examples) -> bool:
    return min(rows.counts().values()) >= LEAST_OF_A_CLASS


class _Bench:
    """Two releases side by side."""

    def __init__(
        self, champion: Card, candidate: Card, known: Sequence[Card], policy: Policy | None
    ) -> None:
        self.pair = (champion, candidate)
        self.policies = tuple(policy or card.policy for card in self.pair)
        self.known = known
        heads = all(card.architecture in ARCHITECTURES for card in self.pair)
        self.one_trunk = heads and trunk_digest(champion) == trunk_digest(candidate)

    def evaluation(self) -> HoldOut | None:
        """Return the figures on the `val` rows that both releases bring."""
        if not all((card.folder / FEATURES).exists() for card in self.pair):
            return None
        (old, old_logits), (new, new_logits) = (from_release(c, "val") for c in self.pair)
        place = {key: i for i, key in enumerate(new.keys)}
        mine = np.array([i for i, key in enumerate(old.keys) if key in place], np.int64)
        if not mine.size:
            return None
        theirs = np.array([place[key] for key in old.keys[mine]], np.int64)
        logits = old_logits[mine], new_logits[theirs]
        rows = old.take(mine)
        return self.hold_out(EVALUATION_SET, rows, logits, MARGINS, guarded=_are_enough(rows))

    def audits(self, repository: Repository) -> HoldOut | None:
        """Return the figures on this installation's labelled audit records."""
        rows = from_log(repository, self.pair[0], self.known).held_out
        if not len(rows):
            return None
        logits = tuple(read_head(card).logits(rows.features) for card in self.pair)
        guarded = _are_enough(rows)
        return self.hold_out(AUDIT_RECORDS, rows, logits, AUDIT_MARGINS, guarded=guarded)

    def hold_out(
        self,
        name: str,
        rows: Examples,
        logits: tuple[Logits, ...],
        margins: Mapping[str, float],
        *,
        guarded: bool,
    ) -> HoldOut:
        """Return the figures of both on some rows, given each one's logits before calibration."""
        both = [
            Judged(apply(card.calibration, logit), rows.labels, policy.ai_at_least)
            for card, logit, policy in zip(self.pair, logits, self.policies, strict=True)
        ]
        old, new = (figures(judged) for judged in both)
        drawn = [resampled(judged, rows.groups) for judged in both]
        lines = []
        for figure in NAMES:
            change = drawn[1][figure] - drawn[0][figure]
            change = change[np.isfinite(change)]
            low, high = np.quantile(change, (0.025, 0.975)) if change.size else (0.0, 0.0)
            known = math.isfinite(old[figure]) and math.isfinite(new[figure])
            if known:
                lines.append(
                    Figure(
                        figure,
                        old[figure],
                        new[figure],
                        float(low),
                        float(high),
                        margins[figure],
                        guarded,
                    )
                )
        counts = rows.counts()
        return HoldOut(name, counts["ai_generated"], counts["human_made"], tuple(lines))

    def flips(self, repository: Repository) -> tuple[list[Flip], int]:
        """Return the latest logged verdicts that differ, and how many records were looked at."""
        cards = sharing_trunk(self.pair[0], self.known)
        rows = latest_vectors(repository, {c.ref.sha256 for c in cards}, FLIPS_AMONG)
        if not rows:
            return [], 0
        records = [record for record, _ in rows]
        features = np.stack([np.frombuffer(vector, "<f2") for _, vector in rows])
        both = [
            Rejudge(card, policy).say(records, features)
            for card, policy in zip(self.pair, self.policies, strict=True)
        ]
        return _flips(repository, records, both), len(rows)


class _Sight:
    """Two releases with different networks, each shown the kept pictures of the same records."""

    def __init__(self, bench: _Bench, images: ImageStore) -> None:
        self._bench, self._images = bench, images

    def audits(self, repository: Repository) -> HoldOut | None:
        """Return the figures on labelled audit records whose pictures were kept."""
        rows = from_log(repository, self._bench.pair[0], self._bench.known).held_out
        kept = np.array([self._images.has(key) for key in rows.keys.tolist()], bool)
        rows = rows.take(kept)
        rows = rows.take(_of_both_classes(rows.labels, SHOWN))
        seen = self._seen(rows.keys.tolist())
        rows = rows.take(np.isin(rows.keys, list(seen)))
        if not len(rows):
            return None
        old, new = zip(*(seen[key] for key in rows.keys), strict=True)
        logits = tuple(np.array([scored.logit for scored in some]) for some in (old, new))
        guarded = _are_enough(rows)
        return self._bench.hold_out(AUDIT_RECORDS, rows, logits, AUDIT_MARGINS, guarded=guarded)

    def flips(self, repository: Repository) -> tuple[list[Flip], int]:
        """Return the latest verdicts that differ among records whose pictures were kept."""
        models = {c.ref.sha256 for c in sharing_trunk(self._bench.pair[0], self._bench.known)}
        records = [
            record
            for record, _ in latest_vectors(repository, models, FLIPS_AMONG)
            if self._images.has(record.image.sha256)
        ][:SHOWN]
        seen = self._seen([record.image.sha256 for record in records])
        records = [record for record in records if record.image.sha256 in seen]
        both = [
            said(card, policy, records, [seen[r.image.sha256][place].score for r in records])
            for place, (card, policy) in enumerate(
                zip(self._bench.pair, self._bench.policies, strict=True)
            )
        ]
        return _flips(repository, records, both), len(records)

    def _seen(self, digests: Sequence[str]) -> dict[str, tuple[Scored, Scored]]:
        """Return what both say of each picture that is kept and whole."""
        if not any(map(self._images.has, digests)):
            return {}
        old, new = (scored_anew(card, self._images, digests) for card in self._bench.pair)
        return {digest: (old[digest], new[digest]) for digest in old if digest in new}


def _flips(
    repository: Repository, records: Sequence[PredictionRecord], both: Sequence[Sequence[Said]]
) -> list[Flip]:
    labels = repository.latest_reviews([record.image.sha256 for record in records])
    found = []
    for record, old, new in zip(records, *both, strict=True):
        if old.outcome is not new.outcome:
            review = labels.get(record.image.sha256)
            found.append(
                Flip(
                    record.id,
                    review.label.value if review else None,
                    old.outcome.value,
                    new.outcome.value,
                    old.score,
                    new.score,
                )
            )
    return found
