"""Exports over HTTP: made, followed, fetched in pieces, removed."""

from __future__ import annotations

import io
import json
import os
import threading
import time
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from backend.api.build import exports_of
from backend.domain import utc_now
from backend.exporting.desk import ExportDesk
from backend.exporting.request import ExportRequest
from backend.settings import KeepImages, Settings
from backend.storage.images import ImageStore
from tests.api.harness import API, Wired, problem
from tests.exporting.homes import drawn


@pytest.fixture
def stocked(wired_with: Callable[..., Wired]) -> Wired:
    """An app with six reviewed pictures of two sites and one that nobody reviewed."""
    wired = wired_with(keep_images=KeepImages.ALL, keep_addresses=True)
    headers = wired.token()
    for number in range(7):
        site = f"https://{'one' if number < 4 else 'two'}.example/page"
        record = wired.check(headers, drawn(number), page_url=site).json
        if number < 6:
            label = "ai_generated" if number % 2 else "human_made"
            path = f"{API}/predictions/{record['id']}/reviews"
            assert (
                wired.client.post(path, json={"label": label}, headers=headers).status_code == 201
            )
    return wired


def post(wired: Wired, headers: dict[str, str], body: dict[str, Any]) -> TestResponse:
    """Ask for an export and read its whole answer."""
    return wired.client.post(f"{API}/exports", json=body, headers=headers, buffered=True)


def fetch(wired: Wired, address: str, headers: dict[str, str]) -> TestResponse:
    """Fetch a file, all of it."""
    return wired.client.get(address, headers=headers, buffered=True)


def until_done(wired: Wired, headers: dict[str, str], export_id: str) -> dict[str, Any]:
    for _ in range(600):
        found: dict[str, Any] = wired.client.get(f"{API}/exports/{export_id}", headers=headers).json
        if found["state"] != "running":
            return found
        time.sleep(0.02)
    raise AssertionError("the export does not end")


def test_a_zip_is_answered(stocked: Wired) -> None:
    """`POST /exports` answers the zip of the filter, and its file can be fetched again."""
    headers = stocked.token()
    split = {"val": 0, "test": 0.2}
    answer = post(
        stocked, headers, {"filter": {"site": "one.example"}, "format": "csv", "split": split}
    )
    assert answer.status_code == 200, answer.data
    assert answer.mimetype == "application/zip"
    assert answer.headers["Cache-Control"] == "no-store"
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert json.loads(archive.read("export.json"))["examples"] == 4
        assert archive.read("manifest.csv").count(b"one.example") == 4
    again = fetch(stocked, answer.headers["Content-Location"], headers)
    assert again.data == answer.data


def test_a_download_that_broke_off_goes_on(stocked: Wired) -> None:
    """With Range and If-Range the rest of the file comes; for another file the whole does."""
    headers = stocked.token()
    answer = post(stocked, headers, {})
    address, etag = answer.headers["Content-Location"], answer.headers["ETag"]
    ranged = {**headers, "Range": "bytes=1000-", "If-Range": etag}
    rest = fetch(stocked, address, ranged)
    assert rest.status_code == 206
    assert answer.data[:1000] + rest.data == answer.data
    other = fetch(stocked, address, {**ranged, "If-Range": '"other"'})
    assert (other.status_code, other.data) == (200, answer.data)
    beyond = fetch(stocked, address, {**headers, "Range": "bytes=99999999-"})
    problem(beyond, 416, "malformed")


def test_an_export_is_followed_in_the_background(stocked: Wired) -> None:
    """A started export is listed, reports what it holds when done, and its file can be removed."""
    headers = stocked.token()
    begun = stocked.client.post(f"{API}/exports/start", json={}, headers=headers)
    assert begun.status_code == 202
    done = until_done(stocked, headers, begun.json["id"])
    assert done["state"] == "done"
    assert done["result"]["examples"] == 6
    assert done["result"]["left_out"]["unreviewed"] == 1
    assert done["actor"].startswith("tester")
    listed = stocked.client.get(f"{API}/exports", headers=headers).json["exports"]
    assert [e["id"] for e in listed] == [done["id"]]
    file = fetch(stocked, done["file"], headers)
    assert file.headers["ETag"] == f'"{done["result"]["sha256"]}"'
    one = f"{API}/exports/{done['id']}"
    assert stocked.client.delete(one, headers=headers).status_code == 204
    assert stocked.client.get(one, headers=headers).json["file"] is None
    problem(stocked.client.get(f"{one}/file", headers=headers), 404, "not_found")


def test_what_cannot_be_exported_is_said(stocked: Wired) -> None:
    """An empty export, wrong shares, formats and filters are refused with their code."""
    headers = stocked.token()

    def ask(body: dict[str, Any]) -> Any:
        return post(stocked, headers, body)

    problem(ask({"filter": {"site": "nowhere"}}), 409, "nothing_to_export")
    problem(ask({"split": {"train": 0.9, "val": 0.9}}), 400, "malformed")
    problem(ask({"format": "parquet"}), 400, "malformed")
    problem(ask({"filter": {"sight": "one.example"}}), 400, "unknown_field")
    problem(ask({"filter": {"limit": 3}}), 400, "unknown_field")
    begun = stocked.client.post(
        f"{API}/exports/start", json={"filter": {"site": "nowhere"}}, headers=headers
    )
    failed = until_done(stocked, headers, begun.json["id"])
    assert failed["state"] == "failed"
    assert "nothing to export" in failed["detail"]
    problem(stocked.client.get(f"{API}/exports/nope", headers=headers), 404, "not_found")


def test_the_preview_counts_by_label(stocked: Wired) -> None:
    """A preview says how many predictions match and how many of them have which label."""
    headers = stocked.token()
    counted = stocked.client.post(f"{API}/exports/preview", json={}, headers=headers).json
    assert counted == {
        "matching": 7,
        "ai_generated": 3,
        "human_made": 3,
        "cannot_tell": 0,
        "unreviewed": 1,
    }
    one = {"filter": {"site": "one.example", "label": "ai_generated"}}
    counted = stocked.client.post(f"{API}/exports/preview", json=one, headers=headers).json
    assert (counted["matching"], counted["ai_generated"], counted["human_made"]) == (2, 2, 0)


def test_exports_wait_for_their_turn(stocked: Wired, monkeypatch: pytest.MonkeyPatch) -> None:
    """One export is made at a time; those behind it say that they wait, and a fifth is refused."""
    headers = stocked.token()
    go_on = threading.Event()
    real = ImageStore.get

    def slow(self: ImageStore, sha256: str) -> bytes | None:
        go_on.wait(20)
        return real(self, sha256)

    monkeypatch.setattr(ImageStore, "get", slow)
    start = f"{API}/exports/start"
    begun = [stocked.client.post(start, json={}, headers=headers).json for _ in range(5)]
    problem(stocked.client.post(start, json={}, headers=headers), 409, "conflict")
    first, *_, last = [f"{API}/exports/{each['id']}" for each in begun]
    assert stocked.client.get(last, headers=headers).json["detail"] == "waiting for its turn"
    problem(stocked.client.get(f"{first}/file", headers=headers), 409, "conflict")
    go_on.set()
    for each in begun:
        assert until_done(stocked, headers, each["id"])["state"] == "done"


def test_a_backend_that_ends_stops_its_export(
    stocked: Wired, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closing stops an export and clears up; one cut off by a kill is told of at the next start."""
    headers = stocked.token()
    desk: ExportDesk = exports_of(stocked.app)
    go_on = threading.Event()
    real = ImageStore.get

    def slow(self: ImageStore, sha256: str) -> bytes | None:
        go_on.wait(20)
        return real(self, sha256)

    monkeypatch.setattr(ImageStore, "get", slow)
    begun = stocked.client.post(f"{API}/exports/start", json={}, headers=headers).json
    threading.Timer(0.1, go_on.set).start()
    desk.close()
    stopped = desk.shelf.get(begun["id"])
    assert stopped.state == "failed"
    assert "make it again" in stopped.detail
    assert list((settings.home / "exports").iterdir()) == []
    cut_off = desk.shelf.begin(ExportRequest(), "tester")
    desk.shelf.recover()
    assert desk.shelf.get(cut_off.id).state == "failed"


def test_files_go_after_a_week(stocked: Wired, settings: Settings) -> None:
    """A file older than seven days is removed, a younger one stays, and the history has both."""
    headers = stocked.token()
    for _ in range(2):
        assert post(stocked, headers, {}).status_code == 200
    shelf = exports_of(stocked.app).shelf
    old, young = sorted((settings.home / "exports").glob("*.zip"))
    past = (utc_now() - timedelta(days=8)).timestamp()
    os.utime(old, (past, past))
    assert shelf.tidy() == 1
    assert [Path(p).name for p in (settings.home / "exports").iterdir()] == [young.name]
    assert len(shelf.history()) == 2
