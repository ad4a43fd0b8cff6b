"""The JSON of exports, imports and forgetting."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from backend.api.schemas import Conditions, Moment, Shape, TimeText
from backend.exporting.request import ExportFormat, ExportRequest, Shares
from backend.storage.repository import PredictionFilter

# ---- in -------------------------------------------------------------------------------------


class ExportFilter(Conditions):
    """Which predictions: the conditions of `GET /predictions`."""

    def to_filter(self) -> PredictionFilter:
        """Return it as the log takes it."""
        return PredictionFilter(**self.model_dump())


class SplitIn(Shape):
    """How large each split is to be; the shares add up to one."""

    train: float = 0.8
    val: float = 0.1
    test: float = 0.1
    seed: int = Field(0, ge=0, le=2**31)


def _everything() -> ExportFilter:
    return ExportFilter.model_validate({})


def _usual_split() -> SplitIn:
    return SplitIn.model_validate({})


class ExportIn(Shape):
    """What to export, in which form, split how."""

    filter: ExportFilter = Field(default_factory=_everything)
    format: ExportFormat = ExportFormat.ALL
    split: SplitIn = Field(default_factory=_usual_split)

    def to_request(self) -> ExportRequest:
        """Return it as the exporter takes it. Raises `BadInput`."""
        return ExportRequest(
            self.filter.to_filter(), self.format, Shares(**self.split.model_dump())
        )


class PreviewIn(Shape):
    """Which predictions to count."""

    filter: ExportFilter = Field(default_factory=_everything)


# ---- out ------------------------------------------------------------------------------------


class PreviewOut(Shape):
    """Predictions that match, by the latest review; several may be of one picture."""

    matching: int
    ai_generated: int
    human_made: int
    cannot_tell: int
    unreviewed: int


class ExportOut(Shape):
    """An export of the history."""

    id: str
    created_at: TimeText
    finished_at: TimeText | None
    state: Literal["running", "done", "failed"]
    progress: float = Field(description="Of the present step, from 0 to 1.")
    detail: str = Field(description="What is being done, or why it failed.")
    actor: str
    request: dict[str, Any] = Field(description="Filter, format and split, as they were asked for.")
    result: dict[str, Any] | None = Field(
        description="Counts, splits, what was left out, the leakage report, the file's SHA-256 and "
        "bytes; null until it is done."
    )
    file: str | None = Field(description="Where the zip is fetched from, while it is here.")


class ExportList(Shape):
    """Every export, newest first, also those of the command line."""

    exports: list[ExportOut]


# ---- forgetting -----------------------------------------------------------------------------


class ForgetIn(Shape):
    """Just one of site, url, client and before."""

    site: str | None = Field(None, max_length=253, description="Host of the page or image.")
    url: str | None = Field(None, max_length=8192, description="Address of a page or an image.")
    client: str | None = Field(None, max_length=200, description="As records name it.")
    before: Moment | None = Field(
        None, description="Everything before this moment, reviewed or not."
    )


class ElsewhereOut(Shape):
    """Something that holds, or may hold, what was forgotten, and is out of reach."""

    kind: str
    name: str
    words: str


class ForgottenOut(Shape):
    """What was erased, and what is out of reach."""

    records: int
    pictures: int
    reviews: int
    appeals: int
    exports: int = Field(description="Stored exports that held some of it, and were removed.")
    clean: bool = Field(description="Whether the store's file was rewritten without a trace.")
    out_of_reach: list[ElsewhereOut]


# ---- importing ------------------------------------------------------------------------------


class ImportOut(Shape):
    """An import of the history."""

    id: str
    created_at: TimeText
    finished_at: TimeText | None
    state: Literal["running", "done", "failed"]
    detail: str = Field(description="Why it failed.")
    actor: str
    result: dict[str, Any] | None = Field(
        description="What kind of data set it was, how many records and labels were added, known, "
        "contradicted or left out, and why."
    )


class ImportList(Shape):
    """Every import over HTTP, newest first."""

    imports: list[ImportOut]
