"""Bytes in, verdict out: decode, read evidence, gate, score, decide. Nothing is logged here."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from backend.domain import (
    Activation,
    Context,
    ImageFacts,
    ModelRef,
    Policy,
    Prediction,
    PredictionRecord,
    Verdict,
    new_id,
    utc_now,
)
from backend.imaging.decode import decode
from backend.imaging.fingerprint import likeness
from backend.imaging.gate import refusal
from backend.imaging.provenance.ledger import Ledger, shipped_ledger
from backend.imaging.provenance.trust_list import TrustList
from backend.model.judge import Judge
from backend.settings import Settings
from backend.verdict import decide

CACHED_VERDICTS = 4096
VerdictKey = tuple[str, str, int]
"""SHA-256 of the picture, SHA-256 of the model's card, number of the policy."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What one pass said of some bytes; what `VerdictCache` holds."""

    facts: ImageFacts
    verdict: Verdict
    model: ModelRef
    policy: int
    activation: Activation | None
    features: bytes | None
    phash: int | None = None

    def record(
        self, client: str, context: Context, elapsed_ms: float = 0.0, *, audit: bool = False
    ) -> PredictionRecord:
        """Return a new record of this."""
        return PredictionRecord(
            id=new_id(),
            created_at=utc_now(),
            client=client,
            verdict=self.verdict,
            image=self.facts,
            model=self.model,
            policy=self.policy,
            context=context,
            elapsed_ms=elapsed_ms,
            audit=audit,
        )


def ledger_of(settings: Settings) -> Ledger:
    """Return what reads a file's evidence as the settings want it. Raises `BadSetting`."""
    return Ledger(TrustList.load(settings.trust_list), watermark=settings.watermark)


class VerdictCache:
    """The latest verdicts, by exact bytes, model and policy; never by likeness."""

    def __init__(self, size: int = CACHED_VERDICTS) -> None:
        self._size = size
        self._known: OrderedDict[VerdictKey, Judged] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: VerdictKey) -> Judged | None:
        """Return what is known under a key."""
        with self._lock:
            judged = self._known.get(key)
            if judged is not None:
                self._known.move_to_end(key)
            return judged

    def put(self, key: VerdictKey, judged: Judged) -> None:
        """Remember a verdict; the one longest unused makes room."""
        with self._lock:
            self._known[key] = judged
            while len(self._known) > self._size:
                self._known.popitem(last=False)

    def forget(self, sha256: str) -> None:
        """Drop everything about a picture."""
        with self._lock:
            for key in [k for k in self._known if k[0] == sha256]:
                del self._known[key]


def judge_bytes(data: bytes, judge: Judge, policy: Policy, ledger: Ledger | None = None) -> Judged:
    """Decode, read evidence, gate, score and decide: bytes in, verdict out; nothing is logged.

    Evidence is read from the original bytes, also of a picture that the gate refuses; by
    `ledger`, or with the trust list that ships.

    Raises:
        BadInput, TooLarge, UnsupportedType, UndecodableImage: no picture that we take.
    """
    decoded = decode(data)
    facts = decoded.facts
    evidence = (ledger or shipped_ledger()).read(data, decoded.image)
    note = ""
    if facts.frames > 1:
        note = f"Only the first of {facts.frames} frames was looked at."
    reason = refusal(decoded.image, min_short_side_px=judge.min_short_side_px)
    if reason is not None:
        verdict = decide(None, evidence, policy, refusal=reason, note=note)
        return Judged(facts, verdict, judge.ref, policy.number, None, None, likeness(decoded.image))
    scored = judge.score(decoded.image)
    prediction = Prediction(scored.score, judge.ref, scored.likely_generator)
    verdict = decide(prediction, evidence, policy, note=note)
    return Judged(
        facts,
        verdict,
        judge.ref,
        policy.number,
        scored.activation,
        scored.features,
        likeness(decoded.image),
    )
