"""“Check image” finds the picture that was meant, whatever lies around or above it."""

from __future__ import annotations

import pytest

from tests.extension.browser import Extended
from tests.extension.site import Site
from tests.pictures import jpeg

pytestmark = pytest.mark.browser


def test_a_plain_image(browser: Extended, site: Site) -> None:
    """The picture that was clicked gets a card with verdict and both probabilities."""
    picture = site.picture(jpeg(640, 480, seed=1), "/plain.jpg")
    page = browser.open(site.page(f"<img src={picture} width=400>", "/plain"))
    browser.menu(page, mediaType="image", srcUrl=picture)
    card = browser.card(page).verdict()
    assert "640 × 480" in card.text
