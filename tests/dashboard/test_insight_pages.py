"""The pages Quality and Activity, run by Streamlit's own harness against a real backend."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from streamlit.testing.v1 import AppTest

from backend.access import create_token
from backend.domain import ModelRef, Scope
from backend.settings import KeepImages
from backend.storage import open_repository
from backend.storage.images import ImageStore
from dashboard.client import Client, reviews
from dashboard.gathering import gatherer
from tests.dashboard.busy import fill
from tests.dashboard.conftest import RealBackend, serving
from tests.dashboard.harness import open_page, text
from tests.fakes import FakeJudge


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealBackend]:
    """A backend with the log of a busy team, for the whole module."""
    home = tmp_path_factory.mktemp("busy") / "home"
    fill(home, 1200, 300, ModelRef("fake-1", FakeJudge().ref.sha256))
    with serving(home, keep_addresses=True) as real:
        yield real


def figures(page: AppTest) -> list[dict[str, Any]]:
    """The Plotly figures on the page, as the browser gets them."""
    return [json.loads(chart.proto.spec) for chart in page.get("plotly_chart")]


def links(page: AppTest) -> dict[str, str]:
    """The page's links to other pages: text to address with its query."""
    return {e.proto.label: f"{e.proto.page}?{e.proto.query_string}" for e in page.get("page_link")}


def test_quality_without_reviews_teaches(
    backend: RealBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before any review the page says what it will show, and leads to the queue."""
    page = open_page(backend.environment, monkeypatch, "quality")
    assert "No reviews yet" in text(page)
    assert "Review a few pictures first" in text(page)
    assert "Go to the queue" in links(page)
    page = open_page(backend.environment, monkeypatch, "quality", sample="Random audit")
    assert "Nothing of the random audit is reviewed yet" in text(page)


def test_quality_shows_rates_with_intervals(
    busy: RealBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The headline has four rates with what they are of; the matrix leads to its pictures."""
    page = open_page(busy.environment, monkeypatch, "quality")
    assert [m.label for m in page.metric] == [
        "Falsely accused",
        "AI found",
        "Right on AI",
        "Decided",
    ]
    words = text(page)
    assert "Queues pick what is hard" in words
    assert " % to " in words
    confusion, groups = figures(page)
    counted = sum(int(t.split("</b>")[0].removeprefix("<b>")) for t in confusion["data"][0]["text"])
    assert counted > 250
    assert [trace["name"] for trace in groups["data"]] == [
        "people's work called AI",
        "AI called people's work",
    ]
    (label, address) = next(iter(links(page).items()))
    assert label.startswith("Open ")
    assert label.endswith("human-made, called AI")
    assert address == "gallery?outcome=ai_generated&label=human_made"
    page = open_page(
        busy.environment, monkeypatch, "quality", sample="Random audit", source="page-scan"
    )
    address = next(a for label, a in links(page).items() if label.startswith("Open "))
    assert address.startswith("gallery?audit=true&source=page-scan&outcome=")
    page.selectbox(key="by").set_value("size").run()
    assert any("px" in name for name in figures(page)[1]["layout"]["yaxis"]["ticktext"])
    page.selectbox(key="by").set_value("evidence").run()
    named = figures(page)[1]["layout"]["yaxis"]["ticktext"]
    assert any(name.startswith("Content Credentials, verified") for name in named)


def test_few_reviews_are_said_to_be_few(busy: RealBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the small random audit the page says that intervals are wide, and what would help."""
    page = open_page(busy.environment, monkeypatch, "quality", sample="Random audit", source="api")
    words = text(page)
    assert "Reviewed of what was drawn at random" in words
    assert "Few reviews so far" in words


@pytest.mark.parametrize(
    ("part", "charts", "says"),
    [
        ("Scores", 4, "Area under the ROC curve"),
        ("Reviewers", 0, "Do reviewers agree?"),
        ("Models", 1, "versions that saw different pictures"),
    ],
)
def test_each_part_of_quality(
    busy: RealBackend, monkeypatch: pytest.MonkeyPatch, part: str, charts: int, says: str
) -> None:
    """A part is in the page's link, and shows its figures."""
    page = open_page(busy.environment, monkeypatch, "quality", part=part)
    assert says in text(page)
    assert len(page.get("plotly_chart")) == charts
    if part == "Reviewers":
        assert "Fleiss’ kappa" in [m.label for m in page.metric]
        assert any(address.startswith("gallery?q=") for address in links(page).values())


def test_a_deleted_picture_is_shown_for_five_minutes_at_most(
    filled_home: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside doubtful labels, as elsewhere, a picture that went is not kept for longer here."""
    with serving(filled_home(40), keep_images=KeepImages.ALL) as real:
        label_all_but_one_rightly(Client.from_env(real.environment))
        page = open_page(real.environment, monkeypatch, "quality", part="Reviewers")
        assert "labelled **human-made**" in text(page)
        assert page.image
        images = ImageStore(real.settings.images_path)
        for digest in list(images.hashes()):
            images.delete(digest)
        later = time.monotonic() + 301
        monkeypatch.setattr(gatherer(), "_clock", lambda: later)
        page.run()
        assert "labelled **human-made**" in text(page)
        assert not page.image


def label_all_but_one_rightly(client: Client) -> None:
    found = client.get("/predictions", sort="-score", limit=40)["predictions"]
    for number, record in enumerate(found):
        is_ai = number > 0 and record["probabilities"]["ai_generated"] > 0.5
        label = "ai_generated" if is_ai else "human_made"
        reviews.submit(client, record["id"], label, "", reviews.UNSEEN)


def test_thresholds_are_tried_and_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Moving a handle says what would change; publishing puts the next policy in force."""
    fill(tmp_path / "home", 400, 120, ModelRef("fake-1", FakeJudge().ref.sha256))
    with serving(tmp_path / "home") as backend:
        page = open_page(backend.environment, monkeypatch, "quality", part="Thresholds")
        before = text(page)
        assert "In force is policy 0" in before
        publish = page.button(key="publish")
        assert (publish.label, publish.disabled) == ("Publish as policy 1", True)
        page.slider[0].set_value((0.1, 0.95)).run()
        assert "logged verdicts would change" in text(page)
        assert any(m.delta for m in page.metric)
        page.text_input(key="why-0").set_value("Fewer false accusations").run()
        page.button(key="publish").click().run()
        assert "In force is policy 1 by local dashboard" in text(page)
        token = backend.settings.dashboard_token_path.read_text().strip()
        policy = requests.get(
            f"http://127.0.0.1:{backend.settings.port}/api/v1/policy",
            headers={"Authorization": f"Bearer {token}"},
            timeout=10,
        ).json()
        assert (policy["human_at_most"], policy["ai_at_least"]) == (0.1, 0.95)
        assert (policy["number"], policy["note"]) == (1, "Fewer false accusations")


def test_thresholds_are_tried_on_what_is_selected(
    busy: RealBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rates under thresholds are over the same pictures as the figures above them."""
    decided = []
    for query in ({}, {"source": "context-menu"}):
        page = open_page(busy.environment, monkeypatch, "quality", part="Thresholds", **query)
        rates = [re.findall(r"of (\d+)$", c.value) for c in page.caption]
        decided.append([int(found[0]) for found in rates if found])
    whole, narrow = decided
    assert len(whole) == len(narrow) == 8  # four rates above, four under the handles
    assert narrow[7] <= narrow[3] < whole[7] <= whole[3]


def test_publishing_is_for_administrators(
    busy: RealBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who may only read sees what thresholds would do, and no way to publish them."""
    repository = open_repository(busy.settings)
    secret, _ = create_token(repository, "reader", Scope.READ, "test")
    repository.close()
    (tmp_path / "token").write_text(secret)
    environment = {
        **busy.environment,
        "BRUSHMARK_DASHBOARD_TOKEN_FILE": str(tmp_path / "token"),
    }
    page = open_page(environment, monkeypatch, "quality", part="Thresholds")
    assert "needs the role of an administrator" in text(page)
    assert not [b for b in page.button if b.label.startswith("Publish")]


def test_activity_without_checks_teaches(
    backend: RealBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before any check the page says what it will show, and leads to the Check page."""
    page = open_page(backend.environment, monkeypatch, "activity")
    assert "No predictions yet" in text(page)
    assert "Check a picture" in links(page)


def test_activity_shows_days_health_and_drift(
    busy: RealBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page counts the span in its link, tells health and appeals, and compares with before."""
    page = open_page(busy.environment, monkeypatch, "activity", span="A week")
    words = text(page)
    assert "1,200 predictions in" in words
    assert "fake-1 on" in words
    assert [m.label for m in page.metric] == [
        "Checks",
        "Sites",
        "Time to a verdict",
        "Appeals waiting",
    ]
    drawn = figures(page)
    assert len(drawn[0]["data"][0]["x"]) == 7
    assert "queue?strategy=appealed" in links(page).values()
    assert links(page)["Answer the appeals"]
    drift = open_page(
        busy.environment, monkeypatch, "activity", span="A week", part="What has changed"
    )
    assert "against the 7 days before" in text(drift)
    assert len(figures(drift)) == 4
    # What has moved is named on both parts; the one leads to the other, not to itself.
    moved = "Pictures differ from before"
    assert ("It has moved" in text(drift)) == (moved in words) == (moved in text(drift))
    assert ("See *What has changed*" in words) == (moved in words)
    assert "See *What has changed*" not in text(drift)


@pytest.mark.parametrize("address", ["quality", "activity"])
def test_a_backend_that_is_down_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """Without a backend each page says so and offers to ask again."""
    (tmp_path / "token").write_text("bm_x\n")
    environment = {
        "BRUSHMARK_DASHBOARD_BACKEND": "http://127.0.0.1:1",
        "BRUSHMARK_DASHBOARD_TOKEN_FILE": str(tmp_path / "token"),
    }
    page = open_page(environment, monkeypatch, address)
    assert "No backend answers" in text(page)
    assert [b.label for b in page.button] == ["Try again"]
