"""Signing in for real: a browser, a provider that speaks OpenID Connect, the roles behind it."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import expect

from backend.cli.processes import Troupe, claim_port
from backend.cli.streamlit_program import dashboard_program, dashboard_url
from tests.dashboard.browser import chromium
from tests.dashboard.conftest import serving
from tests.dashboard.provider import provider

pytestmark = pytest.mark.browser

WAIT_MS = 30_000


def test_people_sign_in_with_their_provider_and_have_their_role(tmp_path: Path) -> None:
    """A curator signs in through the provider, gets the curator's pages, and signs out."""
    port = claim_port("127.0.0.1", 0, "-")
    login = tmp_path / "login.toml"
    with (
        provider() as vouching,
        serving(tmp_path / "home", login=login, dashboard_port=port) as real,
        chromium() as browser,
    ):
        address = f"http://localhost:{port}"
        vouching.email = "Bob@example.org"
        login.write_text(vouching.login_file(address, {"bob@example.org": "curator"}))
        settings = replace(real.settings, dashboard_port=port)
        troupe = Troupe([dashboard_program(settings)])
        try:
            troupe.start()
            troupe.wait_until_ready(threading.Event())
            assert dashboard_url(settings).endswith(str(port))
            page = browser.new_page()
            page.goto(f"{address}/queue")
            page.get_by_role("button", name="Sign in").click(timeout=WAIT_MS)
            expect(page.get_by_text(re.compile("bob@.example.org"))).to_be_visible(timeout=WAIT_MS)
            menu = page.get_by_test_id("stSidebarNav")
            expect(menu.get_by_role("link", name="Queue")).to_be_visible(timeout=WAIT_MS)
            expect(menu.get_by_role("link", name="Export")).to_have_count(0)
            page.get_by_role("button", name="Sign out").click()
            expect(page.get_by_role("button", name="Sign in")).to_be_visible(timeout=WAIT_MS)
        finally:
            troupe.stop()
