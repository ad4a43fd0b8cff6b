"""What the service asks of a model, whatever runs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from PIL import Image

from backend.domain import Activation, ModelRef, Policy


@dataclass(frozen=True, slots=True)
class Scored:
    """One pass of the network over one picture.

    `score` is the calibrated P(ai_generated); `logit` the raw log-odds before calibration;
    `features` the pooled feature vector as little-endian float16.
    """

    score: float
    logit: float
    activation: Activation
    features: bytes
    likely_generator: str | None = None


class Judge(Protocol):
    """A loaded model that scores pictures; safe to call from many threads."""

    @property
    def ref(self) -> ModelRef:
        """Version and hash of the weights."""

    @property
    def policy(self) -> Policy:
        """The thresholds that the model card brings, as policy number 0."""

    @property
    def min_short_side_px(self) -> int:
        """Pictures with a shorter side than this are not assessed."""

    @property
    def card(self) -> dict[str, object]:
        """The whole model card."""

    @property
    def device(self) -> str:
        """What it runs on, in words, with the precision."""

    def score(self, image: Image.Image) -> Scored:
        """Score an upright RGB picture (`imaging.decode`)."""

    def close(self) -> None:
        """Let go of the network."""
