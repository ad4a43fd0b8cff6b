"""The page to browse the API, in a real browser under its own content policy."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend.settings import Settings
from backend.storage.tinydb_repository import TinyDBRepository
from tests.api.live import live
from tests.dashboard.browser import chromium
from tests.pictures import jpeg


@pytest.mark.browser
def test_the_page_draws_the_document_and_tries_a_check(
    settings: Settings, repository: TinyDBRepository, tmp_path: Path
) -> None:
    """All operations are drawn, a picture is checked from the page, and nothing is blocked."""
    picture = tmp_path / "a.jpg"
    picture.write_bytes(jpeg())
    complaints: list[str] = []
    asked: list[str] = []
    with live(settings, repository) as server, chromium() as browser:
        page = browser.new_page()
        page.on("console", lambda message: complaints.append(message.text)
                if message.type in {"error", "warning"} else None)  # fmt: skip
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        here = f"http://127.0.0.1:{server.port}"
        page.goto(f"{here}/api/v1/docs#op-check")
        page.wait_for_selector("#op-check[open]")
        paths = page.request.get(f"{here}/api/v1/openapi.json").json()["paths"]
        operations = sum(len(methods) for methods in paths.values())
        assert page.locator("details.operation").count() == operations > 20
        page.fill("#token", server.token)
        page.set_input_files("#op-check input[type=file]", str(picture))
        page.click("#op-check button")
        page.wait_for_selector("#op-check pre")
        assert '"outcome": "uncertain"' in page.inner_text("#op-check pre")
    assert complaints == []
    assert all(url.startswith((here, "data:")) for url in asked)
