"""A report to hand over: whole in itself, safe to open, and checked against its picture."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from backend.domain import (
    Context,
    Evidence,
    EvidenceStatus,
    Policy,
    PredictionRecord,
    new_id,
    utc_now,
)
from backend.errors import BadInput
from backend.imaging.provenance.ledger import shipped_ledger
from backend.judging import judge_bytes
from backend.model.judge import Scored
from backend.report.compose import compose
from backend.report.page import render
from backend.report.verify import Check, read_report, verify
from backend.settings import KeepImages, Settings
from tests.api.harness import API, Clock, Wired, problem, wire
from tests.dashboard.browser import chromium
from tests.fakes import FakeJudge
from tests.imaging.provenance.written import INFOTEXT, PROMPT, write
from tests.memory_repository import MemoryRepository
from tests.pictures import draw, encode, jpeg

PICTURE = write(texts={"parameters": INFOTEXT}, picture=draw())
PAYLOADS = (
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    "<img src=x onerror=alert(3)>",
    '"><svg onload=alert(4)>',
    "<!-- <script>",
    "javascript:alert(5)",
    "\u2028</style><style>*{display:none}",
)


def make_report(
    data: bytes = PICTURE, judge: FakeJudge | None = None, spoil: Evidence | None = None
) -> str:
    """Judge a picture and return its report; `spoil` puts a finding beside the others."""
    judge = judge or FakeJudge()
    judged = judge_bytes(data, judge, judge.policy)
    verdict = judged.verdict
    if spoil is not None:
        verdict = replace(verdict, evidence=(*verdict.evidence, spoil), summary=spoil.detail)
    record = PredictionRecord(
        new_id(), utc_now(), "tester", verdict, judged.facts, judged.model, 0,
        Context(page_url="https://secret.example/page", page_title="A secret title"), 1.0,
    )  # fmt: skip
    return compose(
        record,
        data=data,
        activation=judged.activation,
        review=None,
        judge=judge,
        policy=judge.policy,
    )


def checks(page: str, data: bytes = PICTURE, judge: FakeJudge | None = None) -> list[Check]:
    return verify(read_report(page.encode()), data, judge or FakeJudge(), shipped_ledger())


def test_it_says_what_matters_and_that_it_is_no_proof() -> None:
    """Outcome, probabilities, hash, evidence with prompt, model, limits, and what it is not."""
    page = make_report()
    for words in (
        "an opinion and no proof", "AI-generated", "AUTOMATIC1111", PROMPT, "fake-1",
        "How to check this report", "What this page cannot tell you", "heat-map",
        read_report(page.encode()).facts["record"]["image"]["sha256"],
    ):  # fmt: skip
        assert words in page
    for secret in ("tester", "secret.example", "A secret title"):
        assert secret not in page


def test_nothing_in_it_asks_a_network_or_runs() -> None:
    """Every source in the page is data within it; its policy forbids requests and scripts."""
    page = make_report()
    assert "default-src 'none'" in page
    assert re.findall(r'(?:src|href)="(?!data:)', page) == []
    assert "url(" not in page
    assert "@import" not in page
    assert re.findall(r"<script(?! type=\"application/json\")", page) == []


@pytest.mark.parametrize("payload", PAYLOADS)
def test_markup_in_foreign_text_stays_text(payload: str) -> None:
    """Whatever stands in a finding, a prompt or a sentence is shown and never becomes markup."""
    spoil = Evidence(payload, EvidenceStatus.DECLARED, None, payload, payload)
    page, clean = make_report(spoil=spoil), make_report()
    for element in ("<script", "<img", "<svg", "<style", "</style", "<!--", "onerror=alert"):
        if element != "onerror=alert":
            assert page.count(element) == clean.count(element), element
    assert read_report(page.encode()).facts["record"]["summary"] == payload


@pytest.mark.browser
def test_it_opens_offline_in_a_browser(tmp_path: Path) -> None:
    """Without a network the page shows its pictures, runs nothing and has no complaint."""
    path = tmp_path / "report.html"
    spoil = Evidence("camera", EvidenceStatus.DECLARED, None, " ".join(PAYLOADS), PAYLOADS[1])
    path.write_text(make_report(spoil=spoil), encoding="utf-8")
    with chromium() as browser:
        context = browser.new_context(offline=True)
        page = context.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.on("request", lambda request: complaints.append(request.url))
        page.goto(path.as_uri())
        widths = page.eval_on_selector_all("img", "all => all.map(i => i.naturalWidth)")
        shown = page.inner_text("#evidence")
        context.close()
    assert len(widths) == 2
    assert all(widths)
    assert PAYLOADS[0] in shown
    assert [c for c in complaints if not c.startswith(("data:", path.as_uri()))] == []


def test_an_honest_report_holds() -> None:
    """Wording, hash, picture, heat map, evidence, card, thresholds and verdict: all hold."""
    found = checks(make_report())
    assert len(found) == 8
    assert all(check.holds for check in found), found


def test_a_report_on_an_unscored_picture_holds() -> None:
    """A picture that the model did not judge has a report without heat map, which holds too."""
    data = encode(draw(60, 60), "PNG")
    found = checks(make_report(data), data)
    assert len(found) == 7
    assert all(check.holds for check in found), found


def test_another_picture_is_told_at_once() -> None:
    """Against a copy saved anew the hash fails, and nothing more is said."""
    failed = [check for check in checks(make_report(), jpeg()) if not check.holds]
    assert len(failed) == 1
    assert "another file" in failed[0].words


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("This is an opinion and no proof.", "This is proof.", "was changed"),
        ('outcome ai_generated">AI-generated', 'outcome human_made">Human-made', "was changed"),
        ('"outcome":"ai_generated"', '"outcome":"human_made"', "verdict is another"),
        ('"ai_generated":0.', '"ai_generated":0.9', "verdict is another"),
        ('"status":"declared"', '"status":"verified"', "something else of itself"),
        ("AUTOMATIC1111 Stable", "Somebody's Stable", "something else of itself"),
    ],
)
def test_a_changed_report_fails(old: str, new: str, words: str) -> None:
    """A change of the page, of its data, or of both, is found out and named."""
    page = make_report()
    assert old in page
    found = checks(page.replace(old, new))
    assert any(words in check.words for check in found if not check.holds), found


def test_changing_page_and_data_alike_does_not_help() -> None:
    """A forger who draws the whole page anew from false data fails at the verdict."""

    def turn(facts: dict[str, Any]) -> None:
        facts["record"]["outcome"] = "human_made"

    forged = _redrawn(make_report(), turn)
    failed = [check.words for check in checks(forged) if not check.holds]
    assert len(failed) == 1
    assert "another" in failed[0]


def _redrawn(page: str, change: Callable[[dict[str, Any]], None]) -> str:
    """Return the page drawn anew from its data after a change."""
    report = read_report(page.encode())
    change(report.facts)
    return render(report.facts, report.preview, report.heat_map)


def _accuse(facts: dict[str, Any]) -> None:
    score = facts["record"]["probabilities"]["ai_generated"]
    facts["thresholds"] = {"human_at_most": 0.01, "ai_at_least": score / 2}
    facts["record"]["outcome"] = "ai_generated"


def _prove(facts: dict[str, Any]) -> None:
    facts["record"]["summary"] = "Proven to be AI-generated."


def _round_up(facts: dict[str, Any]) -> None:
    summary = facts["record"]["summary"]
    facts["record"]["summary"] = re.sub(r"\d+ %", "over 99 %", summary)


def _both_certain(facts: dict[str, Any]) -> None:
    facts["record"]["probabilities"]["human_made"] = 0.99


def _larger(facts: dict[str, Any]) -> None:
    facts["record"]["image"]["width"] = 9000


def _put_words(facts: dict[str, Any]) -> None:
    facts["record"]["evidence"][0]["prompt"] = "in the style of somebody who did not consent"


def _never_wrong(facts: dict[str, Any]) -> None:
    facts["card"]["limits"] = ["It is never wrong."]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_accuse, "thresholds"),
        (_prove, "sentence is another"),
        (_round_up, "sentence is another"),
        (_put_words, "something else of itself"),
        (_both_certain, "verdict is another"),
        (_larger, "verdict is another"),
        (_never_wrong, "not those of its card"),
    ],
)
def test_a_page_drawn_anew_from_false_data_fails(
    change: Callable[[dict[str, Any]], None], words: str
) -> None:
    """Thresholds, sentence, prompt and figures cannot be a forger's own."""
    data = write(texts={"parameters": INFOTEXT}) if change is _put_words else jpeg()
    failed = [c.words for c in checks(_redrawn(make_report(data), change), data) if not c.holds]
    assert any(words in each for each in failed), failed


def test_thresholds_that_are_published_here_hold() -> None:
    """A report by an installation's own policy holds where that policy is published."""

    def set_own(facts: dict[str, Any]) -> None:
        facts["thresholds"] = {"human_at_most": 0.1, "ai_at_least": 0.9}
        facts["record"]["policy"] = 3

    page = _redrawn(make_report(jpeg()), set_own)
    report = read_report(page.encode())
    own = Policy(3, 0.1, 0.9, utc_now())
    found = verify(report, jpeg(), FakeJudge(), shipped_ledger(), own)
    assert all(check.holds for check in found), found
    found = verify(report, jpeg(), FakeJudge(), shipped_ledger())
    assert [check.holds for check in found].count(False) == 1


def test_a_score_from_another_processor_holds() -> None:
    """A score a little beside ours, and the sentence that goes with it, is the same verdict."""

    class Elsewhere(FakeJudge):
        def score(self, image: Image.Image) -> Scored:
            own = super().score(image)
            return replace(own, score=own.score - 0.015)

    page = make_report(jpeg(), Elsewhere())
    assert all(check.holds for check in checks(page, jpeg())), checks(page, jpeg())


def test_another_preview_fails() -> None:
    """Another picture put into the page is not that file's."""
    page, other = make_report(), make_report(jpeg(seed=5))
    swapped = re.sub(
        r'(<img id="picture" src=")[^"]+',
        lambda m: m[1] + re.search(r'<img id="picture" src="([^"]+)', other)[1],  # type: ignore[index]
        page,
    )
    assert any("not that file's" in c.words for c in checks(swapped) if not c.holds)


def test_another_model_cannot_recompute() -> None:
    """Where another model is installed the verdict is not recomputed, and the line says how to."""
    found = checks(make_report(), judge=FakeJudge("fake-2"))
    assert [c.holds for c in found][-1] is False
    assert "BRUSHMARK_WEIGHTS" in found[-1].words


@pytest.mark.parametrize(
    "page",
    [
        b"",
        b"no page",
        b'<script type="application/json" id="brushmark-report">{"format":9}</script>',
        b'<script type="application/json" id="brushmark-report">' + b"[" * 9999 + b"</script>",
        b"\xff\xfe\x00",
    ],
)
def test_no_report_is_said_to_be_none(page: bytes) -> None:
    """What is no report of ours is refused in a sentence."""
    with pytest.raises(BadInput, match="no report"):
        read_report(page)


def test_data_of_another_shape_is_refused() -> None:
    """A report whose data lacks its parts is refused in a sentence, not with a traceback."""
    page = make_report()
    for broken in ('"record":null', '"record":{}', '"record":{"image":{"sha256":7}}'):
        facts = json.dumps({"format": 1, "brushmark": "0.1.0"})[:-1] + f",{broken}}}"
        start = page.index('id="brushmark-report">') + len('id="brushmark-report">')
        with pytest.raises(BadInput, match="not what Brushmark writes"):
            checks(page[:start] + facts + "</script>")


# ---- over HTTP --------------------------------------------------------------------------------


@pytest.fixture(params=[KeepImages.ALL, KeepImages.REVIEWABLE])
def wired(tmp_path: Path, request: pytest.FixtureRequest) -> Wired:
    """An app that keeps the picture, and one that has it in memory still."""
    settings = Settings(home=tmp_path, port=80, keep_images=request.param)
    return wire(settings, MemoryRepository(), FakeJudge(), Clock())


def test_report_over_http(wired: Wired) -> None:
    """The route gives the page to keep, with its picture; it holds against the picture."""
    token = wired.token("check")
    record = wired.check(token, PICTURE).get_json()
    answer = wired.client.get(f"{API}/predictions/{record['id']}/report", headers=token)
    assert answer.status_code == 200
    assert answer.content_type == "text/html; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    assert '<img id="picture"' in answer.text
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert all(check.holds for check in checks(answer.text))
    assert PROMPT not in answer.text  # the log does not keep it


def test_report_of_a_picture_that_was_not_kept(tmp_path: Path) -> None:
    """Without the picture the report says so, and its hash still tells which file it was."""
    settings = Settings(home=tmp_path, port=80, keep_images=KeepImages.NONE)
    wired = wire(settings, MemoryRepository(), FakeJudge(), Clock())
    token = wired.token("read")
    record = wired.check(wired.token("check"), PICTURE).get_json()
    page = wired.client.get(f"{API}/predictions/{record['id']}/report", headers=token).text
    assert "was not kept" in page
    assert "<img" not in page
    assert all(check.holds for check in checks(page))


def test_report_is_for_its_owner(wired: Wired) -> None:
    """A token of scope `check` gets reports of its own predictions; nobody gets one without."""
    record = wired.check(wired.token("check", "one"), PICTURE).get_json()
    path = f"{API}/predictions/{record['id']}/report"
    problem(wired.client.get(path, headers=wired.token("check", "two")), 404, "not_found")
    problem(wired.client.get(path), 401, "unauthenticated")
    assert wired.client.get(path, headers=wired.token("read", "three")).status_code == 200
