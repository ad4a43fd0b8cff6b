"""Run a page of the dashboard by Streamlit's own harness."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

APP = str(Path(__file__).parents[2] / "dashboard" / "app.py")


def open_page(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, address: str = "", **query: str
) -> AppTest:
    """Open the page at an address (empty: the Check page), with what stands in its link."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    page = AppTest.from_file(APP, default_timeout=30)
    page._page_hash = calc_hash(address)  # `switch_page` knows file-based pages alone
    for name, value in query.items():
        page.query_params[name] = value
    return page.run()


def go(page: AppTest, address: str) -> AppTest:
    """Follow the menu to another page."""
    page._page_hash = calc_hash(address)
    page.query_params.clear()
    return page.run()


def redraw(page: AppTest) -> AppTest:
    """Run the page's fragment alone, as Streamlit does for a click in it; the rest is left out.

    AppTest runs whole pages, where what a fragment does not catch may still be caught around it.
    """
    (fragment,) = page._fragment_storage._fragments
    alone = partial(RerunData, fragment_id_queue=[fragment])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("streamlit.testing.v1.local_script_runner.RerunData", alone)
        return page.run()


def text(page: AppTest) -> str:
    """All words on the page, escapes taken off; an exception on it fails the test."""
    assert not page.exception
    kinds = (page.title, page.header, page.subheader, page.markdown, page.caption)
    more = (page.error, page.warning, page.info, page.success)
    words = "\n".join(e.value for kind in (*kinds, *more) for e in kind)
    return words.replace("\\", "").replace("\u2060", "").replace("\u00a0", " ")
