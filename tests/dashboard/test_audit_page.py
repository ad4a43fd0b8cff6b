"""The Audit trail page, run by Streamlit's own harness against a real backend."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from backend.domain import AuditEvent, new_id, utc_now
from backend.settings import KeepImages
from backend.storage import open_repository
from backend.storage.repository import PredictionFilter
from tests.dashboard.conftest import RealBackend, serving
from tests.dashboard.harness import open_page, text
from tests.records import review


def test_who_decided_what_is_listed_in_pages(
    filled_home: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reviews and events stand in one table, newest first, with a way to what is older."""
    with serving(filled_home(24), keep_images=KeepImages.ALL) as real:
        repository = open_repository(real.settings)
        record = repository.list_predictions(PredictionFilter()).records[0]
        for number in range(99):
            repository.append_review(review(number, record))
        event = AuditEvent(new_id(), utc_now(), "=cmd|calc", "policy.publish", "<b>1</b>: 0.2..0.8")
        repository.append_event(event)
        repository.close()
        page = open_page(real.environment, monkeypatch, "audit")
        rows = page.dataframe[0].value
        assert len(rows) == 100
        published = rows[rows["What"] == "published thresholds"].iloc[0]
        assert (published["Who"], published["Detail"]) == ("=cmd|calc", "<b>1</b>: 0.2..0.8")
        said = rows[rows["What"] == "reviewed"].iloc[0]
        assert said["Detail"] == "human-made: brush strokes cross the seam"
        assert said["Record"] == f"gallery?id={record.id}"
        next(b for b in page.button if b.label == "Older").click().run()
        assert 1 <= len(page.dataframe[0].value) < 100
        next(b for b in page.button if b.label == "Newer").click().run()
        assert len(page.dataframe[0].value) == 100


def test_a_backend_that_is_down_is_told(
    backend: RealBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page whose data cannot be had says why, with a way to ask again."""
    page = open_page(backend.environment, monkeypatch, "audit")
    assert len(page.dataframe[0].value) == 1  # the dashboard's own token
    monkeypatch.setenv("BRUSHMARK_DASHBOARD_BACKEND", "http://127.0.0.1:1")
    page.run()
    assert "No backend answers" in text(page)
    assert [b.label for b in page.button] == ["Try again"]
