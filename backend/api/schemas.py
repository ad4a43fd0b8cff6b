"""The only definition of the JSON that goes in and out; the OpenAPI document is made from it.

Every shape refuses fields it does not know. JSON bodies are read strictly; query parameters
and form fields, which are text, are converted.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
)

from backend.curation import Strategy
from backend.domain import (
    Basis,
    EvidenceStatus,
    Label,
    Outcome,
    ReviewLabel,
    Scope,
    SizeClass,
    Source,
)
from backend.storage.repository import MAX_PAGE
from backend.wire import time_from_text

MAX_LOOKUPS = 256
MAX_LEFT_OUT = 1000
MAX_BATCH = 64


class Shape(BaseModel):
    """A JSON object whose fields are all known."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _flag(value: object, info: ValidationInfo) -> object:
    if info.mode == "python" and isinstance(value, str):
        if value not in {"true", "false"}:
            raise ValueError("say true or false")
        return value == "true"
    return value


def _moment(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("a moment is text such as 2026-11-22T10:00:00Z")
    try:
        return time_from_text(value)
    except (ValueError, OverflowError):
        raise ValueError("a moment looks like 2026-11-22T10:00:00Z") from None


def _filled(text: str) -> str:
    if not text.strip():
        raise ValueError("it must not be blank")
    return text


Flag = Annotated[bool, BeforeValidator(_flag)]
TimeText = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Probability = Annotated[float, Field(ge=0.0, le=1.0)]
Note = Annotated[str, Field(max_length=2000)]
PictureBytes = Annotated[
    bytes, WithJsonSchema({"type": "string", "format": "binary", "description": "The file."})
]

# ---- in -------------------------------------------------------------------------------------


class NoQuery(Shape):
    """No query parameters."""


class CheckOptions(Shape):
    """How a picture came to be checked, and what to answer beside the verdict."""

    page_url: str | None = Field(None, max_length=8192, description="The page it was found on.")
    image_url: str | None = Field(None, max_length=8192, description="Where the file lies.")
    page_title: str | None = Field(None, max_length=1000)
    source: Source = Source.API
    heatmap: Flag = Field(
        False, description="Answer the heat map as a data: address where nothing is logged."
    )
    log: Flag = Field(
        True, description="Keep the prediction in the log. Visitors of a public server: never."
    )


class CheckUrl(CheckOptions):
    """A picture to fetch from the public internet."""

    url: str = Field(min_length=1, max_length=8192)


class CheckForm(CheckOptions):
    """A picture as a file of a form."""

    image: PictureBytes


class BatchForm(CheckOptions):
    """Up to 64 pictures, each a part named `image`."""

    image: Annotated[list[PictureBytes], Field(min_length=1, max_length=MAX_BATCH)]


class LookupQuestion(Shape):
    """Hashes of the original bytes of pictures."""

    sha256: list[Sha256] = Field(min_length=1, max_length=MAX_LOOKUPS)


class Conditions(Shape):
    """Which predictions; every given condition must hold."""

    outcome: Outcome | None = None
    label: ReviewLabel | None = Field(None, description="Label of the latest review.")
    reviewed: Flag | None = None
    model: str | None = Field(None, max_length=200, description="Model version.")
    site: str | None = Field(None, max_length=253, description="Host of the page or image.")
    source: Source | None = None
    client: str | None = Field(None, max_length=200)
    since: Moment | None = None
    until: Moment | None = None
    min_score: Probability | None = Field(None, description="Least P(ai_generated).")
    max_score: Probability | None = Field(None, description="Greatest P(ai_generated).")
    conflict: Flag | None = Field(None, description="Whether model and file disagree.")
    audit: Flag | None = Field(None, description="Whether drawn for the random audit.")
    policy: int | None = Field(
        None, ge=0, le=2**31, description="Number of the thresholds of the time."
    )
    evidence: str | None = Field(
        None,
        max_length=80,
        description="What the file says of itself: a kind of finding (`c2pa`), one with its status "
        "(`c2pa verified`), or `none`.",
    )
    generator: str | None = Field(None, max_length=200, description="As the file names it.")
    size: SizeClass | None = Field(None, description="Class of the short side in pixels.")
    format: str | None = Field(None, max_length=20, description="Of the file, such as `PNG`.")
    q: str | None = Field(None, max_length=200, description="Text to look for.")


class PredictionQuery(Conditions):
    """Which predictions, in which order."""

    sort: Literal["-created_at", "created_at", "-score", "score"] = "-created_at"
    limit: int = Field(50, ge=1, le=MAX_PAGE)
    cursor: str | None = Field(None, max_length=1000, description="From `next_cursor`.")
    count: Flag = Field(False, description="Also count all that the filter lets through.")
    likeness: Flag = Field(
        False, description="Also give perceptual hashes, by which near-duplicates are told."
    )


class ReviewIn(Shape):
    """A curator's label."""

    label: ReviewLabel
    note: Note = ""
    seen: str | None = Field(
        None,
        max_length=64,
        description="Id of the review that stood when you decided, or `unseen` where none did; "
        "refused as a conflict if that is no longer so. Without it nothing is asked.",
    )


class BatchReviewIn(Shape):
    """One label for the pictures of several predictions."""

    ids: list[str] = Field(min_length=1, max_length=MAX_PAGE)
    label: ReviewLabel
    note: Note = ""


class UndoIn(Shape):
    """Reviews to undo together."""

    ids: list[str] = Field(min_length=1, max_length=MAX_PAGE)


class QueueQuery(Shape):
    """Which queue, and for whom."""

    strategy: Strategy = Strategy.UNCERTAIN
    limit: int = Field(10, ge=1, le=50)
    session: str = Field(
        "", max_length=64, description="Tells apart people who share a token, and windows of one."
    )
    without: str = Field(
        "",
        max_length=MAX_LEFT_OUT * 17 - 1,
        pattern=r"^([0-9a-f]{16}(,[0-9a-f]{16})*)?$",
        description="Pictures to leave out, and to keep no longer for you: the first 16 digits of "
        "the SHA-256 of each, with commas between.",
    )


class SimilarQuery(Shape):
    """How many."""

    limit: int = Field(20, ge=1, le=MAX_PAGE)


class AppealQuery(Shape):
    """How many."""

    limit: int = Field(50, ge=1, le=MAX_PAGE)


class TrailQuery(Shape):
    """Which piece of the audit trail."""

    limit: int = Field(50, ge=1, le=MAX_PAGE)
    cursor: str | None = Field(None, max_length=100, description="From `next_cursor`.")


class AppealIn(Shape):
    """A visitor's disagreement."""

    claim: Label
    reason: Note = ""


class PolicyIn(Shape):
    """Thresholds to publish: `human_at_most` lies below `ai_at_least`."""

    human_at_most: Probability
    ai_at_least: Probability
    note: Note = ""


class PairIn(Shape):
    """A one-time code and a name for the client."""

    code: str = Field(min_length=1, max_length=40)
    name: Annotated[str, AfterValidator(_filled)] = Field(min_length=1, max_length=80)


# ---- out ------------------------------------------------------------------------------------


class Problem(Shape):
    """What went wrong and what to do next (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    retry_after: int | None = Field(None, description="Seconds to wait before trying again.")


class Probabilities(Shape):
    """Calibrated probabilities; they sum to one."""

    ai_generated: Probability
    human_made: Probability


class Finding(Shape):
    """One thing the file says of itself, and how far to trust it."""

    kind: str
    status: EvidenceStatus
    label: Label | None
    detail: str
    prompt: str | None = Field(
        description="What the generator was asked for; null in the log unless it may be kept."
    )


class Picture(Shape):
    """Facts of the original file; pixels are counted after turning it upright."""

    sha256: Sha256
    format: str
    width: int
    height: int
    bytes: int
    frames: int


class Weights(Shape):
    """A model version and the SHA-256 of its card."""

    version: str
    sha256: Sha256


class Whence(Shape):
    """How the picture came to be checked."""

    source: Source
    page_url: str | None
    image_url: str | None
    page_title: str | None


class ReviewOut(Shape):
    """A curator's label for the bytes of a prediction."""

    id: str
    created_at: TimeText
    prediction_id: str
    label: ReviewLabel
    reviewer: str
    note: str
    undone_at: TimeText | None


class SimilarReview(Shape):
    """What a curator said of a picture that looks alike: a hint, never a verdict."""

    label: ReviewLabel
    reviewed_at: TimeText
    distance_bits: int = Field(description="How many of the hashes’ 64 bits differ.")


class Prediction(Shape):
    """One prediction of the log, with what is known of its bytes since."""

    id: str
    created_at: TimeText
    client: str
    outcome: Outcome
    probabilities: Probabilities | None
    basis: Basis | None
    summary: str
    conflict: bool = Field(description="Model and file say opposite things.")
    evidence: list[Finding]
    image: Picture
    likely_generator: str | None
    model: Weights | None
    policy: int | None
    context: Whence
    review: ReviewOut | None
    appeals: int
    heatmap: str | None
    elapsed_ms: float
    similar_review: SimilarReview | None = Field(
        None, description="Where one picture is asked about that has no review of its own."
    )


class PredictionPage(Shape):
    """A page of predictions and the cursor of the next."""

    predictions: list[Prediction]
    next_cursor: str | None
    total: int | None = Field(None, description="Where `count` was asked for.")
    likeness: dict[str, str] | None = Field(
        None, description="Where asked for: id to 64 bits in hex, of those that have them."
    )


class BatchHit(Shape):
    """A picture that was judged."""

    record: Prediction


class BatchMiss(Shape):
    """A picture that could not be judged."""

    problem: Problem


class BatchResult(Shape):
    """One result or one problem for each picture, in order."""

    results: list[BatchHit | BatchMiss]


class PublicReview(Shape):
    """A review without who wrote it and what they noted."""

    label: ReviewLabel
    created_at: TimeText


class KnownVerdict(Shape):
    """The newest verdict on bytes seen before, without context."""

    created_at: TimeText
    outcome: Outcome
    probabilities: Probabilities | None
    basis: Basis | None
    summary: str
    conflict: bool = Field(description="Model and file say opposite things.")
    evidence: list[Finding]
    likely_generator: str | None
    model: Weights | None
    policy: int | None
    review: PublicReview | None
    similar_review: SimilarReview | None = Field(
        None, description="Where the picture has no review of its own: one that looks alike."
    )


class LookupAnswer(Shape):
    """Verdicts by hash; hashes never seen are left out."""

    results: dict[str, KnownVerdict]


class AppealOut(Shape):
    """An appeal as it was taken down."""

    id: str
    created_at: TimeText
    prediction_id: str
    claim: Label
    reason: str
    client: str


class Statistics(Shape):
    """Counts over the whole log."""

    predictions: int
    by_outcome: dict[str, int]
    by_day: dict[str, dict[str, int]] = Field(description="Date (UTC) to outcome to count.")
    by_model: dict[str, int]
    by_source: dict[str, int]
    score_histogram: list[int] = Field(description="Twenty equal bins of P(ai_generated).")
    reviewed: int = Field(description="Distinct pictures with a standing review.")
    by_label: dict[str, int]
    agreed: int
    corrected: int
    appeals: int


class ReviewList(Shape):
    """Reviews, one for each distinct picture."""

    reviews: list[ReviewOut]


class QueueOut(Shape):
    """The next pictures of a queue, kept from others for five minutes."""

    strategy: Strategy
    waiting: int = Field(description="Predictions that wait in it, those of others too.")
    predictions: list[Prediction]


class SimilarPrediction(Shape):
    """A prediction whose picture looks like another."""

    distance_bits: int = Field(description="How many of the hashes’ 64 bits differ.")
    prediction: Prediction


class SimilarOut(Shape):
    """Near-duplicates, nearest first."""

    similar: list[SimilarPrediction]


class History(Shape):
    """All that people said of a prediction's bytes, oldest first; undone reviews too."""

    reviews: list[ReviewOut]
    appeals: list[AppealOut]


class ListedAppeal(AppealOut):
    """An appeal and the standing review of its picture."""

    review: PublicReview | None


class AppealList(Shape):
    """Appeals, newest first."""

    appeals: list[ListedAppeal]


class DeedOut(Shape):
    """One line of the audit trail."""

    id: str
    at: TimeText
    actor: str
    action: str
    detail: str
    prediction_id: str | None


class Trail(Shape):
    """Who decided what, newest first, and the cursor of what is older."""

    deeds: list[DeedOut]
    next_cursor: str | None


class PolicyOut(Shape):
    """Thresholds in force: scores strictly between them are uncertain."""

    number: int
    human_at_most: Probability
    ai_at_least: Probability
    published_at: TimeText
    author: str
    note: str


class ModelOut(Shape):
    """The model that is served, with its whole card."""

    version: str
    sha256: Sha256
    device: str
    min_short_side_px: int
    policy: PolicyOut
    card: dict[str, Any]


class ModelVersion(Shape):
    """Weights on this machine. `active` are those chosen; `served` those that judge now.

    A version with a `parent` was fine-tuned from it, and is served only when activated.
    """

    version: str
    sha256: Sha256
    released_at: TimeText
    active: bool
    served: bool
    parent: str | None
    shadow: bool = Field(description="It judges live checks along, silently.")


class ModelList(Shape):
    """Every version on this machine, newest first."""

    models: list[ModelVersion]


class Whoami(Shape):
    """The caller, as records name them, and what they may do."""

    client: str
    scope: Scope


class ModelReport(Shape):
    """A version with its whole card and the figures of its release."""

    version: str
    card: dict[str, Any]
    metrics: dict[str, Any] | None


class Activation(Shape):
    """Why a version is served although it is worse; empty where it is not."""

    despite: Note = ""


class ComparisonQuery(Shape):
    """Which two versions; the champion is the active one where none is named."""

    candidate: str = Field(min_length=1, max_length=200)
    champion: str | None = Field(None, min_length=1, max_length=200)


class ComparedFigure(Shape):
    """A figure of both; the interval is of candidate minus champion (95 %, paired bootstrap)."""

    name: str
    champion: float
    candidate: float
    low: float
    high: float
    margin: float
    worse_by: float
    guarded: bool
    refused: bool


class HoldOutOut(Shape):
    """Figures on pictures that neither was fine-tuned on."""

    name: str
    ai_generated: int
    human_made: int
    figures: list[ComparedFigure]


class FlipOut(Shape):
    """A logged picture that the two judge differently."""

    prediction_id: str
    label: ReviewLabel | None
    champion: Outcome
    candidate: Outcome
    champion_score: Probability
    candidate_score: Probability


class VersionComparison(Shape):
    """Champion against candidate; with an objection, activation wants a reason."""

    champion: str
    candidate: str
    hold_outs: list[HoldOutOut]
    flips: list[FlipOut]
    looked_at: int
    notes: list[str]
    objections: list[str]


class JobIn(Shape):
    """A job to start: a fine-tune on the reviewed log, or a re-score of the log."""

    kind: Literal["fine-tune", "re-score"]
    version: str | None = Field(
        None,
        pattern=r"^[a-z0-9][a-z0-9.-]{0,62}$",
        description="Fine-tune: the candidate's name. Re-score: the version that judges again; "
        "the active one where none is named.",
    )
    parent: str | None = Field(
        None, min_length=1, max_length=200, description="Fine-tune: the version to go on from."
    )
    seed: int = Field(0, ge=0, le=2**31)
    steps: int | None = Field(None, ge=10, le=5000, description="Fine-tune: how long it learns.")


class JobOut(Shape):
    """A job and how far it is; `interrupted` where its process is gone."""

    id: str
    kind: str
    state: Literal["waiting", "running", "done", "failed", "cancelled", "interrupted"]
    progress: Probability
    detail: str
    created_at: TimeText
    finished_at: TimeText | None
    options: dict[str, Any]
    result: dict[str, Any]


class JobWithCurve(JobOut):
    """A job with a fine-tune's figures, step by step."""

    curve: list[dict[str, Any]]


class JobList(Shape):
    """Jobs, newest first."""

    jobs: list[JobOut]


class ShadowIn(Shape):
    """The version that is to judge along; null for none."""

    version: str | None = Field(min_length=1, max_length=200)


class ShadowChange(Shape):
    """How often this was said, and the candidate says that."""

    served: Outcome
    candidate: Outcome
    count: int


class ShadowOut(Shape):
    """What the version that judges along would have said of the latest live checks."""

    version: str | None
    since: TimeText | None
    looked_at: int
    changed: int
    outcomes: list[ShadowChange]
    labelled: int
    served_right: int
    candidate_right: int
    mean_score_change: float


class Paired(Shape):
    """A token, shown this once."""

    token: str
    client: str
    scope: Scope
    dashboard_port: int = Field(
        description="Where the dashboard of a backend on this machine listens."
    )


class Ready(Shape):
    """A check would be judged and logged now."""

    status: Literal["ready"]
