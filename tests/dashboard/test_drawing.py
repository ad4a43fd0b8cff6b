"""Pure parts of the dashboard: bars, words, pictures under heat maps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from backend.domain import EvidenceStatus, Outcome, ReviewLabel, Source
from dashboard import readout
from dashboard.charts import probability_bar
from dashboard.pictures import MAX_SIDE_PX, preview, with_heatmap
from dashboard.words import code, plain
from tests.dashboard.fake_backend import overlay
from tests.pictures import draw, encode


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("ai", [0.0, 0.07, 0.5, 1.0])
def test_the_bar_shows_both_probabilities(ai: float, theme: str) -> None:
    """The bar has one part a class, as long as its probability, and nothing to fiddle with."""
    figure = probability_bar(ai, 1 - ai, theme=theme)
    assert [trace.name for trace in figure.data] == ["AI-generated", "human-made"]
    assert [trace.x[0] for trace in figure.data] == [ai, 1 - ai]
    assert figure.layout.xaxis.range == (0, 1)


@pytest.mark.parametrize("pair", [(0.4, 0.4), (1.2, -0.2), (float("nan"), 0.5)])
def test_the_bar_refuses_what_is_no_probability(pair: tuple[float, float]) -> None:
    """Numbers that do not sum to one are a mistake, and are not drawn."""
    with pytest.raises(ValueError, match="no probabilities"):
        probability_bar(*pair)


@given(st.text())
def test_plain_text_holds_no_live_markup(text: str) -> None:
    """After escaping, each character of Markdown is behind a backslash, on one line."""
    escaped = plain(text)
    assert "\n" not in escaped
    live = escaped.replace("\\\\", "")
    for sign in "`*_{}[]()<>#~|$:&":
        assert live.count(sign) == live.count("\\" + sign)


def test_a_preview_is_small_upright_and_opaque() -> None:
    """The page shows a small copy, turned as EXIF says, transparent parts on white."""
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    turned = preview(encode(draw(2000, 1000), "JPEG", exif=exif))
    assert turned is not None
    assert max(turned.size) <= MAX_SIDE_PX
    assert turned.height > turned.width
    clear = preview(encode(Image.new("RGBA", (50, 50), (0, 0, 0, 0)), "PNG"))
    assert clear is not None
    assert clear.getpixel((5, 5)) == (255, 255, 255)


@pytest.mark.parametrize("data", [b"", b"no picture", encode(draw(), "PNG")[:200]])
def test_what_cannot_be_shown_is_not(data: bytes) -> None:
    """Bytes that are no whole picture have no preview, and raise nothing."""
    assert preview(data) is None


def test_the_strength_of_a_heat_map() -> None:
    """At strength 0 the picture is as it was; at 1 the map colours it."""
    picture = draw(400, 267)
    assert with_heatmap(picture, overlay(), 0).tobytes() == picture.tobytes()
    full = with_heatmap(picture, overlay(), 1)
    assert full.size == picture.size
    assert full.tobytes() != picture.tobytes()


def test_every_word_of_the_domain_has_words_on_the_page() -> None:
    """Whatever the backend may answer as outcome, label, status or source can be read out."""
    assert set(readout.HEADLINES) == set(Outcome)
    assert set(readout.REVIEWS) == set(ReviewLabel)
    assert set(readout.SOURCES) == {source.value for source in Source}
    assert set(readout.STATUSES) == set(EvidenceStatus) - {EvidenceStatus.ABSENT}


def test_an_address_in_a_title_is_nothing_to_click_on() -> None:
    """Addresses in text from outside are broken by an invisible sign where links begin."""
    for text in ("https://evil.example", "see www.evil.example", "me@evil.example"):
        assert "\u2060" in plain(text)
        assert plain(text).replace("\u2060", "").replace("\\", "") == text
    assert code("x ` https://a.example/\nb") == "`x ' https://a.example/ b`"
