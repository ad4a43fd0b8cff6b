"""The JSON of quality and activity: figures with their intervals, and what they are over."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from backend.activity import MAX_DAYS
from backend.api.schemas import Prediction, Probability, Sha256, Shape
from backend.domain import Label, Outcome, ReviewLabel, Source
from backend.quality import Sample

# ---- in -------------------------------------------------------------------------------------


class SelectionQuery(Shape):
    """Which reviewed pictures the figures are over; every given condition must hold."""

    sample: Sample = Field(
        Sample.ALL, description="`audit`: only what was drawn at random, which is unbiased."
    )
    model: str | None = Field(None, max_length=200, description="Model version.")
    site: str | None = Field(None, max_length=253, description="Host of the page or image.")
    source: Source | None = None


class ThresholdQuery(SelectionQuery):
    """Thresholds to try out; `model` is the served version unless given."""

    human_at_most: Probability
    ai_at_least: Probability


class SuspectQuery(Shape):
    """How many labels to show."""

    limit: int = Field(20, ge=1, le=100)


class ActivityQuery(Shape):
    """How many days, today included (UTC)."""

    days: int = Field(30, ge=1, le=MAX_DAYS)


# ---- out ------------------------------------------------------------------------------------


class RateOut(Shape):
    """`k` of `n` with Wilson's 95 % interval; null where `n` is 0."""

    k: int
    n: int
    value: float | None
    low: float | None
    high: float | None


class EstimateOut(Shape):
    """A figure with its 95 % interval; null where there are too few pictures."""

    value: float | None
    low: float | None
    high: float | None


class VerdictsOut(Shape):
    """How verdicts stand to the curators' labels."""

    pictures: int
    accuracy_when_decided: RateOut
    decided: RateOut
    human_called_ai: RateOut = Field(description="False accusations, of human-made pictures.")
    ai_called_human: RateOut
    ai_found: RateOut = Field(description="Recall of AI-generated pictures.")
    precision: RateOut = Field(description="Of those called AI-generated.")


class ReliabilityOut(Shape):
    """Pictures of like scores: how sure the model was, and how many were AI-generated."""

    low: float
    high: float
    mean_score: float
    ai_generated: RateOut


class StepsOut(Shape):
    """Pictures by thousandth of their score, side by side; empty ones are left out."""

    thousandth: list[int]
    ai_generated: list[int]
    human_made: list[int]


class ScoresOut(Shape):
    """What the scores are worth, whatever the thresholds."""

    pictures: int
    auc: EstimateOut = Field(description="With DeLong's interval.")
    average_precision: float | None
    brier: float | None
    calibration_error: float | None = Field(description="Expected, over ten bins.")
    reliability: list[ReliabilityOut]
    steps: StepsOut


class CellOut(Shape):
    """Reviewed pictures of one policy, label and outcome."""

    policy: int | None
    label: ReviewLabel
    outcome: Outcome
    pictures: int


class GroupOut(Shape):
    """Reviewed pictures that have something in common."""

    name: str
    verdicts: VerdictsOut
    auc: EstimateOut | None


class CoverageOut(Shape):
    """How much of the random audit of one outcome was reviewed."""

    outcome: Outcome
    drawn: int
    reviewed: int


class QualityOut(Shape):
    """Verdicts held against the latest review of the same bytes; one a picture and model."""

    sample: Sample
    verdicts: VerdictsOut
    cannot_tell: int
    scores: ScoresOut
    confusion: list[CellOut]
    groups: dict[str, list[GroupOut]] = Field(
        description="By site, evidence, generator, size, format, source and model."
    )
    audit: list[CoverageOut]
    models: list[str]


class ChangeOut(Shape):
    """Logged verdicts of one outcome now, and the outcome they would have."""

    now: Outcome
    then: Outcome
    verdicts: int


class ThresholdsOut(Shape):
    """What thresholds would mean; verdicts that rest on evidence stay, and are left out."""

    model: str
    human_at_most: float
    ai_at_least: float
    verdicts: VerdictsOut
    logged: int = Field(description="Logged verdicts of that model that rest on its score.")
    changed: int = Field(description="How many of them would have another outcome.")
    changes: list[ChangeOut]


class PairOut(Shape):
    """Two reviewers on the pictures that both reviewed."""

    first: str
    second: str
    agreement: RateOut
    kappa: float | None = Field(description="Cohen's.")


class DisputeOut(Shape):
    """A picture on which reviewers differ."""

    sha256: Sha256
    prediction_id: str
    labels: dict[str, ReviewLabel]


class AgreementOut(Shape):
    """Agreement on pictures that two reviewers or more have labelled."""

    pictures: int
    reviewers: int
    raw: RateOut = Field(description="Pairs of labels of one picture that are alike.")
    kappa: float | None = Field(description="Fleiss'.")
    pairs: list[PairOut]
    disputes: list[DisputeOut]


class SuspectOut(Shape):
    """A reviewed picture whose label may be wrong."""

    prediction: Prediction
    label: Label
    doubt: float
    unlike: float | None = Field(
        description="Share of the five training pictures most alike with the other label."
    )


class SuspectsOut(Shape):
    """The most doubtful labels, and how many there seem to be."""

    reviewed: int
    expected: int
    found: list[SuspectOut]


class LatencyOut(Shape):
    """Milliseconds from bytes to verdict; null without checks."""

    p50: float | None
    p90: float | None
    p99: float | None


class DayOut(Shape):
    """One day (UTC)."""

    day: Annotated[date, Field(json_schema_extra={"format": "date"})]
    by_outcome: dict[Outcome, int]
    appeals: int
    latency: LatencyOut
    mean_score: float | None


class DriftOut(Shape):
    """Population stability index, and what chance alone reaches once in twenty times."""

    psi: float
    by_chance: float
    is_notable: bool


class ComparisonOut(Shape):
    """How a property is distributed now, and in what it is compared with."""

    property: str
    against: str
    expected: dict[str, float]
    actual: dict[str, float]
    drift: DriftOut | None


class AppealsOut(Shape):
    """What became of all appeals."""

    waiting: int
    upheld: int
    rejected: int
    undecided: int


class HealthOut(Shape):
    """Whether the next check would be judged and logged."""

    ready: bool
    problem: str | None
    model: str | None
    device: str | None
    policy: int | None
    predictions: int
    store_bytes: int
    free_bytes: int


class ActivityOut(Shape):
    """What went on in a span of days."""

    since: date
    until: date
    days: list[DayOut]
    latency: LatencyOut
    by_source: dict[str, int]
    by_site: dict[str, dict[str, int]] = Field(description="The twenty sites with most checks.")
    sites: int
    appeals: AppealsOut
    drift: list[ComparisonOut]
    health: HealthOut
