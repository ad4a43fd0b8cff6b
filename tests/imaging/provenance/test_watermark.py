"""The invisible watermark of Stable Diffusion's and FLUX's own programs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from backend.domain import EvidenceStatus, Label
from backend.imaging.provenance.ledger import Ledger
from backend.imaging.provenance.trust_list import TrustList
from backend.imaging.provenance.watermark import MESSAGES, Message, find
from backend.settings import Settings
from tests.imaging.provenance.written import read
from tests.pictures import draw, encode


def embed(image: Image.Image, message: Message, wrong: int = 0) -> Image.Image:
    """Write a message as the published method does, the first `wrong` bits turned over."""
    pixels = np.asarray(image).astype(np.float64)
    luma = pixels @ (0.299, 0.587, 0.114)
    difference = np.round((pixels[..., 2] - luma) * 0.492 + 128)
    low = (difference[::2, ::2] + difference[1::2, ::2] + difference[::2, 1::2]
           + difference[1::2, 1::2]) / 2  # fmt: skip
    bits = [bit ^ (i < wrong) for i, bit in enumerate(message.bits)]
    change, number = np.zeros_like(low), 0
    for top in range(0, low.shape[0] // 4 * 4, 4):
        for left in range(0, low.shape[1] // 4 * 4, 4):
            block = low[top : top + 4, left : left + 4].reshape(-1)
            at = int(np.abs(block[1:]).argmax()) + 1
            # One step up, where the programs stay: so the largest value stays the largest.
            wanted = (abs(block[at]) // 36 + 1.25 + 0.5 * bits[number % len(bits)]) * 36
            change[top + at // 4, left + at % 4] = (wanted - block[at]) / 2
            number += 1
    # Blue alone is moved; the luma moves with it by its share of 0.114.
    moved = np.kron(change, np.ones((2, 2))) / (0.492 * (1 - 0.114))
    pixels[: moved.shape[0], : moved.shape[1], 2] += moved
    return Image.fromarray(np.clip(np.round(pixels), 0, 255).astype(np.uint8))


def calm() -> Image.Image:
    """Return a picture whose blue can move by a step either way."""
    return draw(512, 384).point(lambda value: 40 + value // 3)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: m.tool)
def test_each_message_is_found(message: Message) -> None:
    """The message of each program is told from the others."""
    found = find(embed(calm(), message))
    assert found is not None
    assert found[0] is message


def test_the_threshold_is_strict() -> None:
    """With 44 of 48 bits it counts, with 43 it does not, and no message is found in none."""
    message = MESSAGES[0]
    found = find(embed(calm(), message, wrong=4))
    assert found == (message, 44)
    assert find(embed(calm(), message, wrong=5)) is None
    for seed in range(6):
        assert find(draw(512, 384, seed)) is None
    assert find(Image.new("RGB", (512, 384), (90, 120, 200))) is None


def test_it_is_read_only_where_asked_for() -> None:
    """The ledger looks for it where the setting is on, and its row weighs like a mark."""
    data = encode(embed(calm(), MESSAGES[1]), "PNG")
    assert "watermark" not in read(data)
    found = read(data, Ledger(TrustList.shipped(), watermark=True))["watermark"]
    assert (found.status, found.label) == (EvidenceStatus.DECLARED, Label.AI_GENERATED)
    assert "FLUX" in found.detail
    assert Settings.from_env(
        {"BRUSHMARK_HOME": str(Path.cwd()), "BRUSHMARK_WATERMARK": "on"}
    ).watermark
