"""decide(prediction, evidence, policy) -> Verdict: pure, and the only place that decides."""

from __future__ import annotations

from backend.domain import Basis, Evidence, Outcome, Policy, Prediction, Verdict, percent


def decide(
    prediction: Prediction | None,
    evidence: tuple[Evidence, ...],
    policy: Policy,
    *,
    refusal: str | None = None,
    note: str = "",
) -> Verdict:
    """Turn a calibrated score into a verdict under published thresholds.

    Args:
        prediction: the model's calibrated score, or None where the picture was not scored.
        evidence: what the file says of itself, carried along.
        policy: thresholds; scores strictly between them are `uncertain`.
        refusal: why the picture was not scored, as a sentence.
        note: a sentence to add, such as that only the first frame was looked at.

    Raises:
        ValueError: neither a prediction nor a refusal was given.
    """
    if prediction is None:
        if refusal is None:
            raise ValueError("a picture that was not scored needs a reason")
        return Verdict(Outcome.NOT_ASSESSED, None, evidence, None, _join(refusal, note))
    outcome = _outcome(prediction.score, policy)
    return Verdict(
        outcome, prediction, evidence, Basis.MODEL, _join(_sentence(outcome, prediction), note)
    )


def _outcome(score: float, policy: Policy) -> Outcome:
    if score >= policy.ai_at_least:
        return Outcome.AI_GENERATED
    if score <= policy.human_at_most:
        return Outcome.HUMAN_MADE
    return Outcome.UNCERTAIN


def _sentence(outcome: Outcome, prediction: Prediction) -> str:
    ai = percent(prediction.score)
    human = percent(1 - prediction.score)
    if outcome is Outcome.AI_GENERATED:
        return (
            f"This looks AI-generated: the model puts it at {ai}. "
            "It can be wrong, so ask for the maker's side before you accuse anyone."
        )
    if outcome is Outcome.HUMAN_MADE:
        return (
            f"This looks human-made: the model puts it at {human}. "
            "That is no proof; the maker's word and work in progress say more."
        )
    return (
        f"Too close to call: {ai} for AI-generated, {human} for human-made. "
        "Look for a larger copy or the original file, or ask the maker."
    )


def _join(first: str, note: str) -> str:
    return f"{first} {note}" if note else first
