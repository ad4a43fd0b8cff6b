"""The zip for Firefox, installed in a real Firefox: pairing, a file, a scanned page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.extension.conftest import RealBackend
from tests.extension.firefox import PROGRAM, firefox
from tests.extension.package import build
from tests.extension.site import File, Site
from tests.pictures import jpeg

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(PROGRAM is None, reason="no Firefox here: apt-get install firefox-esr"),
]


def test_the_zip_works_in_firefox(backend: RealBackend, site: Site, tmp_path: Path) -> None:
    """Installed from the zip, it pairs, judges a file in the popup, and scans a page."""
    port = site.port
    site.put("http://cdn.example/fox.jpg", File(jpeg(400, 300, seed=130), "image/jpeg"))
    site.page(f"<img alt='A fox' src=http://pages.example:{port}/fox.jpg>", "/fox")
    site.put("http://pages.example/fox.jpg", File(jpeg(400, 300, seed=130), "image/jpeg"))
    chosen = tmp_path / "chosen.jpg"
    chosen.write_bytes(jpeg(512, 384, seed=131))
    with firefox(tmp_path / "profile") as browser:
        archive = {"type": "archivePath", "path": str(build("firefox", tmp_path / "zip"))}
        browser("webExtension.install", extensionData=archive)
        options = browser.until(
            lambda: [c for c, url in browser.tabs().items() if url.endswith("options.html")],
            "the settings, which open by themselves",
        )[0]
        browser.until_text(options, "Not paired yet")
        ready = "document.body.dataset.ready === ''"  # until then news may move the button away
        browser.until(lambda: browser.evaluate(options, ready), "the settings to be done looking")
        values = {"base": backend.base, "code": backend.pairing_code()}
        browser.evaluate(
            options,
            f"Object.entries({json.dumps(values)}).forEach(([id, value]) => "
            "{ document.getElementById(id).value = value; })",
        )
        browser.click(options, "#pair")
        browser.until_text(options, "All is well")
        page = browser.open(f"http://pages.example:{port}/fox")
        popup_url = browser.tabs()[options].replace("options.html", "popup.html")
        tab = browser.evaluate(options, "chrome.tabs.query({}).then((all) => all.at(-1).id)")
        # From within: extensions' pages are no addresses that automation may go to.
        browser.evaluate(options, f"void location.assign({json.dumps(f'{popup_url}?tab={tab}')})")
        browser.until(lambda: browser.tabs()[options].startswith(popup_url), "the popup")
        browser.until_text(options, "Check a file")
        browser.set_files(options, "#file", chosen)
        browser.until(
            lambda: (
                browser.evaluate(
                    options, "document.querySelector('#card').shadowRoot?.textContent"
                ).find("512 × 384")
                >= 0
            ),
            "the file's verdict",
        )
        browser.click(options, "#on-all")
        browser("browsingContext.activate", context=page)
        browser.until_text(options, "A fox")
        assert browser.evaluate(page, "document.querySelectorAll('brushmark-host').length") == 1
        browser.click(options, "#pause")
        browser.until(
            lambda: not browser.evaluate(page, "document.querySelector('brushmark-host') !== null"),
            "the badges gone",
        )
