"""The figures of quality and activity over HTTP, against logs small enough to count by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backend.domain import (
    Basis,
    Context,
    Evidence,
    EvidenceStatus,
    ImageFacts,
    Label,
    PredictionRecord,
    ReviewLabel,
    Source,
)
from backend.storage.repository import Extras
from tests.api.harness import API, Wired, problem
from tests.records import appeal, record, review

AI, HUMAN = ReviewLabel.AI_GENERATED, ReviewLabel.HUMAN_MADE


def logged(wired: Wired, number: int, score: float | None, **more: Any) -> PredictionRecord:
    """Log a made-up record of now."""
    named = {k: more.pop(k) for k in ("picture", "context", "at", "model") if k in more}
    named.setdefault("at", datetime.now(UTC) - timedelta(seconds=100 - number))
    kept = replace(record(number, score=score, **named), **more)
    wired.repository.append_prediction(kept, Extras())
    return kept


def ask(wired: Wired, path: str, **query: Any) -> dict[str, Any]:
    answer = wired.client.get(f"{API}/stats/{path}", query_string=query, headers=wired.token())
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.get_json()
    return found


@pytest.fixture
def reviewed(wired: Wired) -> Wired:
    """Eight reviewed pictures: one false accusation, one miss, one unsure, one nobody can tell."""
    a = Context(Source.PAGE_SCAN, "https://a.example/1")
    plan: list[tuple[float, ReviewLabel, dict[str, Any]]] = [
        (0.95, AI, {"audit": True}),
        (0.9, AI, {"context": a}),
        (0.85, HUMAN, {"context": a, "audit": True}),
        (0.5, AI, {}),
        (0.1, HUMAN, {}),
        (0.05, HUMAN, {"audit": True}),
        (0.15, AI, {}),
        (0.5, ReviewLabel.CANNOT_TELL, {}),
    ]
    for number, (score, label, more) in enumerate(plan):
        kept = logged(wired, number, score, **more)
        wired.repository.append_review(review(number, kept, label))
    # Asked about again, and drawn for the audit without a review.
    logged(wired, 20, 0.95, picture=0)
    logged(wired, 21, 0.99, audit=True)
    return wired


def test_verdicts_are_held_against_reviews(reviewed: Wired) -> None:
    """Each picture counts once, by its latest review; who cannot tell counts apart."""
    found = ask(reviewed, "quality")
    verdicts = found["verdicts"]
    assert (verdicts["pictures"], found["cannot_tell"]) == (7, 1)
    counts = {name: (rate["k"], rate["n"]) for name, rate in verdicts.items() if name != "pictures"}
    assert counts == {
        "accuracy_when_decided": (4, 6),
        "decided": (6, 7),
        "human_called_ai": (1, 3),
        "ai_called_human": (1, 4),
        "ai_found": (2, 4),
        "precision": (2, 3),
    }
    assert verdicts["human_called_ai"]["low"] < 1 / 3 < verdicts["human_called_ai"]["high"]
    steps = found["scores"]["steps"]
    assert steps["thousandth"] == [50, 100, 150, 500, 850, 900, 950]
    assert (steps["ai_generated"][-1], steps["human_made"][-1]) == (1, 0)
    assert sum(steps["ai_generated"] + steps["human_made"]) == 7
    assert found["scores"]["auc"]["value"] == pytest.approx(10 / 12)
    assert {"policy": 1, "label": "human_made", "outcome": "ai_generated", "pictures": 1} in found[
        "confusion"
    ]


def test_the_audit_stands_apart(reviewed: Wired) -> None:
    """The random audit has figures of its own, and says how much of it was reviewed."""
    found = ask(reviewed, "quality", sample="audit")
    assert found["verdicts"]["pictures"] == 3
    assert found["verdicts"]["human_called_ai"]["k"] == 1
    coverage = {each["outcome"]: (each["reviewed"], each["drawn"]) for each in found["audit"]}
    assert coverage["ai_generated"] == (2, 3)
    assert coverage["human_made"] == (1, 1)


def test_groups_say_where_it_fails(wired: Wired) -> None:
    """Site, evidence, size, format, source and model each have their own rates."""
    found = (
        Evidence("c2pa", EvidenceStatus.VERIFIED, Label.AI_GENERATED, "signed"),
        Evidence("exif", EvidenceStatus.ABSENT, None, "none"),
    )
    small = ImageFacts("a" * 64, "PNG", 250, 700, 900)
    at = Context(Source.PAGE_SCAN, "https://a.example/1")
    first = logged(wired, 1, 0.9, image=small, context=at)
    second = logged(wired, 2, 0.9)
    wired.repository.append_review(review(1, first, HUMAN))
    wired.repository.append_review(review(2, second, AI))
    third = record(3, score=0.9)
    third = replace(third, verdict=replace(third.verdict, evidence=found))
    wired.repository.append_prediction(third, Extras())
    wired.repository.append_review(review(3, third, AI))
    groups = {
        name: {g["name"]: g["verdicts"]["human_called_ai"]["k"] for g in each}
        for name, each in ask(wired, "quality")["groups"].items()
    }
    assert groups == {
        "site": {"a.example": 1},
        "evidence": {"none": 1, "c2pa verified": 0},
        "generator": {},
        "size": {"under_300": 1, "300_to_599": 0},
        "format": {"PNG": 1, "JPEG": 0},
        "source": {"page-scan": 1, "context-menu": 0},
        "model": {"seed-1": 1},
    }


def test_selections_narrow_the_figures(reviewed: Wired) -> None:
    """Site, source and model each leave only the pictures that have them."""
    assert ask(reviewed, "quality", site="a.example")["verdicts"]["pictures"] == 2
    assert ask(reviewed, "quality", source="context-menu")["verdicts"]["pictures"] == 5
    nothing = ask(reviewed, "quality", model="other")
    assert nothing["verdicts"]["human_called_ai"]["value"] is None
    assert nothing["models"] == ["seed-1"]


def test_thresholds_are_tried_before_they_are_published(reviewed: Wired) -> None:
    """Trying thresholds tells their rates on reviews and how many logged verdicts would change."""
    signed = record(30, score=0.5)
    signed = replace(signed, verdict=replace(signed.verdict, basis=Basis.PROVENANCE))
    reviewed.repository.append_prediction(signed, Extras())
    tried = {"human_at_most": 0.12, "ai_at_least": 0.9, "model": "seed-1"}
    found = ask(reviewed, "thresholds", **tried)
    assert (found["verdicts"]["human_called_ai"]["k"], found["verdicts"]["ai_found"]["k"]) == (0, 2)
    assert found["verdicts"]["ai_called_human"]["k"] == 0
    assert (found["logged"], found["changed"]) == (10, 2)
    assert {"now": "ai_generated", "then": "uncertain", "verdicts": 1} in found["changes"]
    as_before = ask(reviewed, "thresholds", human_at_most=0.2, ai_at_least=0.8, model="seed-1")
    assert (as_before["changed"], as_before["changes"]) == (0, [])
    served = ask(reviewed, "thresholds", human_at_most=0.2, ai_at_least=0.8)
    assert (served["model"], served["logged"]) == ("fake-1", 0)


def test_thresholds_in_the_wrong_order_are_refused(reviewed: Wired) -> None:
    """Thresholds that cross are a bad request with its reason."""
    crossed = {"human_at_most": 0.9, "ai_at_least": 0.1}
    answer = reviewed.client.get(
        f"{API}/stats/thresholds", query_string=crossed, headers=reviewed.token()
    )
    assert "below" in problem(answer, 400, "malformed")["detail"]


def test_reviewers_are_compared(wired: Wired) -> None:
    """Each reviewer's latest standing label counts; disputes name who said what."""
    records = [logged(wired, n, 0.9) for n in range(3)]
    for n, each in enumerate(records):
        wired.repository.append_review(replace(review(10 + n, each, AI), reviewer="ada"))
        label = AI if n else HUMAN
        wired.repository.append_review(replace(review(20 + n, each, label), reviewer="bo"))
    wired.repository.append_review(replace(review(30, records[1], HUMAN), reviewer="ada"))
    found = ask(wired, "agreement")
    assert (found["pictures"], found["reviewers"]) == (3, 2)
    assert (found["raw"]["k"], found["raw"]["n"]) == (1, 3)
    assert found["pairs"][0] | {"agreement": 0} == {
        "first": "ada",
        "second": "bo",
        "agreement": 0,
        "kappa": pytest.approx(-0.5),
    }
    assert {d["prediction_id"] for d in found["disputes"]} == {records[0].id, records[1].id}
    assert found["disputes"][-1]["labels"] in (
        {"ada": "ai_generated", "bo": "human_made"},
        {"ada": "human_made", "bo": "ai_generated"},
    )


def test_doubtful_labels_come_first(wired: Wired) -> None:
    """A label that the score speaks against is suspected; those it agrees with are not."""
    for n in range(20):
        kept = logged(wired, n, 0.93 if n % 2 else 0.07)
        label = AI if n % 2 else HUMAN
        wired.repository.append_review(review(n, kept, HUMAN if n == 7 else label))
    found = ask(wired, "label-errors")
    assert (found["reviewed"], found["expected"]) == (20, 1)
    (suspect,) = found["found"]
    assert suspect["prediction"]["probabilities"]["ai_generated"] == 0.93
    assert (suspect["label"], suspect["doubt"], suspect["unlike"]) == ("human_made", 0.93, None)


def test_activity_counts_days(wired: Wired) -> None:
    """Days have their outcomes, appeals and latency; appeals their fate; health is told."""
    today = datetime.now(UTC)
    kept = [logged(wired, n, 0.9, elapsed_ms=10.0 + n) for n in range(4)]
    logged(wired, 9, None, at=today - timedelta(days=1), elapsed_ms=900.0)
    logged(wired, 10, 0.1, at=today - timedelta(days=40))
    for n, label in ((0, HUMAN), (1, AI), (2, ReviewLabel.CANNOT_TELL)):
        wired.repository.append_review(review(n, kept[n], label))
    for n in range(4):
        wired.repository.append_appeal(replace(appeal(n, kept[n]), created_at=today))
    found = ask(wired, "activity", days=7)
    assert [len(found["days"]), found["until"]] == [7, today.date().isoformat()]
    assert found["days"][-1]["by_outcome"]["ai_generated"] == 4
    assert found["days"][-2]["by_outcome"]["not_assessed"] == 1
    assert found["days"][-1]["appeals"] == 4
    assert 10 <= found["days"][-1]["latency"]["p50"] <= 14
    assert found["latency"]["p99"] > 900
    assert found["days"][-1]["mean_score"] == pytest.approx(0.9, abs=0.03)
    assert found["appeals"] == {"waiting": 1, "upheld": 1, "rejected": 1, "undecided": 1}
    assert (found["health"]["ready"], found["health"]["predictions"]) == (True, 6)
    assert found["health"]["store_bytes"] > 0
    side = next(c for c in found["drift"] if c["property"] == "side")
    assert (side["against"], side["actual"]["400"]) == ("the 7 days before", 5)
    assert side["drift"] is None
    month = ask(wired, "activity", days=40)
    assert any(c["drift"] for c in month["drift"] if c["property"] == "side")


def test_figures_of_nothing(wired: Wired) -> None:
    """An empty log has figures without values, and no errors."""
    quality = ask(wired, "quality")
    assert (quality["verdicts"]["pictures"], quality["scores"]["reliability"]) == (0, [])
    assert ask(wired, "thresholds", human_at_most=0.2, ai_at_least=0.8)["changed"] == 0
    assert ask(wired, "agreement")["kappa"] is None
    assert ask(wired, "label-errors")["found"] == []
    assert ask(wired, "activity")["latency"]["p50"] is None


@pytest.mark.parametrize("path", ["quality", "thresholds", "agreement", "label-errors", "activity"])
def test_figures_want_the_scope_to_read(wired: Wired, path: str) -> None:
    """A browser's token, and nobody's, reads no figures."""
    address = f"{API}/stats/{path}"
    problem(wired.client.get(address), 401, "unauthenticated")
    problem(wired.client.get(address, headers=wired.token("check")), 403, "forbidden")


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("quality", {"sample": "some"}),
        ("quality", {"modle": "x"}),
        ("thresholds", {"human_at_most": "0.1"}),
        ("thresholds", {"human_at_most": "0.1", "ai_at_least": "1.5"}),
        ("label-errors", {"limit": "0"}),
        ("activity", {"days": "366"}),
    ],
)
def test_odd_questions_are_refused(wired: Wired, path: str, query: dict[str, str]) -> None:
    """Unknown words and numbers out of range are a bad request, never an error of ours."""
    answer = wired.client.get(f"{API}/stats/{path}", query_string=query, headers=wired.token())
    assert answer.status_code == 400, answer.text
