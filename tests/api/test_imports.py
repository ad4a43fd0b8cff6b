"""Imports over HTTP: what went out comes back, bad files are refused, crashes are survived."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from backend.api.build import imports_of
from backend.domain import Job, utc_now
from backend.settings import Settings
from backend.storage.repository import PredictionFilter
from tests.api.harness import API, Wired, problem
from tests.exporting.homes import drawn, open_home, sha256


def exported(folder: Path) -> bytes:
    """Return an export of four pictures."""
    with open_home(folder / "other") as home:
        home.stock(4)
        home.export(folder / "export.zip")
    return (folder / "export.zip").read_bytes()


def test_an_export_is_imported(wired: Wired, settings: Settings, tmp_path: Path) -> None:
    """A zip that is posted is taken into the log, and its upload is gone."""
    headers, data = wired.token(), exported(tmp_path)
    path = f"{API}/imports"
    answer = wired.client.post(path, data=data, content_type="application/zip", headers=headers)
    assert answer.status_code == 201, answer.data
    assert (answer.json["state"], answer.json["result"]["records"]) == ("done", 4)
    assert wired.repository.count_predictions(PredictionFilter(reviewed=True)) == 4
    assert list((settings.home / "imports").iterdir()) == []
    listed = wired.client.get(path, headers=headers).json["imports"]
    assert [each["id"] for each in listed] == [answer.json["id"]]


def test_bad_uploads_are_refused(wired: Wired, settings: Settings, tmp_path: Path) -> None:
    """No zip, an empty body, half a zip and another type are refused, and nothing is left."""
    headers, data = wired.token(), exported(tmp_path)
    path = f"{API}/imports"

    for body in (b"no zip", b"", data[: len(data) // 2]):
        answer = wired.client.post(path, data=body, content_type="application/zip", headers=headers)
        detail = problem(answer, 400, "malformed")["detail"]
        assert detail.startswith("The upload is no whole zip") == bool(body)
    answer = wired.client.post(path, data=data, content_type="text/plain", headers=headers)
    problem(answer, 415, "unsupported_type")
    assert wired.logged() == 0
    assert list((settings.home / "imports").iterdir()) == []


def test_an_uploaded_folder_has_no_name_of_its_own(wired: Wired, tmp_path: Path) -> None:
    """Where nothing says otherwise, the source of an upload's pictures is the import."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("ai/a.jpg", drawn(1))
        archive.writestr("human/museum/b.jpg", drawn(2))
    answer = wired.client.post(
        f"{API}/imports",
        data=buffer.getvalue(),
        content_type="application/zip",
        headers=wired.token(),
    )
    assert answer.status_code == 201
    credits = wired.repository.credits_of([sha256(drawn(1)), sha256(drawn(2))])
    assert {credit.source for credit in credits.values()} == {"import", "museum"}


def test_an_upload_that_was_cut_off_goes_on(
    wired: Wired, settings: Settings, tmp_path: Path
) -> None:
    """After a crash a new backend imports what had arrived, and says what had not."""
    (settings.home / "imports").mkdir(parents=True)
    arrived = Job("A" * 26, utc_now(), "import", "running", options={"actor": "tester"})
    missing = Job("B" * 26, utc_now(), "import", "running", options={"actor": "tester"})
    (settings.home / "imports" / f"{arrived.id}.zip").write_bytes(exported(tmp_path))
    (settings.home / "imports" / "torn.zip").write_bytes(b"half")
    for job in (arrived, missing):
        wired.repository.save_job(job)
    desk = imports_of(wired.app)
    desk.recover()
    assert desk._thread is not None
    desk._thread.join(timeout=30)
    states = {job.id: job.state for job in desk.history()}
    assert states == {arrived.id: "done", missing.id: "failed"}
    assert wired.logged() == 4
    assert list((settings.home / "imports").iterdir()) == []
