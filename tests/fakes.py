"""Fakes: small, honest stand-ins with behaviour of their own (no mocks)."""

from __future__ import annotations

import hashlib
import threading
from datetime import UTC, datetime

import numpy as np
from PIL import Image

from backend.domain import Activation, ModelRef, Policy
from backend.model.judge import Scored


class FakeJudge:
    """Scores a picture by its mean brightness: dark is human-made, bright AI-generated.

    `hold` can be cleared to make every call wait, as a slow network would.
    """

    def __init__(self, version: str = "fake-1") -> None:
        self._version = version
        self.calls = 0
        self.hold = threading.Event()
        self.hold.set()
        self._lock = threading.Lock()

    @property
    def ref(self) -> ModelRef:
        return ModelRef(self._version, hashlib.sha256(self._version.encode()).hexdigest())

    @property
    def policy(self) -> Policy:
        return Policy(0, 0.2, 0.8, datetime(2026, 1, 1, tzinfo=UTC))

    @property
    def min_short_side_px(self) -> int:
        return 200

    @property
    def card(self) -> dict[str, object]:
        return {"version": self._version, "classes": ["human_made", "ai_generated"]}

    @property
    def device(self) -> str:
        return "fake"

    def score(self, image: Image.Image) -> Scored:
        self.hold.wait(timeout=30)
        with self._lock:
            self.calls += 1
        small = np.asarray(image.convert("L").resize((7, 7)), dtype=np.float32) / 255
        score = float(small.mean())
        rows = tuple(tuple(float(v) - 0.5 for v in row) for row in small)
        vector = np.full(512, score, dtype="<f2").tobytes()
        return Scored(score, score * 10 - 5, Activation(rows, (0.0, 0.0, 1.0, 1.0)), vector)

    def close(self) -> None:
        pass
