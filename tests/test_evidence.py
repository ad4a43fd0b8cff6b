"""Evidence on its way: from the file through the service and over HTTP into the log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from backend.domain import Basis, Context, Label, Outcome
from backend.service import Service
from backend.settings import Settings
from backend.storage.images import ImageStore
from tests.api.harness import Clock, wire
from tests.fakes import FakeJudge
from tests.imaging.provenance.signing import authority, sign
from tests.imaging.provenance.written import INFOTEXT, PROMPT, write
from tests.memory_repository import MemoryRepository
from tests.pictures import draw, jpeg

DARK = draw().point(lambda v: v // 12)  # the fake judge calls it human-made
PARAMETERS = {"parameters": INFOTEXT}


def service(tmp_path: Path, **settings: Any) -> Service:
    images = ImageStore(tmp_path / "images")
    return Service(Settings(home=tmp_path, **settings), MemoryRepository(), images, FakeJudge())


@pytest.mark.parametrize("keep", [False, True])
def test_prompts_are_shown_and_logged_only_if_allowed(tmp_path: Path, keep: bool) -> None:
    """Whoever checks a picture sees its prompt; the log has it where BRUSHMARK_KEEP_PROMPTS is on.

    A repeated check, answered from memory, shows it again.
    """
    wired = service(tmp_path, keep_prompts=keep)
    data = write(texts=PARAMETERS, picture=draw())
    for _ in range(2):
        shown = wired.check_image(data, Context(), "tester").record
        assert [e.prompt for e in shown.verdict.evidence if e.prompt] == [
            "a lighthouse at dusk, <lora:ink:0.8>"
        ]
        logged = wired.repository.get_prediction(shown.id)
        assert logged is not None
        assert (PROMPT in repr(logged)) is keep
        assert logged.verdict.outcome is Outcome.AI_GENERATED


def test_a_conflict_is_kept_for_review_and_found_in_the_log(tmp_path: Path) -> None:
    """Where file and model disagree the record says so, and the picture is kept for a person."""
    wired = wire(Settings(home=tmp_path, port=80), MemoryRepository(), FakeJudge(), Clock())
    token = wired.token()
    data = write(texts=PARAMETERS, picture=DARK)
    answer = wired.check(token, data)
    assert answer.status_code == 200, answer.text
    record = answer.get_json()
    assert (record["outcome"], record["basis"]) == ("ai_generated", "provenance")
    assert record["conflict"] is True
    assert record["probabilities"]["human_made"] > 0.8
    assert [e["kind"] for e in record["evidence"]] == ["c2pa", "generator"]
    wired.check(token, jpeg())
    found = wired.client.get("/api/v1/predictions?conflict=true", headers=token).get_json()
    assert [r["id"] for r in found["predictions"]] == [record["id"]]
    kept = wired.client.get(f"/api/v1/predictions/{record['id']}/image", headers=token)
    assert kept.data == data


def test_evidence_is_read_where_the_picture_is_not_assessed(tmp_path: Path) -> None:
    """A picture too small for the model has its evidence all the same, and that may decide."""
    wired = service(tmp_path)
    small = draw(60, 60)
    plain = wired.check_image(write(picture=small), Context(), "tester").record.verdict
    assert plain.outcome is Outcome.NOT_ASSESSED
    assert [e.status for e in plain.evidence] == ["absent", "absent"]
    told = write(picture=small, texts=PARAMETERS)
    decided = wired.check_image(told, Context(), "tester").record.verdict
    assert (decided.outcome, decided.basis) == (Outcome.AI_GENERATED, Basis.PROVENANCE)
    assert decided.prediction is None


def test_the_trust_list_of_the_settings_is_used(tmp_path: Path) -> None:
    """A signer on the list that the settings name is verified."""
    path = tmp_path / "list.pem"
    path.write_text(authority().pem)
    wired = service(tmp_path, trust_list=path)
    row = wired.check_image(sign(jpeg()), Context(), "tester").record.verdict.evidence[0]
    assert (row.status, row.label) == ("verified", Label.AI_GENERATED)
