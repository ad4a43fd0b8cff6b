"""Check a report against the picture that it is about, and the model's words against its card."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from dataclasses import dataclass, replace
from typing import Any, cast

from PIL import Image

from backend import __version__
from backend.domain import Context, Policy, utc_now
from backend.errors import BadInput
from backend.imaging.decode import decode
from backend.imaging.provenance.ledger import Ledger
from backend.judging import Judged, judge_bytes
from backend.model.judge import Judge, Scored
from backend.report.facts import FORMAT, card_facts
from backend.report.page import DATA_CLOSES, DATA_OPENS, HEAT_MAP, PREVIEW, render
from backend.report.pictures import differ, heat_map, preview
from backend.wire import Json, record_to_document

MAX_BYTES = 32 * 1024 * 1024
MAX_DRIFT = 0.02
"""Another processor counts with another precision; more than that is another verdict."""
MAX_GREY_LEVELS = 4.0
"""Between pictures drawn from the same file by different versions of the drawing library."""
_OF_A_VERDICT = (
    "outcome",
    "probabilities",
    "basis",
    "conflict",
    "likely_generator",
    "image",
    "model",
)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked, and whether it holds."""

    holds: bool
    words: str


@dataclass(frozen=True, slots=True)
class Report:
    """A page taken apart: its text, its data and its pictures."""

    page: str
    facts: Json
    preview: bytes | None
    heat_map: bytes | None


def read_report(page: bytes) -> Report:
    """Take a page apart.

    Raises:
        BadInput: it is no report of ours, or of a format that this version does not read.
    """
    text = page.decode("utf-8", "replace")
    _, opening, rest = text.rpartition(DATA_OPENS)
    data, closing, _ = rest.partition(DATA_CLOSES)
    try:
        if not opening or not closing:
            raise ValueError("no data")
        facts = json.loads(data)
        if facts["format"] != FORMAT:
            raise ValueError("another format")
        return Report(text, facts, _picture(text, PREVIEW), _picture(text, HEAT_MAP))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadInput("That is no report that this version of Brushmark reads.") from error


def _picture(text: str, name: str) -> bytes | None:
    found = re.search(rf'<img id="{name}" src="data:image/jpeg;base64,([A-Za-z0-9+/=]+)"', text)
    try:
        return base64.b64decode(found[1], validate=True) if found else None
    except binascii.Error:
        return None


def verify(
    report: Report, data: bytes, judge: Judge, ledger: Ledger, published: Policy | None = None
) -> list[Check]:
    """Check a report against a picture's original bytes; the first failing check is the gravest.

    Args:
        report: the page taken apart.
        data: the picture's original bytes.
        judge: the model at hand.
        ledger: reads the file's evidence.
        published: the thresholds that are published here, if any: a report may have its model's
            own or these.

    Raises:
        TooLarge, UnsupportedType, UndecodableImage: the picture is none that we take.
        BadInput: the report's data is not what Brushmark writes.
    """
    try:
        checks = [_wording(report), _hash(report.facts, data)]
        if not checks[1].holds:
            return checks
        as_told = cast(Judge, _AsTold(judge, _score_of(report.facts)))
        judged = judge_bytes(data, as_told, _policy(report.facts, judge), ledger)
        return [
            *checks,
            *_pictures(report, data, judged),
            _evidence(report.facts, judged),
            *_of_the_model(report.facts, judge, published),
            _verdict(report.facts, judged),
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInput("That report's data is not what Brushmark writes.") from error


def _wording(report: Report) -> Check:
    if report.facts["brushmark"] != __version__:
        words = (
            f"The page was made by Brushmark {report.facts['brushmark']}, this is {__version__}: "
            "its wording cannot be compared. Go by the data below, not by the page."
        )
        return Check(False, words)
    if render(report.facts, report.preview, report.heat_map) != report.page:
        return Check(False, "The page does not say what its data says: it was changed.")
    return Check(True, "The page says what its data says.")


class _AsTold:
    """A judge that takes the score that it was told where its own is close enough.

    So the verdict and its sentence come out exactly, whichever processor counts.
    """

    def __init__(self, judge: Judge, told: float | None) -> None:
        self._judge, self._told = judge, told

    def score(self, image: Image.Image) -> Scored:
        """Return the judge's own score, or the told one within `MAX_DRIFT` of it."""
        own = self._judge.score(image)
        if self._told is None or not abs(self._told - own.score) <= MAX_DRIFT:
            return own
        return replace(own, score=self._told)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._judge, name)


def _score_of(facts: Json) -> float | None:
    told = facts["record"]["probabilities"]
    return None if told is None else float(told["ai_generated"])


def _hash(facts: Json, data: bytes) -> Check:
    wanted = str(facts["record"]["image"]["sha256"])
    if hashlib.sha256(data).hexdigest() != wanted:
        return Check(False, "This is another file: its SHA-256 is not the one in the report.")
    return Check(True, f"The file is the one that was checked (SHA-256 {wanted[:16]}…).")


def _policy(facts: Json, judge: Judge) -> Policy:
    limits = facts["thresholds"]
    if not limits:
        return judge.policy
    number = int(facts["record"]["policy"] or 0)
    return Policy(number, limits["human_at_most"], limits["ai_at_least"], utc_now())


def _pictures(report: Report, data: bytes, judged: Judged) -> list[Check]:
    checks, image = [], decode(data).image
    if report.preview is not None:
        same = _alike(report.preview, preview(image))
        words = (
            "The picture in the page is that file's."
            if same
            else ("The picture in the page is not that file's.")
        )
        checks.append(Check(same, words))
    if report.heat_map is not None and judged.model.sha256 == _model_of(report.facts):
        drawn = heat_map(image, judged.activation) if judged.activation else b""
        same = _alike(report.heat_map, drawn)
        words = "The heat map is the model's." if same else "The heat map is not the model's."
        checks.append(Check(same, words))
    return checks


def _alike(first: bytes, second: bytes) -> bool:
    try:
        return differ(first, second) <= MAX_GREY_LEVELS
    except (OSError, ValueError):
        return False


def _model_of(facts: Json) -> str:
    model = facts["record"]["model"]
    return str(model["sha256"]) if model else ""


def _evidence(facts: Json, judged: Judged) -> Check:
    rows, found = facts["record"]["evidence"], judged.verdict.evidence
    told = [_finding(row) for row in rows]
    # A log need not keep prompts; a prompt that is told must be the file's.
    own_words = all(row["prompt"] in (None, e.prompt) for row, e in zip(rows, found, strict=False))
    if own_words and told == [(e.kind, e.status.value, e.label, e.detail) for e in found]:
        return Check(True, "The file says of itself what the report says it says.")
    return Check(
        False,
        "The file says something else of itself than the report does (or the trust list, or the "
        "version of Brushmark, is another).",
    )


def _finding(row: dict[str, Any]) -> tuple[str, str, str | None, str]:
    return row["kind"], row["status"], row["label"], row["detail"]


def _of_the_model(facts: Json, judge: Judge, published: Policy | None) -> list[Check]:
    """Check what the report says of the model that is at hand: its card and its thresholds."""
    if judge.ref.sha256 != _model_of(facts):
        return []
    checks = []
    if facts["card"] is not None:
        same = facts["card"] == json.loads(json.dumps(card_facts(judge.card)))
        words = "are those of its card" if same else "are not those of its card"
        checks.append(Check(same, f"The model's figures, uses and limits {words}."))
    if facts["thresholds"]:
        checks.append(_thresholds(facts["thresholds"], judge.policy, published))
    return checks


def _thresholds(limits: Json, own: Policy, published: Policy | None) -> Check:
    told = limits["human_at_most"], limits["ai_at_least"]
    if told == (own.human_at_most, own.ai_at_least):
        return Check(True, "The thresholds are the model's own.")
    if published is not None and told == (published.human_at_most, published.ai_at_least):
        return Check(
            True, f"The thresholds are those of policy {published.number}, published here."
        )
    return Check(
        False,
        f"The thresholds ({told[0]} and {told[1]}) are neither the model's own "
        f"({own.human_at_most:.3f} and {own.ai_at_least:.3f}) nor published here: whoever made the "
        "report set them, and they can turn any verdict.",
    )


def _verdict(facts: Json, judged: Judged) -> Check:
    record, verdict = facts["record"], judged.verdict
    if judged.model.sha256 != _model_of(facts):
        model = record["model"] or {}
        words = (
            f"The verdict was not recomputed: it is by {model.get('version')}, and installed is "
            f"{judged.model.version}. Set BRUSHMARK_WEIGHTS to that version."
        )
        return Check(False, words)
    again = record_to_document(judged.record(client="", context=Context()))
    if all(record[name] == again[name] for name in _OF_A_VERDICT):
        if record["summary"] != verdict.summary:
            return Check(False, f"The sentence is another. Judged again: {verdict.summary}")
        return Check(True, f"Judged again, the verdict is the same: {verdict.outcome.words}.")
    return Check(False, f"Judged again, the verdict is another: {verdict.outcome.words}.")
