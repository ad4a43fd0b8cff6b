"""What goes wrong gets a card that says what happened and what to try; never a silent nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.extension.browser import Card, Extended
from tests.extension.scanning import KEEP_REAL, badges, everything_off, popup, switch
from tests.extension.site import CDN, LOCKED, File, Site
from tests.pictures import jpeg

pytestmark = pytest.mark.browser
PICTURE = f"{CDN}/trouble.jpg"
ONE, TWO = f"{CDN}/trouble-1.jpg", f"{CDN}/trouble-2.jpg"

# The backend's next answers are refusals, as it writes them; then it is itself again.
_REFUSE = """
([path, status, document, times]) => {
  const real = globalThis.realFetch ??= globalThis.fetch;
  globalThis.fetch = async (address, ...rest) => {
    if (times <= 0 || !String(address).includes(path)) return real(address, ...rest);
    times -= 1;
    return new Response(JSON.stringify(document), {status});
  };
}
"""
_AS_BEFORE = "() => { globalThis.fetch = globalThis.realFetch ?? globalThis.fetch; }"


@pytest.fixture(autouse=True)
def as_before(browser: Extended, site: Site) -> Iterator[None]:
    for seed, address in enumerate((PICTURE, ONE, TWO), start=140):
        site.put(address, File(jpeg(400, 300, seed=seed), "image/jpeg"))
    yield
    browser.worker.evaluate(_AS_BEFORE)
    everything_off(browser)


def refuse(
    browser: Extended, path: str, status: int, code: str, times: int = 1, **more: Any
) -> None:
    document = {"status": status, "code": code, "detail": f"Said by {code}.", **more}
    browser.worker.evaluate(_REFUSE, [path, status, document, times])


def check(browser: Extended, site: Site, body: str, source: str | None, point: str = "") -> Card:
    page = browser.open(site.page(body, "/trouble"))
    if point:
        page.hover(point)
    info = {"mediaType": "image", "srcUrl": source} if source else {}
    browser.menu(page, **info)
    return browser.card(page)


def test_what_the_backend_refuses_is_said_in_words(browser: Extended, site: Site) -> None:
    """Each refusal has its own words, what the backend said, and a way on that works."""
    card = check(browser, site, f"<img src={PICTURE}>", PICTURE).verdict()
    for status, code, said, more in (
        (503, "busy", ["Brushmark is busy", "Said by busy.", "in 3 seconds"], {"retry_after": 3}),
        (429, "slow_down", ["Too many requests", "in 9 seconds"], {"retry_after": 9}),
        (503, "no_model", ["No model to judge with", "brushmark models list"], {}),
        (507, "out_of_space", ["disk is full", "Make room"], {}),
        (403, "host_refused", ["The backend refused", "BRUSHMARK_TRUSTED_HOSTS"], {}),
        (400, "unknown_field", ["older than this extension", "Update Brushmark"], {}),
        (500, "internal", ["Something went wrong", "log says what happened"], {}),
    ):
        refuse(browser, "/check", status, code, **more)
        browser.menu(card.page, mediaType="image", srcUrl=PICTURE)
        card.until(lambda said=said: said[0] in card.text, said[0])
        assert all(words in card.text for words in said), card.text
    card.click(".close")
    refuse(browser, "/check", 503, "busy")
    browser.menu(card.page, mediaType="image", srcUrl=PICTURE)
    card.problem().press("retry")
    card.wait("verdict")


def test_an_older_backend_is_told_from_one_that_is_none(browser: Extended) -> None:
    """The settings say that a backend is too old, and that something else has its port."""
    answers = (
        ({"info": {"title": "Brushmark", "version": "0.0.9"}}, "older than this extension"),
        ({"info": {"title": "Another"}}, "Something else answers there"),
    )
    for document, said in answers:
        browser.worker.evaluate(_REFUSE, ["/openapi.json", 200, document, 1])
        page = browser.open(browser.page_url("options"))
        page.locator("#news").get_by_text(said).wait_for()
        assert page.locator("#status.bad").count() == 1
        page.close()


def test_a_browser_that_bars_this_machine_is_named(browser: Extended, site: Site) -> None:
    """Where the browser keeps the extension from the local network, that is what the card says."""
    browser.worker.evaluate(
        """() => {
          const real = globalThis.realFetch ??= globalThis.fetch;
          globalThis.fetch = (address, ...rest) => String(address).includes("/api/v1/")
            ? Promise.reject(new TypeError("Failed to fetch")) : real(address, ...rest);
          globalThis.realQuery ??= navigator.permissions.query;
          navigator.permissions.query = async () => ({state: "denied"});
        }"""
    )
    card = check(browser, site, f"<img src={PICTURE}>", PICTURE).problem()
    browser.worker.evaluate("() => { navigator.permissions.query = globalThis.realQuery; }")
    assert "keeps the extension from this machine" in card.heading
    assert "Allow it" in card.text


BLOB_LET_GO = (
    "<img id=a><script>fetch('/o.jpg').then((r) => r.blob()).then((b) => {"
    "const i = document.querySelector('#a'); const u = URL.createObjectURL(b); i.src = u;"
    "i.onload = () => { URL.revokeObjectURL(u); document.title = 'loaded'; }})</script>"
)
DRAWN_ON = (
    "<canvas id=a width=400 height=300></canvas><script>const i = new Image();"
    f"i.src = '{PICTURE}';"
    "i.onload = () => { document.querySelector('#a').getContext('2d').drawImage(i, 0, 0);"
    "document.title = 'loaded'; }</script>"
)


@pytest.mark.parametrize("body", [BLOB_LET_GO, DRAWN_ON], ids=["blob let go of", "tainted canvas"])
def test_what_the_page_alone_had_can_be_copied_from_the_screen(
    browser: Extended, site: Site, body: str
) -> None:
    """A picture that can be seen but not read is offered as a screen copy, not called gone."""
    site.put("http://pages.example/o.jpg", File(jpeg(400, 300, seed=144), "image/jpeg"))
    page = browser.open(site.page(body, "/kept"))
    page.wait_for_function("document.title === 'loaded'")
    page.hover("#a")
    browser.menu(page)
    card = browser.card(page).problem()
    assert card.heading == "The page keeps this picture to itself"
    assert card.has("[data-press=screenCopy]")
    assert card.has("[data-press=pick]")
    # Automation cannot press our button, so the browser gives no screen: that is said, too.
    card.press("screenCopy")
    card.until(lambda: "wants a press of our button" in card.text, "the browser's refusal in words")


def test_bad_pictures_get_a_card(browser: Extended, site: Site) -> None:
    """Drawings, damage, specks, giants, and a click on nothing: each its words and a way on."""
    put = {
        "drawing.svg": (b"<svg xmlns='http://www.w3.org/2000/svg'><rect/></svg>", "image/svg+xml"),
        "damaged.jpg": (jpeg(400, 300)[:900], "image/jpeg"),
        "giant.jpg": (jpeg(400, 300) + bytes(20 * 1024 * 1024), "image/jpeg"),
        "speck.jpg": (jpeg(30, 20), "image/jpeg"),
    }
    for name, (data, kind) in put.items():
        site.put(f"{CDN}/{name}", File(data, kind))
    said = {
        "drawing.svg": ("Not a kind of picture that can be judged", "screenCopy"),
        "damaged.jpg": ("The picture is damaged", "retry"),
        "giant.jpg": ("The picture is too large", "screenCopy"),
    }
    for name, (heading, press) in said.items():
        source = f"{CDN}/{name}"
        card = check(browser, site, f"<img src={source} width=300 height=200>", source).problem()
        assert card.heading == heading, name
        assert card.has(f"[data-press={press}]"), name
    speck = f"{CDN}/speck.jpg"
    card = check(browser, site, f"<img src={speck} width=300 height=200>", speck).verdict()
    assert card.heading == "Not assessed"
    assert "Read at 30 × 20" in card.text
    assert "%" not in card.text, "no probability of what was not judged"
    card = check(browser, site, "<p id=p>Words alone.</p>", None, "#p").problem()
    assert card.heading == "No picture found there"
    card.press("pick")
    card.until(lambda: card.has(".shade"), "the picker")


def test_an_appeal_that_fails_can_be_sent_again(browser: Extended, site: Site) -> None:
    """The card says why an appeal did not arrive, and its button sends it once more."""
    card = check(browser, site, f"<img src={PICTURE}>", PICTURE).verdict()
    card.press("disagree")
    card.click('form input[value="human_made"]')
    refuse(browser, "/predictions/", 503, "busy")
    card.click("form [type=submit]")
    card.until(lambda: "Brushmark is busy" in card.text, "the refusal in words")
    card.until(lambda: card.has("form [type=submit]:enabled"), "a button to press again")
    card.click("form [type=submit]")
    card.until(lambda: "Thank you" in card.text, "thanks")


def test_an_appeal_of_a_file_that_fails_can_be_sent_again(browser: Extended, site: Site) -> None:
    """The popup says why an appeal did not arrive, and its button sends it once more."""
    view = popup(browser, browser.open(site.page("<p>words</p>", "/file-appeal")))
    view.locator("#file").set_input_files(
        {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": jpeg(512, 384, seed=145)}
    )
    view.get_by_role("button", name="I disagree").click()
    view.get_by_text("Made by a person").click()
    refuse(browser, "/predictions/", 503, "busy", times=2)
    for _ in range(2):
        view.get_by_role("button", name="Send").click()
        view.locator("form button[type=submit]:enabled").wait_for()
        assert view.get_by_text("Brushmark is busy").count() == 1
    view.get_by_role("button", name="Send").click()
    view.get_by_text("A curator will look at it").wait_for()
    assert view.get_by_text("Brushmark is busy").count() == 0


def test_a_host_is_allowed_once_and_the_check_goes_on(browser: Extended, site: Site) -> None:
    """The card asks for one host in a window of ours; a yes there brings the verdict."""
    # The tests' manifest grants this host: until a person says yes it must seem as if it did not.
    browser.worker.evaluate(
        f"() => {{ {KEEP_REAL} chrome.permissions.contains = async () => false; }}"
    )
    card = check(browser, site, f"<img src={PICTURE}>", PICTURE).problem()
    assert "cdn.example" in card.heading
    with browser.context.expect_page() as opened:
        card.press("allowHost")
    window = opened.value
    window.get_by_text("Read pictures from cdn.example?").wait_for()
    assert "cdn.example" not in window.url, "no history tells where the picture lay"
    asked: list[list[str]] = []
    window.expose_function("noteAsked", lambda origins: asked.append(origins))
    window.evaluate(
        """() => {
          chrome.permissions.request = async ({origins}) => {
            await noteAsked(origins);
            return true;
          };
        }"""
    )
    browser.worker.evaluate("() => { Object.assign(chrome.permissions, globalThis.real); }")
    with window.expect_event("close"):
        window.get_by_role("button", name="Allow cdn.example …").click()
    assert asked == [["https://cdn.example/*", "http://cdn.example/*"]]
    card.page.bring_to_front()
    assert "400 × 300" in card.verdict().text


def test_a_question_for_a_check_that_is_gone_says_so(browser: Extended) -> None:
    """The window that asks for a host has nothing to ask once the check was forgotten."""
    page = browser.open(f"{browser.page_url('allow')}?ticket=unknown")
    page.get_by_text("The check was interrupted").wait_for()
    assert not page.locator("#go").is_visible()


def test_a_busy_moment_costs_no_badge(browser: Extended, site: Site) -> None:
    """A picture that the backend had no room for is asked about again; what is none is counted."""
    words = site.put(f"{CDN}/words.jpg", File(b"no picture", "image/jpeg"))
    browser.worker.evaluate(
        """() => {
          const real = globalThis.realFetch ??= globalThis.fetch;
          let busy = 1;
          globalThis.fetch = async (address, ...rest) => {
            const answer = await real(address, ...rest);
            if (!String(address).includes("/check/batch") || busy-- <= 0) return answer;
            const {results} = await answer.json();
            results[0] = {problem: {status: 503, code: "busy", detail: "", retry_after: 1}};
            return new Response(JSON.stringify({results}));
          };
        }"""
    )
    body = f"<img src={ONE}><img src={TWO}><embed type=image/jpeg src={words} width=300 height=200>"
    page = browser.open(site.page(body, "/busy"))
    switch(browser, page)
    badges(browser, page).wait(2)
    popup(browser, page).get_by_text("Could not be checked: 1.").wait_for()


def test_badges_go_with_the_extension(browser: Extended, site: Site) -> None:
    """A script whose extension was switched off, removed or renewed leaves nothing on the page."""
    page = browser.open(site.page(f"<img src={ONE}>", "/gone-with"))
    switch(browser, page)
    badges(browser, page).wait(1)
    world = browser.isolated(page)
    world.evaluate("void Object.defineProperty(chrome, 'runtime', {value: {}})")
    page.wait_for_function("document.querySelectorAll('brushmark-host').length === 0")


def test_a_frame_that_is_closed_to_us_has_its_card_around_it(browser: Extended, site: Site) -> None:
    """Where no script may enter a frame, the page around it shows the card for its picture."""
    site.page(f"<img src={PICTURE}>", "/frame", LOCKED)
    body = f"<iframe src={LOCKED}/frame width=600 height=400></iframe>"
    page = browser.open(site.page(body, "/around"))
    browser.menu(page, frameId=999_999, mediaType="image", srcUrl=PICTURE)
    assert "400 × 300" in browser.card(page).verdict().text
