"""“Check image” finds the picture that was meant, whatever lies around or above it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.extension.browser import Extended
from tests.extension.site import CDN, FRAMES, PAGES, File, Site
from tests.pictures import draw, encode, jpeg

pytestmark = pytest.mark.browser

# Sizes tell in the card which file was judged.
SMALL = jpeg(320, 240, seed=11)
LARGE = jpeg(960, 720, seed=11)
OTHER = jpeg(500, 300, seed=12)
IN_SMALL, IN_LARGE, IN_OTHER = "320 × 240", "960 × 720", "500 × 300"
SPACER = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
CLEAR = encode(draw(400, 300).convert("RGBA").point(lambda _: 0), "PNG")
A_S, A_L, A_O = f"{CDN}/s.jpg", f"{CDN}/l.jpg", f"{CDN}/o.jpg"
HERE = f"{PAGES}/here.jpg"


@dataclass(frozen=True)
class Case:
    """A page, what the menu says of the click, and which picture must be judged."""

    name: str
    body: str
    judged: str
    info: dict[str, Any] = field(default_factory=dict)
    point: str | None = None
    """A selector to hover, as the pointer does when the menu opens."""


def image(source: str) -> dict[str, Any]:
    return {"mediaType": "image", "srcUrl": source}


CASES = [
    Case("plain", f"<img src={A_S}>", IN_SMALL, image(A_S)),
    Case("same origin", f"<img src={HERE}>", IN_SMALL, image(HERE)),
    Case(
        "srcset takes the largest",
        f'<img src={A_S} srcset="{A_S} 320w, {A_L} 960w" sizes=100px>',
        IN_LARGE,
        image(A_S),
    ),
    Case(
        "picture takes the largest of its sources",
        f'<picture><source srcset="{A_L} 2x, {A_S} 1x"><img src={A_O}></picture>',
        IN_LARGE,
        image(A_S),
    ),
    Case(
        "a source for another kind of screen is another picture",
        f'<picture><source media="(min-width: 9000px)" srcset="{A_L}"><img src={A_S}></picture>',
        IN_SMALL,
        image(A_S),
    ),
    Case(
        "a broken largest candidate gives way to the next",
        f'<img src={A_S} srcset="{A_S} 320w, {CDN}/gone.jpg 2000w" sizes=100px>',
        IN_SMALL,
        image(A_S),
    ),
    Case(
        "lazy, not loaded yet",
        f'<img src="{SPACER}" data-src={A_L} width=300 height=200>',
        IN_LARGE,
        image(SPACER),
    ),
    Case(
        "lazy with a srcset of its own",
        f'<img src="{SPACER}" data-srcset="{A_S} 320w, {A_L} 960w" width=300 height=200>',
        IN_LARGE,
        image(SPACER),
    ),
    Case(
        "data: address",
        f'<img id=d src="data:image/jpeg;base64,{base64.b64encode(OTHER).decode()}">',
        IN_OTHER,
        {"mediaType": "image"},
        "#d",
    ),
    Case(
        "background",
        f'<div id=b style="background: url({A_O}); width: 300px; height: 200px">words</div>',
        IN_OTHER,
        {},
        "#b",
    ),
    Case(
        "background before an element",
        "<style>#b::before {content: ''; display: block; width: 300px; height: 200px;"
        f"background: center/cover url('{A_O}')}}</style><div id=b style='width: 300px'></div>",
        IN_OTHER,
        {},
        "#b",
    ),
    Case(
        "image-set takes the densest",
        f"<div id=b style=\"background-image: image-set(url('{A_S}') 1x, url('{A_L}') 3x);"
        ' width: 300px; height: 200px"></div>',
        IN_LARGE,
        {},
        "#b",
    ),
    Case(
        "spacer over a background twin",
        f'<div style="background: url({A_O}); width: 300px; height: 200px">'
        f'<img id=t src="{SPACER}" width=300 height=200></div>',
        IN_OTHER,
        image(SPACER),
        "#t",
    ),
    Case(
        "clear image of full size over a background twin",
        f'<div style="background: url({A_O}); width: 300px; height: 200px">'
        f'<img id=t src="{PAGES}/clear.png" width=300 height=200></div>',
        IN_OTHER,
        image(f"{PAGES}/clear.png"),
        "#t",
    ),
    Case(
        "overlay above an image",
        f'<div style="position: relative; width: 320px"><img src={A_S}>'
        '<a id=o href=/elsewhere style="position: absolute; inset: 0"></a></div>',
        IN_SMALL,
        {"linkUrl": f"{PAGES}/elsewhere"},
        "#o",
    ),
    Case(
        "image that takes no clicks",
        '<div id=o style="width: 320px; height: 240px">'
        f'<img src={A_S} style="pointer-events: none"></div>',
        IN_SMALL,
        {},
        "#o",
    ),
    Case(
        "thumbnail that links to the larger file",
        f"<a href={A_L}><img src={A_S}></a>",
        IN_LARGE,
        {**image(A_S), "linkUrl": A_L},
    ),
    Case(
        "thumbnail that links to another picture",
        f"<a href={A_O}><img src={A_S}></a>",
        IN_SMALL,
        {**image(A_S), "linkUrl": A_O},
    ),
    Case(
        "link to a page",
        f"<a href=/elsewhere id=a><img src={A_S}></a>",
        IN_SMALL,
        {**image(A_S), "linkUrl": f"{PAGES}/elsewhere"},
        "#a",
    ),
    Case("poster of a video", f"<video id=v poster={A_O} width=300></video>", IN_OTHER, {}, "#v"),
    Case(
        "frame of a video without a poster",
        "<canvas id=c width=500 height=300 hidden></canvas><video id=v width=500 muted></video>"
        f"<script>const i = new Image(); i.src = '{PAGES}/o.jpg'; i.onload = () => {{"
        "const c = document.querySelector('#c'), v = document.querySelector('#v');"
        "const draw = () => c.getContext('2d').drawImage(i, 0, 0); draw(); setInterval(draw, 50);"
        "v.srcObject = c.captureStream(); v.play(); }</script>",
        IN_OTHER,
        {"mediaType": "video"},
        "#v",
    ),
    Case(
        "image in a drawing",
        f'<svg id=s width=320 height=240><image href="{A_S}" width=320 height=240 /></svg>',
        IN_SMALL,
        {},
        "#s image",
    ),
    Case(
        "canvas",
        f"<canvas id=c width=500 height=300></canvas><script>const i = new Image();"
        f"i.src = '{PAGES}/o.jpg'; i.onload = () => document.querySelector('#c').getContext('2d')"
        ".drawImage(i, 0, 0)</script>",
        IN_OTHER,
        {},
        "#c",
    ),
    Case(
        "open shadow root",
        "<x-card></x-card><script>document.querySelector('x-card').attachShadow({mode: 'open'})"
        f".innerHTML = '<img src={A_S}>'</script>",
        IN_SMALL,
        image(A_S),
    ),
    Case(
        "closed shadow root in a closed shadow root",
        "<x-outer></x-outer><script>const a = document.querySelector('x-outer')"
        ".attachShadow({mode: 'closed'}); a.innerHTML = '<div></div>';"
        f"a.firstChild.attachShadow({{mode: 'closed'}}).innerHTML = '<img src={A_S}>'</script>",
        IN_SMALL,
        image(A_S),
    ),
    Case(
        "closed shadow root, clicked beside any image",
        "<x-card id=x></x-card><script>document.querySelector('x-card')"
        f".attachShadow({{mode: 'closed'}}).innerHTML = '<div style=\"display: block; width: 320px;"
        f"height: 240px; background: url({A_S})\"></div>'</script>",
        IN_SMALL,
        {},
        "#x",
    ),
    Case("button that is an image", f"<input type=image src={A_S}>", IN_SMALL, image(A_S)),
    Case("object", f"<object type=image/jpeg data={A_S} id=o></object>", IN_SMALL, {}, "#o"),
]


@pytest.fixture(scope="module", autouse=True)
def pictures(site: Site) -> None:
    for address, data in ((A_S, SMALL), (A_L, LARGE), (A_O, OTHER), (HERE, SMALL)):
        site.put(address, File(data, "image/jpeg"))
    site.put(f"{PAGES}/o.jpg", File(OTHER, "image/jpeg"))
    site.put(f"{PAGES}/clear.png", File(CLEAR, "image/png"))


Opened = Callable[[Case], str]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_picture_that_was_meant_is_judged(browser: Extended, site: Site, case: Case) -> None:
    """Right-clicking this judges the picture that a person would say is there."""
    page = browser.open(site.page(case.body, "/case"))
    if case.point:
        page.hover(case.point)
    browser.menu(page, **case.info)
    card = browser.card(page).verdict()
    assert case.judged in card.text


def test_blob_addresses_are_read_in_the_page(browser: Extended, site: Site) -> None:
    """A blob: address, which only its page can read, is read there."""
    page = browser.open(
        site.page(
            f"<img id=b><script>fetch('{PAGES}/o.jpg').then((r) => r.blob()).then((b) => {{"
            "document.querySelector('#b').src = URL.createObjectURL(b)})</script>",
            "/blob",
        )
    )
    page.wait_for_function("document.querySelector('#b').naturalWidth > 0")
    browser.menu(page, **image(page.evaluate("document.querySelector('#b').src")))
    assert IN_OTHER in browser.card(page).verdict().text


def test_an_image_in_its_own_tab(browser: Extended, site: Site) -> None:
    """A tab that shows nothing but an image is checked, however the menu was opened."""
    page = browser.open(site.put(f"{PAGES}/bare.jpg", File(LARGE, "image/jpeg")))
    browser.menu(page, **image(page.url))
    assert IN_LARGE in browser.card(page).verdict().text


def test_strict_content_policy_stops_nothing(browser: Extended, site: Site) -> None:
    """A page that forbids every script, style and connection has its card and heat map."""
    page = browser.open(
        site.page(
            f"<img src={HERE}>",
            "/strict",
            Content_Security_Policy="default-src 'none'; img-src 'self'; sandbox",
        )
    )
    browser.menu(page, **image(HERE))
    card = browser.card(page).verdict()
    assert card.box(".card")["width"] > 300, "the card has its own style"
    card.press("heatmap")
    card.until(lambda: card.has("canvas"), "the heat map")


@pytest.mark.parametrize("host", [PAGES, FRAMES], ids=["same site", "another site"])
def test_an_image_in_a_frame(browser: Extended, site: Site, host: str) -> None:
    """A picture in a frame is found there, and the card is shown in that frame."""
    site.page(f"<img src={A_S}>", "/inner", host)
    page = browser.open(
        site.page(f"<iframe src={host}/inner width=800 height=600></iframe>", "/outer")
    )
    browser.menu(page, frameId=browser.frame_id(f"{host}/inner"), **image(A_S))
    assert IN_SMALL in browser.card(page, page.frames[1]).verdict().text


def test_a_frame_too_small_for_a_card(browser: Extended, site: Site) -> None:
    """The page around shows the card for it; the heat map lies on the picture in the frame."""
    site.page(f"<img src={A_S} width=180>", "/narrow", FRAMES)
    page = browser.open(
        site.page(f"<iframe src={FRAMES}/narrow width=200 height=150></iframe>", "/wide")
    )
    browser.menu(page, frameId=browser.frame_id(f"{FRAMES}/narrow"), **image(A_S))
    card = browser.card(page).verdict()
    assert IN_SMALL in card.text
    card.press("heatmap")
    inner = browser.card(page, page.frames[1])
    card.until(lambda: inner.has("canvas"), "the heat map in the frame")
    assert inner.phase is None


def test_a_picture_put_in_later(browser: Extended, site: Site) -> None:
    """A page that swaps its content without a load is searched as it stands now."""
    page = browser.open(site.page(f"<main><img src={A_S}></main>", "/app"))
    browser.menu(page, **image(A_S))
    browser.card(page).verdict()
    page.evaluate(f"document.querySelector('main').innerHTML = '<img src={A_O}>'")
    page.evaluate("history.pushState(0, '', '/app/2')")
    browser.menu(page, **image(A_O))
    card = browser.card(page)
    card.until(lambda: IN_OTHER in card.text, "the new picture's verdict")
