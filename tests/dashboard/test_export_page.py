"""The Export page: what is on the screen becomes a data set, and every one made before is there."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from streamlit.testing.v1 import AppTest

from backend.settings import KeepImages
from dashboard.client import Client, Failure, Json, exports
from tests.dashboard.conftest import RealBackend, serving
from tests.dashboard.filling import picture
from tests.dashboard.harness import open_page, redraw, text

SHEET = {":orange[AI-generated]", ":blue[human-made]"}
"""What stands below the pictures of the contact sheet."""


@pytest.fixture(scope="module")
def reviewed(filled_home: Callable[[int], Path]) -> Iterator[RealBackend]:
    """A backend whose forty predictions are reviewed, but for ten; two that nobody can tell."""
    with serving(filled_home(40), keep_images=KeepImages.ALL, keep_addresses=True) as real:
        client = Client.from_env(real.environment)
        found = client.get("/predictions", limit=40)["predictions"]
        for number, record in enumerate(found[:30]):
            label = (
                "ai_generated" if record["probabilities"]["ai_generated"] > 0.5 else "human_made"
            )
            label = "cannot_tell" if number < 2 else label
            client.post(f"/predictions/{record['id']}/reviews", {"label": label, "note": ""})
        yield real


def until_made(page: AppTest) -> AppTest:
    for _ in range(200):
        if "The data set is made" in text(page) or page.error:
            return page
        time.sleep(0.05)
        page.run()
    raise AssertionError("the export does not end")


def test_the_filter_becomes_a_data_set(
    reviewed: RealBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counts follow the filter; what is made is just that, with its report, file and history."""
    page = open_page(reviewed.environment, monkeypatch, "export")
    counts = {m.label: int(m.value) for m in page.metric}
    assert counts["AI-generated"] + counts["Human-made"] == 28
    assert counts["Not reviewed: left out"] == 10
    assert counts["Cannot tell: left out"] == 2
    sheet = [c.value for c in page.caption if c.value in SHEET]
    assert len(sheet) == 14
    assert set(sheet) == SHEET
    page.text_input(key="export-site").set_value("forum.example").run()
    narrowed = {m.label: int(m.value) for m in page.metric}
    wanted = narrowed["AI-generated"] + narrowed["Human-made"]
    assert 0 < wanted < 28
    page.button_group(key="form").set_value("csv").run()
    assert "without pictures" in text(page)
    page.selectbox(key="split").set_value("60 / 20 / 20").run()
    page.button(key="make").click().run()
    words = text(until_made(page))
    assert f"{wanted} pictures in" in words
    assert "Leakage report" in words
    client = Client.from_env(reviewed.environment)
    (made,) = exports.listed(client)
    assert made["request"]["filter"] == {"site": "forum.example"}
    assert (made["request"]["format"], made["request"]["split"]["val"]) == ("csv", 0.2)
    with zipfile.ZipFile(io.BytesIO(exports.zipped(client, made))) as archive:
        assert archive.read("manifest.csv").count(b"forum.example") == wanted
    assert len(page.get("download_button")) == 2  # of the fresh one, and in the history
    assert "forum.example" in page.expander[0].label.replace("\\", "")
    page.button(key="remove-made").click().run()
    assert "The file is not here any more" in text(page)
    assert len(page.get("download_button")) == 0


def test_the_link_is_the_filter(reviewed: RealBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link with conditions opens the page with them; one that is broken says so."""
    page = open_page(
        reviewed.environment, monkeypatch, "export", label="human_made", since="2000-01-01"
    )
    assert page.selectbox(key="export-label").value == "human_made"
    assert {m.label: m.value for m in page.metric}["AI-generated"] == "0"
    page = open_page(reviewed.environment, monkeypatch, "export", label="banana")
    assert "cannot be followed" in text(page)


def test_empty_pages_teach(
    reviewed: RealBackend, backend: RealBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without predictions, without a match and without a review the page says what to do next."""
    assert "Nothing to export yet" in text(open_page(backend.environment, monkeypatch, "export"))
    page = open_page(reviewed.environment, monkeypatch, "export", site="nowhere.example")
    assert "Nothing matches" in text(page)
    page.button(key="clear").click().run()
    assert "Not reviewed: left out" in {m.label for m in page.metric}
    page = open_page(reviewed.environment, monkeypatch, "export", reviewed="false")
    assert "Nobody has decided on these yet" in text(page)


def test_what_cannot_be_made_is_said(
    reviewed: RealBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An export that comes to nothing says why, here and in the history, and the page lives on."""
    page = open_page(reviewed.environment, monkeypatch, "export")
    page.button_group(key="form").set_value("imagefolder").run()

    def full(*_: object) -> bool:
        return True

    with monkeypatch.context() as patch:
        patch.setattr("backend.storage.failures._is_full", full)
        page.button(key="make").click().run()
        until_made(page)
    assert "no space left" in text(page)
    page.button(key="make").click().run()
    assert "The data set is made" in text(until_made(page))


def test_progress_that_does_not_come_is_told(
    reviewed: RealBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the backend stops while an export is followed the page says so, and goes on after."""
    is_up = True

    def one(*_: object) -> Json:
        if is_up:
            return {"state": "running", "progress": 0.5, "detail": "copying pictures"}
        raise Failure("No backend answers.", "Start it.", True)

    monkeypatch.setattr(exports, "one", one)
    page = open_page(reviewed.environment, monkeypatch, "export")
    page.session_state["export"] = "E"
    page.run()
    is_up = False
    page = redraw(page)
    assert "No backend answers." in text(page)
    is_up = True
    page.button(key="again-progress").click()
    page = redraw(page)
    assert "No backend answers." not in text(page)
    assert "It goes on when this page is closed" in text(page)


def test_markup_in_a_filter_is_text(reviewed: RealBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """A filter that was asked for with markup is shown letter by letter in the history."""
    secret = reviewed.settings.dashboard_token_path.read_text().strip()
    address = f"http://127.0.0.1:{reviewed.settings.port}/api/v1/exports/start"
    body = {"filter": {"q": "<b>**x**</b> https://evil.example"}}
    answer = requests.post(
        address, json=body, headers={"Authorization": f"Bearer {secret}"}, timeout=10
    )
    assert answer.status_code == 202
    time.sleep(0.3)
    page = open_page(reviewed.environment, monkeypatch, "export")
    assert r"\<b\>\*\*x\*\*\<\/b\>" in page.expander[0].label


def test_a_data_set_is_brought_in(backend: RealBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """A zip of folders is imported and told of, what was left out by name; a bad one is refused."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("ai/a.jpg", picture(1))
        archive.writestr("human/b.jpg", picture(2))
        archive.writestr("human/<b>c.jpg", b"no picture")
    page = open_page(backend.environment, monkeypatch, "export")
    page.file_uploader(key="zip").set_value([("set.zip", buffer.getvalue(), "application/zip")])
    page.run()
    page.button(key="import").click().run()
    words = text(page)
    assert "Imported 2 pictures and 2 labels (an image folder)." in words
    assert "Left out: 1" in [e.label for e in page.expander]
    assert "human/<b>c.jpg" in words
    assert {m.label: m.value for m in page.metric}["AI-generated"] == "1"
    page.file_uploader(key="zip").set_value([("bad.zip", b"no zip", "application/zip")])
    page.run()
    page.button(key="import").click().run()
    assert "The upload is no whole zip file" in text(page)
