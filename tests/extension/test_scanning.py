"""Scanning a page: badges that come, follow, step aside and go, and what it costs nobody."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from backend.domain import Source
from tests.extension.browser import Extended
from tests.extension.conftest import RealBackend
from tests.extension.scanning import KEEP_REAL, badges, everything_off, popup, switch
from tests.extension.site import CDN, FRAMES, LOCKED, PAGES, File, Site
from tests.pictures import jpeg

pytestmark = pytest.mark.browser

ONE, TWO = f"{CDN}/scan-1.jpg", f"{CDN}/scan-2.jpg"
LARGE = f"{CDN}/scan-large.jpg"
HERE = f"{PAGES}/scan-here.jpg"
CLOSED = f"{LOCKED}/scan.jpg"


@pytest.fixture(scope="module", autouse=True)
def pictures(site: Site) -> None:
    for seed, address in enumerate((ONE, TWO, LARGE, HERE, CLOSED), start=70):
        site.put(address, File(jpeg(400, 300, seed=seed), "image/jpeg"))


@pytest.fixture(autouse=True)
def off(browser: Extended) -> Iterator[None]:
    yield
    everything_off(browser)


def ask(browser: Extended, script: str) -> Any:
    return browser.worker.evaluate(script)


def test_a_site_is_switched_on_and_off(browser: Extended, site: Site, backend: RealBackend) -> None:
    """Off by default; switched on it asks for that host alone; off, everything is as before."""
    page = browser.open(
        site.page(f"<img id=a src={ONE} alt='A hill'><br><img src={CLOSED}>", "/scan")
    )
    page.wait_for_timeout(200)
    assert browser.isolated(page).evaluate("1") is None, "no script of ours is there"
    before = len(backend.records())
    view = popup(browser, page)
    view.evaluate(
        "() => { const real = chrome.permissions.request.bind(chrome.permissions);"
        " chrome.permissions.request = (o) => { window.asked = o.origins; return real(o); }; }"
    )
    assert not view.locator("#on-site").is_checked()
    view.locator("#on-site").check()
    view.get_by_text("A hill").wait_for()
    assert view.evaluate("window.asked") == ["https://pages.example/*", "http://pages.example/*"]
    assert "locked.example" in view.locator("#closed").inner_text()
    page.bring_to_front()
    (badge,) = badges(browser, page).wait(1)
    assert badges(browser, page).on("#a") == [badge]
    made = backend.records()[: len(backend.records()) - before]
    assert [(r.context.source, r.context.page_url) for r in made] == [(Source.PAGE_SCAN, None)]
    ask(
        browser,
        f"() => {{ {KEEP_REAL} }}",
    )
    ask(
        browser,
        "() => { globalThis.given = []; chrome.permissions.remove ="
        " async (o) => { globalThis.given.push(...o.origins); return true; }; }",
    )
    view.bring_to_front()
    view.locator("#on-site").uncheck()
    page.bring_to_front()
    badges(browser, page).wait(0)
    given = ["https://pages.example/*", "http://pages.example/*"]
    assert ask(browser, "() => globalThis.given") == given
    assert ask(browser, "() => chrome.scripting.getRegisteredContentScripts()") == []
    assert page.locator("brushmark-host").count() == 0


def test_what_was_seen_before_is_asked_for_by_hash(
    browser: Extended, site: Site, backend: RealBackend
) -> None:
    """A picture is uploaded once; its hash is enough later, and for a while not even that."""
    page = browser.open(site.page(f"<img src={TWO}>", "/hash"))
    switch(browser, page)
    badges(browser, page).wait(1)
    known = len(backend.records())
    for forget in ("[]", "Object.keys(await chrome.storage.session.get(null))"):
        ask(browser, f"async () => chrome.storage.session.remove({forget})")
        page.reload()
        badges(browser, page).wait(1)
    sent = ask(browser, "async () => (await chrome.storage.session.get('sent')).sent")
    assert [each["route"] for each in sent] == ["POST /lookup", "GET /model"]
    assert len(backend.records()) == known


def test_pictures_of_every_kind_get_a_badge(browser: Extended, site: Site) -> None:
    """Backgrounds, posters, data, what comes later, shadow roots, frames; on a strict page."""
    site.page(f"<img id=f src={ONE}>", "/framed", FRAMES)
    data = base64.b64encode(jpeg(320, 240, seed=78)).decode()
    body = (
        "<style>body{margin:0} img,div,video,iframe{width:200px;height:150px;display:block}</style>"
        f"<img id=here src={HERE}><div id=back style='background: url({TWO})'></div>"
        f"<video id=video poster={ONE}></video><img id=data src='data:image/jpeg;base64,{data}'>"
        f"<iframe src={FRAMES}/framed></iframe><main></main>"
    )
    policy = "default-src 'none'; img-src * data:; style-src 'unsafe-inline'; frame-src *"
    page = browser.open(site.page(body, "/kinds", Content_Security_Policy=policy))
    page.set_viewport_size({"width": 700, "height": 1200})
    switch(browser, page)
    seen = badges(browser, page)
    seen.wait(4)
    for selector in ("#here", "#back", "#video", "#data"):
        assert len(seen.on(selector)) == 1, selector
    world = browser.isolated(page)
    world.evaluate(
        "(() => { const x = document.createElement('x-late');"
        "document.querySelector('main').append(x);"
        "const s = x.attachShadow({mode: 'closed'}); const i = new Image(200, 150);"
        f"i.src = '{ONE}'; s.append(i); history.pushState(0, '', '/kinds/2'); }})()"
    )
    seen.wait(5)
    page.evaluate("document.querySelector('#here').remove()")
    seen.wait(4)
    everything_off(browser)
    switch(browser, page, which="#on-all", granted=True)  # frames are sites of their own
    badges(browser, page, page.frames[1]).wait(1)


def test_a_picture_in_a_tab_of_its_own_gets_a_badge(browser: Extended, site: Site) -> None:
    """A tab that shows nothing but an image of a site that is switched on is scanned, too."""
    page = browser.open(HERE)
    switch(browser, page)
    badges(browser, page).wait(1)


def test_frames_are_counted_with_their_page(browser: Extended, site: Site) -> None:
    """The popup counts what stands in frames, also those that were there before their page was."""
    site.page(f"<img src={ONE}>", "/counted", FRAMES)
    slow = site.put(f"{CDN}/late.css", File(b"", "text/css", delay_s=1.5))
    body = f"<img src={TWO}><iframe src={FRAMES}/counted width=500 height=400></iframe>"
    page = browser.open(site.page("<p>words</p>", "/counted-before"))
    switch(browser, page, which="#on-all", granted=True)
    page.goto(site.page(f"{body}<script src={slow}></script>", "/counted-page"))
    badges(browser, page, page.frames[1]).wait(1)
    badges(browser, page).wait(1)
    popup(browser, page).locator("#counts").get_by_text("2 Uncertain").wait_for()


def test_a_larger_copy_is_checked_anew(browser: Extended, site: Site, backend: RealBackend) -> None:
    """When a picture is replaced by a larger one, the badge is of the larger one."""
    site.put(f"{CDN}/small.jpg", File(jpeg(320, 240, seed=81), "image/jpeg"))
    site.put(f"{CDN}/full.jpg", File(jpeg(960, 720, seed=81), "image/jpeg"))
    page = browser.open(
        site.page(f"<img id=a src={CDN}/small.jpg width=400 height=300>", "/larger")
    )
    switch(browser, page)
    seen = badges(browser, page)
    seen.wait(1)
    page.evaluate(f"document.querySelector('#a').src = '{CDN}/full.jpg'")
    seen.until(lambda: backend.records()[0].image.width == 960, "the larger copy's record")
    seen.wait(1)


def test_small_pictures_are_left_alone(browser: Extended, site: Site, backend: RealBackend) -> None:
    """Icons and thumbnails get neither a request nor a badge."""
    site.put(f"{CDN}/icon.jpg", File(jpeg(48, 48, seed=82), "image/jpeg"))
    page = browser.open(
        site.page(
            f"<img src={CDN}/icon.jpg width=300><img src={ONE} width=60><img src={TWO}>", "/tiny"
        )
    )
    before = {record.image.width for record in backend.records()}
    switch(browser, page)
    badges(browser, page).wait(1)
    page.wait_for_timeout(700)
    assert len(badges(browser, page).all()) == 1
    assert 48 not in {record.image.width for record in backend.records()} - before


def test_badges_follow_and_step_aside(browser: Extended, site: Site) -> None:
    """A badge stays on its picture, lies on no control, and is gone where something covers it."""
    body = (
        "<style>body{margin:0}#bar{position:fixed;inset:0 0 auto 0;height:60px;z-index:5;"
        "background:#eee}#box{position:relative;margin-top:100px;width:400px}#b{position:absolute;left:0;top:0;"
        "width:60px;height:60px}#light{position:fixed;inset:0;background:#000;display:none;"
        "z-index:9}"
        "#scroller{overflow:auto;width:420px;height:320px}</style><div id=bar></div>"
        f"<div id=box><img id=a src={ONE}><button id=b>x</button></div>"
        f"<div id=scroller><img id=c src={TWO}><p style='height:900px'></p></div>"
        "<p style='height:3000px'></p><div id=light></div>"
    )
    page = browser.open(site.page(body, "/follow"))
    page.set_viewport_size({"width": 900, "height": 900})
    switch(browser, page)
    seen = badges(browser, page)
    seen.wait(2)
    (aside,) = seen.on("#a")
    assert not aside.lies_on({"x": 0, "y": 100, "width": 62, "height": 62}), "beside the button"
    page.evaluate("scrollBy(0, 130)")
    seen.until(lambda: seen.on("#a") and seen.on("#a")[0].y >= 60, "the badge beneath the bar")
    page.evaluate("document.querySelector('#scroller').scrollTop = 100")
    seen.until(lambda: seen.on("#c") and seen.on("#c")[0].lies_on(box(page, "#scroller")), "c's")
    page.evaluate("document.querySelector('#scroller').scrollTop = 600")
    seen.wait(1)
    page.evaluate("document.querySelector('#light').style.display = 'block'")
    seen.wait(0)
    page.evaluate("document.querySelector('#light').style.display = 'none'")
    seen.wait(1)
    page.evaluate(
        "() => { const d = document.createElement('dialog');"
        f"const i = new Image(300, 200); i.id = 'd'; i.src = '{TWO}'; d.append(i);"
        "document.body.append(d); d.showModal(); }"
    )
    seen.until(lambda: len(seen.on("#d")) == 1, "a badge in the dialog")


def box(page: Any, selector: str) -> dict[str, float]:
    found = page.locator(selector).bounding_box()
    return dict(found)


def test_covers_come_off_at_a_click(browser: Extended, site: Site) -> None:
    """Blurred pictures of a chosen outcome show at the first click, which the page does not get."""
    body = f"<a href=/elsewhere><img id=a src={ONE}></a><img id=b src={TWO}>"
    page = browser.open(site.page(body, "/cover"))
    settings = popup(browser, page)
    settings.locator("summary").click()
    settings.locator("#cover select").select_option("blur")
    settings.locator("#cover input[value=uncertain]").check()
    settings.locator("#on-site").check()
    page.bring_to_front()
    seen = badges(browser, page)
    seen.wait(2)
    assert {badge.found for badge in seen.all()} == {"uncertain"}, "as drawn pictures are"
    assert {cover.found for cover in seen.all("cover")} == {"blur"}
    assert page.locator("#a").get_attribute("style") is None, "the picture itself is as it was"
    page.locator("#a").click(force=True)
    seen.until(lambda: len(seen.all("cover")) == 1, "one cover")
    assert page.url.endswith("/cover")
    settings.bring_to_front()
    settings.locator("#cover select").select_option("hide")
    page.bring_to_front()
    seen.until(lambda: [c.found for c in seen.all("cover")] == ["hide"], "a cover that hides")
    for number in (1, 0):
        settings.bring_to_front()
        settings.locator("#pictures button").nth(number).click()
        page.bring_to_front()
    seen.until(lambda: seen.all("cover") == [], "shown from the list")
    page.locator("#a").click(force=True)
    page.wait_for_url("**/elsewhere")


def test_what_lies_above_a_covered_picture_is_clicked(browser: Extended, site: Site) -> None:
    """A click on something of the page that hides a corner of a covered picture is the page's."""
    body = (
        "<style>body{margin:0}#box{position:relative;width:400px;height:300px}"
        "#menu{position:absolute;right:0;bottom:0;width:150px;height:80px;background:#fff}"
        "#veil{position:absolute;inset:0 0 50% 0}</style>"
        f"<div id=box><img id=a src={ONE}><div id=veil></div><div id=menu>Save</div></div>"
        "<script>addEventListener('click', (e) => { document.title += e.target.id; })</script>"
    )
    page = browser.open(site.page(body, "/above"))
    cover = {"settings": {"cover": "blur", "coverOutcomes": ["uncertain"]}}
    ask(browser, f"() => chrome.storage.local.set({json.dumps(cover)})")
    switch(browser, page)
    seen = badges(browser, page)
    seen.until(lambda: len(seen.all("cover")) == 1, "a cover")
    page.mouse.click(360, 260)
    page.wait_for_function("document.title === 'A pagemenu'", timeout=5000)
    assert len(seen.all("cover")) == 1
    page.mouse.click(200, 60)
    seen.until(lambda: seen.all("cover") == [], "shown through what is clear")
    assert page.title() == "A pagemenu"


def test_a_page_learns_no_verdict(browser: Extended, site: Site, backend: RealBackend) -> None:
    """Badges look alike from outside, covers cannot be felt, and nothing of ours can be pressed."""
    body = f"<img id=a src={ONE}><img id=b src={TWO}>"
    page = browser.open(site.page(body, "/hostile"))
    cover = {"settings": {"cover": "blur", "coverOutcomes": ["uncertain"]}}
    ask(browser, f"() => chrome.storage.local.set({json.dumps(cover)})")
    switch(browser, page)
    seen = badges(browser, page)
    seen.wait(2)
    assert len(seen.all("cover")) == 2
    assert {(badge.width, badge.height) for badge in seen.all()} == {(26, 26)}
    known = len(backend.records())
    told = page.evaluate(
        """() => {
          const host = document.querySelector("brushmark-host");
          const [x, y] = [200, 200];
          for (const type of ["click", "pointerdown", "mousedown"]) {
            const at = {bubbles: true, composed: true, clientX: 20, clientY: 20};
            host.dispatchEvent(new MouseEvent(type, at));
          }
          document.querySelector("#a").click();
          getSelection().selectAllChildren(document.documentElement);
          return {
            shadow: host.shadowRoot, under: document.elementFromPoint(x, y).id,
            words: [document.documentElement.innerText, host.outerHTML, String(getSelection()),
              document.documentElement.getHTML({serializableShadowRoots: true})].join("|"),
            style: document.querySelector("#a").getAttribute("style"),
          };
        }"""
    )
    assert told["shadow"] is None
    assert told["under"] == "a"
    assert told["style"] is None
    assert "ncertain" not in told["words"]
    assert len(seen.all("cover")) == 2, "only a person's click shows"
    assert browser.card(page).phase is None, "no card was opened"
    page.evaluate("document.querySelector('brushmark-host').remove()")
    seen.wait(2)
    assert len(backend.records()) == known
    x, y = seen.all()[0].middle
    page.mouse.click(x, y)
    browser.card(page).verdict()


def test_a_script_elsewhere_has_nothing_checked(browser: Extended, site: Site) -> None:
    """Pages that are not switched on, private windows and frames of others are refused."""
    page = browser.open(site.page(f"<img src={ONE}>", "/not-on"))
    browser.menu(page, mediaType="image", srcUrl=ONE)
    browser.card(page).verdict()
    world = browser.isolated(page)
    for message in ("{type: 'scan.check', pictures: []}", "{type: 'scan.card'}"):
        answer = world.evaluate(f"chrome.runtime.sendMessage({message})")
        assert answer["problem"]["reason"] == "not_scanned"
    for message in ("site.on", "site.pause", "scan.page", "file.check", "appeals.answers"):
        answer = world.evaluate(
            f"chrome.runtime.sendMessage({{type: '{message}'}}).then(String, () => 'refused')"
        )
        assert answer == "undefined" or answer == "refused", message
    switch(browser, page)
    badges(browser, page).wait(1)
    hello = """
      (incognito) => new Promise((resolve) => chrome.runtime.onMessage.dispatch(
        {type: "scan.hello"},
        {id: chrome.runtime.id, url: "http://pages.example/", frameId: 0, tab: {id: 1, incognito}},
        resolve))
    """
    assert browser.worker.evaluate(hello, False)["on"] is True
    assert browser.worker.evaluate(hello, True) == {"on": False}


def test_the_popup_says_that_private_windows_are_left_alone(browser: Extended, site: Site) -> None:
    """In a private window it says that nothing is checked, until the settings allow it."""
    page = browser.open(site.page(f"<img src={ONE}>", "/private-popup"))
    switch(browser, page)
    view = popup(browser, page)
    view.locator("#page").wait_for()
    view.evaluate(
        """() => {
          const real = chrome.tabs.get.bind(chrome.tabs);
          chrome.tabs.get = async (id) => ({...(await real(id)), incognito: true});
          chrome.storage.session.set({"page:0": {doc: null, frames: {}}});
        }"""
    )
    view.locator("#site-note").get_by_text("This is a private window").wait_for()
    view.locator("#page").wait_for(state="hidden")
    ask(browser, "() => chrome.storage.local.set({settings: {scanPrivate: true}})")
    view.locator("#site-note").get_by_text("Pictures that scroll into view go").wait_for()
    view.locator("#page").wait_for()


def test_private_windows_leave_no_trace(
    browser: Extended, site: Site, backend: RealBackend
) -> None:
    """Where they are allowed, pictures get verdicts; neither the log nor the session keeps any."""
    source = site.put(f"{CDN}/private.jpg", File(jpeg(400, 300, seed=99), "image/jpeg"))
    page = browser.open(site.page("<p>words</p>", "/private"))
    switch(browser, page)
    allowed = {"settings": {"scanPrivate": True, "sendAddresses": "always"}}
    ask(browser, f"() => chrome.storage.local.set({json.dumps(allowed)})")
    known = len(backend.records())
    check = """
      (address) => new Promise((resolve) => chrome.runtime.onMessage.dispatch(
        {type: "scan.check", pictures: [{candidates: [{address, how: "picture"}]}]},
        {id: chrome.runtime.id, url: "http://pages.example/private", frameId: 0,
         tab: {id: 1, incognito: true, url: "http://pages.example/private", title: "T"}},
        resolve))
    """
    (answer,) = browser.worker.evaluate(check, source)["results"]
    assert answer["verdict"]["outcome"]
    assert len(backend.records()) == known
    kept = ask(browser, "async () => JSON.stringify(await chrome.storage.session.get(null))")
    assert "verdict:" not in kept
    assert "/check/batch" not in kept


def test_addresses_go_along_only_where_wanted(browser: Extended, site: Site) -> None:
    """Sent only with pictures that were asked about, where chosen; “What is sent” shows it."""
    page = browser.open(site.page(f"<img src={TWO}>", "/told"))
    options = browser.open(browser.page_url("options"))
    options.get_by_label("With pictures that I check myself").check()
    browser.menu(page, mediaType="image", srcUrl=TWO)
    browser.card(page).verdict()
    page.keyboard.press("Escape")
    switch(browser, page)
    badges(browser, page).wait(1)
    options.bring_to_front()
    options.locator("#refresh-sent").click()
    asked = options.locator("#sent tr", has_text="POST /check ")
    asked.get_by_text("page_url: http://pages.example/told").wait_for()
    assert f"image_url: {TWO}" in asked.inner_text()
    rest = options.locator("#sent tbody tr", has_not_text="POST /check ").all_inner_texts()
    assert rest
    assert not [line for line in rest if "pages.example" in line]
    options.locator("#clear-sent").click()
    options.get_by_text("Nothing yet.").wait_for()


def test_one_click_pauses_everywhere(browser: Extended, site: Site) -> None:
    """Pausing takes every badge away on every page; going on brings them back."""
    page = browser.open(site.page(f"<img src={ONE}>", "/pause"))
    switch(browser, page, which="#on-all", granted=True)
    badges(browser, page).wait(1)
    view = popup(browser, page)
    view.locator("#pause").click()
    badges(browser, page).wait(0)
    later = browser.open(site.page(f"<img src={TWO}>", "/pause-2"))
    later.wait_for_timeout(300)
    assert browser.isolated(later).evaluate("1") is None
    view.bring_to_front()
    view.locator("#pause").click()
    later.bring_to_front()
    badges(browser, later).wait(1)
    page.bring_to_front()
    badges(browser, page).wait(1)


def test_the_popup_judges_a_file_itself(
    browser: Extended, site: Site, backend: RealBackend
) -> None:
    """A file dropped on the popup is judged there, with heat map and disagreement."""
    page = browser.open(site.page("<p>words</p>", "/file"))
    view = popup(browser, page)
    view.evaluate(
        """(text) => {
          const data = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
          const transfer = new DataTransfer();
          transfer.items.add(new File([data], "dropped.jpg", {type: "image/jpeg"}));
          document.querySelector("#drop").dispatchEvent(
            new DragEvent("drop", {dataTransfer: transfer, bubbles: true, cancelable: true}));
        }""",
        base64.b64encode(jpeg(512, 384, seed=90)).decode(),
    )
    view.get_by_text("Scored at 512 × 384").wait_for()
    view.get_by_role("button", name="Heat map").click()
    view.locator("#heat").wait_for(state="visible")
    view.get_by_role("button", name="I disagree").click()
    view.get_by_text("Made by a person").click()
    view.get_by_role("button", name="Send").click()
    view.get_by_text("A curator will look at it").wait_for()
    view.locator("#file").set_input_files(
        {"name": "words.txt", "mimeType": "text/plain", "buffer": b"no picture"}
    )
    view.get_by_text("Not a kind of picture that can be judged").or_(
        view.get_by_text("The picture is damaged")
    ).wait_for()
    view.evaluate(
        """() => document.querySelector("#drop").dispatchEvent(new DragEvent(
          "drop", {dataTransfer: new DataTransfer(), bubbles: true, cancelable: true}))"""
    )
    view.get_by_text("That brought no file").wait_for()
    view.get_by_text("copy the picture and paste it here").wait_for()
