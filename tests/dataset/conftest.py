"""Fixtures: `brushmark` as a shell calls it, a judge that sees colours, servers that stand in."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from backend.model.judge import Scored
from tests.cli.conftest import brushmark, home
from tests.dataset.servers import ImagesServer, Site, running
from tests.fakes import FakeJudge

__all__ = ["brushmark", "home"]


class ColourJudge(FakeJudge):
    """Embeds a picture as its 6 x 6 thumbnail about grey: alike only where colours are."""

    def score(self, image: Image.Image) -> Scored:
        scored = super().score(image)
        small = np.asarray(image.convert("RGB").resize((6, 6)), np.float32) / 255 - 0.5
        return Scored(
            scored.score, scored.logit, scored.activation, small.ravel().astype("<f2").tobytes()
        )


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> ColourJudge:
    """Have a judge that tells pictures apart loaded in place of weights."""
    fake = ColourJudge()
    monkeypatch.setattr("backend.model.registry.load_judge", lambda *_: fake)
    return fake


@pytest.fixture
def site() -> Iterator[Site]:
    """Run a web site with paintings on it."""
    served = Site()
    with running(served):
        yield served


@pytest.fixture
def images(monkeypatch: pytest.MonkeyPatch) -> Iterator[ImagesServer]:
    """Run a server that speaks as OpenAI's image API does; the key is set."""
    served = ImagesServer()
    monkeypatch.setenv("OPENAI_API_KEY", served.key)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with running(served):
        yield served
