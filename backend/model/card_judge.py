"""What every runtime shares: from a picture and a card to a calibrated score."""

from __future__ import annotations

from abc import ABC, abstractmethod

from PIL import Image

from backend.domain import Activation, ModelRef, Policy
from backend.model.card import Card
from backend.model.judge import Scored
from backend.model.preprocess import FloatArray, native_view, normalise, to_tensor, view_region


class CardJudge(ABC):
    """A judge whose preprocessing, calibration and thresholds come from its card."""

    def __init__(self, card: Card) -> None:
        self._card = card

    @property
    def ref(self) -> ModelRef:
        """Version and hash of the weights."""
        return self._card.ref

    @property
    def policy(self) -> Policy:
        """The thresholds that the card brings."""
        return self._card.policy

    @property
    def min_short_side_px(self) -> int:
        """Pictures with a shorter side are not assessed."""
        return self._card.min_short_side_px

    @property
    def card(self) -> dict[str, object]:
        """The whole card."""
        return dict(self._card.document)

    @property
    @abstractmethod
    def device(self) -> str:
        """Device and precision in words."""

    @abstractmethod
    def infer(self, tensor: FloatArray) -> dict[str, FloatArray]:
        """Run the network on one picture.

        Args:
            tensor: float32 of shape (1, 3, crop, crop).

        Returns:
            logit (1,), features (1, d), activation (1, h, w).
        """

    def score(self, image: Image.Image) -> Scored:
        """Score an upright RGB picture.

        Where the card asks for a native view, its logit and the global view's are averaged;
        map and features are the global view's.
        """
        spec = self._card.preprocessing
        out = self.infer(to_tensor(image, spec)[None])
        logit = float(out["logit"][0])
        native = native_view(image, spec)
        if native is not None:
            logit = (logit + float(self.infer(normalise(native, spec)[None])["logit"][0])) / 2
        return Scored(
            score=self._card.calibration.apply(logit),
            logit=logit,
            activation=Activation(
                tuple(tuple(row) for row in out["activation"][0].tolist()),
                view_region(image.width, image.height, spec),
            ),
            features=out["features"][0].astype("<f2").tobytes(),
        )

    def close(self) -> None:
        """Let go of what is held; nothing, unless a runtime says otherwise."""
        return
