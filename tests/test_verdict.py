"""The rules of a verdict, as docs/verdicts.md writes them down."""

from __future__ import annotations

import pytest

from backend.domain import Basis, Evidence, EvidenceStatus, Label, Outcome, Policy, Prediction
from backend.verdict import decide
from tests.fakes import FakeJudge

POLICY: Policy = FakeJudge().policy  # human-made up to 0.2, AI from 0.8
AI, HUMAN, UNSURE, NOTHING = (
    Outcome.AI_GENERATED,
    Outcome.HUMAN_MADE,
    Outcome.UNCERTAIN,
    Outcome.NOT_ASSESSED,
)


def row(kind: str, status: str, label: Label | None = Label.AI_GENERATED) -> Evidence:
    return Evidence(kind, EvidenceStatus(status), label, "…")


SIGNED = row("c2pa", "verified")
STRANGER = row("c2pa", "declared")
PARAMETERS = row("generator", "declared")
DECLARATION = row("declaration", "declared")
MARK = row("mark", "declared")
CAMERA = row("camera", "declared", None)
CAPTURED = row("c2pa", "verified", Label.HUMAN_MADE)
PARTLY = row("c2pa", "verified", None)
BROKEN = row("c2pa", "invalid", None)
ABSENT = row("c2pa", "absent", None)
MODEL, FILE = Basis.MODEL, Basis.PROVENANCE

# Evidence; then outcome, basis and conflict where the model says AI (0.9), leans to AI (0.6),
# leans away (0.4), says human-made (0.1), and did not look.
RULES = {
    "nothing": ([ABSENT], (AI, MODEL, 0), (UNSURE, MODEL, 0), (UNSURE, MODEL, 0),
                (HUMAN, MODEL, 0), (NOTHING, None, 0)),
    "signed": ([SIGNED], *[(AI, FILE, 0)] * 3, (AI, FILE, 1), (AI, FILE, 0)),
    "signed, with a camera": ([SIGNED, CAMERA], *[(AI, FILE, 0)] * 3, (AI, FILE, 1), (AI, FILE, 0)),
    "a stranger": ([STRANGER], *[(AI, FILE, 0)] * 3, (AI, FILE, 1), (AI, FILE, 0)),
    "parameters": ([ABSENT, PARAMETERS], *[(AI, FILE, 0)] * 3, (AI, FILE, 1), (AI, FILE, 0)),
    "parameters and a camera": ([PARAMETERS, CAMERA], (AI, MODEL, 1), *[(UNSURE, MODEL, 1)] * 3,
                                (NOTHING, None, 1)),
    "a stranger and a camera": ([STRANGER, CAMERA], (AI, MODEL, 1), *[(UNSURE, MODEL, 1)] * 3,
                                (NOTHING, None, 1)),
    "declaration": ([DECLARATION], (AI, MODEL, 0), (AI, FILE, 0), (UNSURE, MODEL, 0),
                    (UNSURE, MODEL, 1), (NOTHING, None, 0)),
    "mark": ([MARK], (AI, MODEL, 0), (AI, FILE, 0), (UNSURE, MODEL, 0), (UNSURE, MODEL, 1),
             (NOTHING, None, 0)),
    "captured": ([CAPTURED], (UNSURE, MODEL, 1), (UNSURE, MODEL, 0), (UNSURE, MODEL, 0),
                 (HUMAN, MODEL, 0), (NOTHING, None, 0)),
    "camera": ([CAMERA], (AI, MODEL, 0), (UNSURE, MODEL, 0), (UNSURE, MODEL, 0),
               (HUMAN, MODEL, 0), (NOTHING, None, 0)),
    "partly": ([PARTLY], (AI, MODEL, 0), (UNSURE, MODEL, 0), (UNSURE, MODEL, 0),
               (HUMAN, MODEL, 0), (NOTHING, None, 0)),
    "invalid": ([BROKEN], (AI, MODEL, 0), (UNSURE, MODEL, 0), (UNSURE, MODEL, 0),
                (HUMAN, MODEL, 0), (NOTHING, None, 0)),
}  # fmt: skip
SCORES = (0.9, 0.6, 0.4, 0.1, None)
REF = FakeJudge().ref


@pytest.mark.parametrize("name", RULES)
def test_rules(name: str) -> None:
    """Each kind of evidence does to each answer of the model what the table says."""
    evidence, *wanted = RULES[name]
    for score, (outcome, basis, conflict) in zip(SCORES, wanted, strict=True):
        prediction = None if score is None else Prediction(score, REF)
        verdict = decide(prediction, tuple(evidence), POLICY, refusal="Too small.", note="Note.")
        assert (verdict.outcome, verdict.basis) == (outcome, basis), score
        assert verdict.conflict is bool(conflict), score
        assert verdict.evidence == tuple(evidence)
        assert verdict.prediction == prediction
        assert verdict.summary.endswith("Note.")
        if conflict:
            assert "person look" in verdict.summary


def test_no_rule_clears_a_picture() -> None:
    """Whatever the file says, no outcome becomes human-made that the model did not call so."""
    for evidence, *_ in RULES.values():
        for score in (0.21, 0.5, 0.9, None):
            prediction = None if score is None else Prediction(score, REF)
            verdict = decide(prediction, tuple(evidence), POLICY, refusal="Too small.")
            assert verdict.outcome is not HUMAN


def test_the_weightiest_finding_counts() -> None:
    """Beside a signed credential, a declaration changes nothing, in whatever order they stand."""
    prediction = Prediction(0.1, REF)
    alone = decide(prediction, (SIGNED,), POLICY)
    for evidence in ((DECLARATION, SIGNED), (SIGNED, DECLARATION)):
        assert decide(prediction, evidence, POLICY).summary == alone.summary


def test_something_must_be_said() -> None:
    """A picture that was not scored needs a reason."""
    with pytest.raises(ValueError, match="needs a reason"):
        decide(None, (), POLICY)
