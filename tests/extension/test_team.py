"""A team's backend over https, and the copy of the screen: in a browser that may go everywhere."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

from backend.settings import KeepImages, Settings
from tests.extension.browser import Extended, extended, unpack
from tests.extension.conftest import RealBackend, backend_at
from tests.extension.scanning import badges, everything_off, switch
from tests.extension.site import CDN, File, Site
from tests.extension.team import TEAM, behind_tls
from tests.pictures import draw, encode

pytestmark = pytest.mark.browser
COVERED = ["ai_generated", "human_made", "uncertain"]


@dataclass(frozen=True)
class Team:
    """A backend behind TLS, and a browser to which a person said yes to everything."""

    backend: RealBackend
    browser: Extended


@pytest.fixture(scope="module")
def team(
    tmp_path_factory: pytest.TempPathFactory, site: Site, unpaired: Extended
) -> Iterator[Team]:
    folder = tmp_path_factory.mktemp("team")
    settings = Settings(
        home=folder / "home", port=0, trusted_hosts=(TEAM,), keep_images=KeepImages.ALL
    )
    with backend_at(settings) as backend, behind_tls(backend.settings.port) as port:
        rules = f"MAP {TEAM} 127.0.0.1:{port}, MAP *.example 127.0.0.1:{site.port}"
        flags = [
            f"--host-resolver-rules={rules}",
            "--ignore-certificate-errors",
            "--window-size=700,900",
        ]
        # A window as it is: copies of the screen know nothing of a view that is only pretended.
        options = {"arguments": flags, "no_viewport": True, "beside": unpaired}
        unpacked = unpack(folder / "extension", grants=("<all_urls>",))
        with extended(unpacked, folder / "profile", site.port, **options) as browser:
            yield Team(backend, browser)


def test_a_teams_server_is_paired_over_https(team: Team, site: Site) -> None:
    """Away from this machine plain http is refused in words; over https pairing and checks work."""
    page = team.browser.open(team.browser.page_url("options"))
    page.get_by_text("Another address or a team’s server").click()
    page.locator("#base").fill(f"http://{TEAM}")
    page.locator("#code").fill(team.backend.pairing_code())
    page.locator("#pair").click()
    page.locator("#news").get_by_text("Only https, away from this machine").wait_for()
    page.locator("#base").fill(TEAM)
    page.locator("#pair").click()
    page.get_by_text(f"Paired with https://{TEAM}").wait_for()
    page.get_by_text("All is well").wait_for()
    source = site.put(f"{CDN}/team.png", File(encode(draw(400, 300, 150), "PNG"), "image/png"))
    page = team.browser.open(site.page(f"<img src={source}>", "/team"))
    team.browser.menu(page, mediaType="image", srcUrl=source)
    assert "400 × 300" in team.browser.card(page).verdict().text
    sent = team.browser.open(team.browser.page_url("options"))
    sent.locator("#sent").get_by_text(f"https://{TEAM}").first.wait_for()


def test_a_copy_of_the_screen_is_the_last_resort(team: Team, site: Site) -> None:
    """It shows the picture alone, nothing of ours, and is marked as a copy above all else."""
    drawn = draw(400, 300, 151)
    source = site.put(f"{CDN}/seen.png", File(encode(drawn, "PNG"), "image/png"))
    body = (
        "<style>body{margin:40px}canvas{display:block}</style><canvas id=a width=400 height=300>"
        "</canvas>"
        f"<img id=b src={source} style='position: absolute; left: 40px; top: 400px'>"
        f"<script>const i = new Image(); i.src = '{source}'; i.onload = () => {{"
        "document.querySelector('#a').getContext('2d').drawImage(i, 0, 0);"
        "document.title = 'drawn'; }</script>"
    )
    browser = team.browser
    page = browser.open(site.page(body, "/seen"))
    page.wait_for_function("document.title === 'drawn'")
    cover = {"settings": {"cover": "blur", "coverOutcomes": COVERED}}
    browser.worker.evaluate("(cover) => chrome.storage.local.set(cover)", cover)
    switch(browser, page)
    seen = badges(browser, page)
    seen.until(lambda: len(seen.all("cover")) == 1, "the picture's cover")
    page.hover("#a")
    browser.menu(page)
    card = browser.card(page).problem()
    over = card.box(".card")
    assert over["x"] < 440, "the card lies over the picture"
    assert over["y"] < 340, "the card lies over the picture"
    card.press("screenCopy")
    card.until(lambda: card.phase == "verdict", "the copy's verdict")
    lines = [line for line in card.text.splitlines() if line]
    assert lines[3].startswith("This is a copy of the screen, not the original file")
    assert "no marks of its origin" not in card.text, "a copy carries none, whatever it shows"
    assert "Scored at 400 × 300 (PNG" in card.text
    record = team.backend.records()[0]
    kept = team.backend.settings.images_path
    copy = next(p for p in kept.rglob("*") if p.name == record.image.sha256).read_bytes()
    pixels = np.asarray(Image.open(io.BytesIO(copy)).convert("RGB"), dtype=np.int16)
    difference = np.abs(pixels - np.asarray(drawn, dtype=np.int16))
    assert difference.max() <= 2, "nothing of ours is in the copy"
    everything_off(browser)
