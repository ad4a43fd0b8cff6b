"""Check a report against the picture that it is about: hash, evidence, verdict and wording."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from backend import __version__
from backend.domain import Policy, utc_now
from backend.errors import BadInput
from backend.imaging.decode import decode
from backend.imaging.provenance.ledger import Ledger
from backend.judging import Judged, judge_bytes
from backend.model.judge import Judge
from backend.report.facts import FORMAT
from backend.report.page import DATA_CLOSES, DATA_OPENS, HEAT_MAP, PREVIEW, render
from backend.report.pictures import differ, heat_map, preview
from backend.wire import Json

MAX_BYTES = 32 * 1024 * 1024
MAX_DRIFT = 0.02
"""Another processor counts with another precision; more than that is another verdict."""
MAX_GREY_LEVELS = 4.0
"""Between pictures drawn from the same file by different versions of the drawing library."""


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


def verify(report: Report, data: bytes, judge: Judge, ledger: Ledger) -> list[Check]:
    """Check a report against a picture's original bytes; the first failing check is the gravest.

    Raises:
        TooLarge, UnsupportedType, UndecodableImage: the picture is none that we take.
        BadInput: the report's data is not what Brushmark writes.
    """
    try:
        checks = [_wording(report), _hash(report.facts, data)]
        if not checks[1].holds:
            return checks
        judged = judge_bytes(data, judge, _policy(report.facts, judge), ledger)
        return [
            *checks,
            *_pictures(report, data, judged),
            _evidence(report.facts, judged),
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
    told = [_finding(row) for row in facts["record"]["evidence"]]
    found = [(e.kind, e.status.value, e.label, e.detail) for e in judged.verdict.evidence]
    if told == found:
        return Check(True, "The file says of itself what the report says it says.")
    return Check(
        False,
        "The file says something else of itself than the report does (or the trust list, or the "
        "version of Brushmark, is another).",
    )


def _finding(row: dict[str, Any]) -> tuple[str, str, str | None, str]:
    return row["kind"], row["status"], row["label"], row["detail"]


def _verdict(facts: Json, judged: Judged) -> Check:
    record, verdict = facts["record"], judged.verdict
    if judged.model.sha256 != _model_of(facts):
        model = record["model"] or {}
        words = (
            f"The verdict was not recomputed: it is by {model.get('version')}, and installed is "
            f"{judged.model.version}. Set BRUSHMARK_WEIGHTS to that version."
        )
        return Check(False, words)
    told, now = record["probabilities"], verdict.prediction
    close = (told is None and now is None) or (
        told is not None
        and now is not None
        and abs(float(told["ai_generated"]) - now.score) <= MAX_DRIFT
    )
    same = (record["outcome"], record["basis"], record["conflict"]) == (
        verdict.outcome,
        verdict.basis,
        verdict.conflict,
    )
    if close and same:
        return Check(True, f"Judged again, the verdict is the same: {verdict.outcome.words}.")
    return Check(False, f"Judged again, the verdict is another: {verdict.outcome.words}.")
