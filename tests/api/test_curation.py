"""What curators do over HTTP: queues, batches, undoing, likeness, roles, the audit trail."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backend.curation import LEASE_S, Claims
from backend.domain import ReviewLabel, Scope
from backend.settings import KeepImages
from tests.api.harness import API, Clock, Wired, problem
from tests.dashboard.filling import picture, tile
from tests.pictures import encode

GREY = [encode(tile(n, 0.5 + n / 50), "PNG") for n in range(6)]
"""Pictures that the fake judge finds uncertain, the first of them nearest to the middle."""


@pytest.fixture
def kept(wired_with: Callable[..., Wired]) -> Wired:
    """An app that keeps every picture."""
    return wired_with(keep_images=KeepImages.ALL)


def log(app: Wired, *pictures: bytes) -> list[str]:
    head = app.token(Scope.CHECK, "browser")
    answers = [app.check(head, each) for each in pictures]
    assert [a.status_code for a in answers] == [200] * len(pictures)
    return [a.get_json()["id"] for a in answers]


def queue(app: Wired, head: dict[str, str], **query: Any) -> list[str]:
    answer = app.client.get(f"{API}/queue", query_string=query, headers=head)
    assert answer.status_code == 200, answer.data
    return [each["id"] for each in answer.get_json()["predictions"]]


def review(app: Wired, head: dict[str, str], prediction_id: str, **body: Any) -> Any:
    body = {"label": "human_made", **body}
    return app.client.post(f"{API}/predictions/{prediction_id}/reviews", json=body, headers=head)


def test_the_most_doubtful_come_first_and_leave_when_reviewed(kept: Wired) -> None:
    """The uncertain queue goes from the middle outwards; a review takes a picture out of it."""
    ids = log(kept, *reversed(GREY[:4]))[::-1]
    head = kept.token(Scope.REVIEW)
    assert queue(kept, head) == ids
    assert review(kept, head, ids[0]).status_code == 201
    assert queue(kept, head, limit=2) == ids[1:3]
    answer = kept.client.get(f"{API}/queue", headers=head).get_json()
    assert (answer["strategy"], answer["waiting"]) == ("uncertain", 3)


def test_two_curators_get_different_pictures(kept: Wired) -> None:
    """What one curator was given is kept from the other, and from a second window of the first."""
    ids = log(kept, *GREY)
    ann, bob = kept.token(Scope.REVIEW, "ann"), kept.token(Scope.REVIEW, "bob")
    assert queue(kept, ann, limit=2) == ids[:2]
    assert queue(kept, bob, limit=2) == ids[2:4]
    assert queue(kept, ann, limit=2, session="window 2") == ids[4:]
    assert queue(kept, bob, limit=9) == ids[2:4]
    assert queue(kept, ann, limit=2) == ids[:2]


def test_what_is_left_out_comes_no_more_and_is_free_for_others(kept: Wired) -> None:
    """Pictures that a curator names are not given to them again, and no longer kept for them."""
    ids = log(kept, *GREY, GREY[0])[: len(GREY)]
    ann, bob = kept.token(Scope.REVIEW, "ann"), kept.token(Scope.REVIEW, "bob")
    first = queue(kept, ann, limit=3)
    skipped = [hashlib.sha256(each).hexdigest()[:16] for each in GREY[:2]]
    rest = queue(kept, ann, limit=9, without=",".join(skipped))
    assert set(rest) == set(ids[2:])
    assert set(queue(kept, bob, limit=9)) == set(first[:2])
    assert set(queue(kept, ann, limit=9, without=skipped[0])) == set(ids[2:])
    for wrong in ("x", skipped[0] + ",", skipped[0].upper(), skipped[0][:8]):
        answer = kept.client.get(f"{API}/queue", query_string={"without": wrong}, headers=ann)
        problem(answer, 400, "malformed")


def test_who_only_looks_keeps_nothing_from_curators(kept: Wired) -> None:
    """A token that cannot review sees the queue as it is, and takes no picture out of it."""
    ids = log(kept, *GREY)
    carol, bob = kept.token(Scope.READ, "carol"), kept.token(Scope.REVIEW, "bob")
    assert queue(kept, carol) == ids
    assert queue(kept, bob, limit=3) == ids[:3]
    assert queue(kept, carol) == ids


def test_a_lease_ends() -> None:
    """A picture that was claimed is free again once decided on, or after five minutes."""
    clock = Clock()
    claims = Claims(clock=clock)
    assert claims.take("a", "ann")
    assert not claims.take("a", "bob")
    clock.now += LEASE_S - 1
    assert claims.take("a", "ann")  # and so it is renewed
    clock.now += LEASE_S - 1
    assert not claims.take("a", "bob")
    claims.drop("a")
    assert claims.take("a", "bob")
    claims.release({"a"}, "ann")  # who does not hold it
    assert not claims.take("a", "ann")
    clock.now += LEASE_S
    assert claims.take("a", "ann")


def test_nobody_overwrites_what_they_have_not_seen(kept: Wired) -> None:
    """Of two who decide on one picture at once the second is told, and no label is lost."""
    (prediction,) = log(kept, GREY[0])
    ann, bob = kept.token(Scope.REVIEW, "ann"), kept.token(Scope.REVIEW, "bob")
    first = review(kept, ann, prediction, seen="unseen").get_json()
    refused = review(kept, bob, prediction, seen="unseen", label="ai_generated")
    assert "ann" in problem(refused, 409, "conflict")["detail"]
    again = review(kept, bob, prediction, seen=first["id"], label="ai_generated")
    assert again.status_code == 201
    history = kept.client.get(f"{API}/predictions/{prediction}/history", headers=bob).get_json()
    assert [r["label"] for r in history["reviews"]] == ["human_made", "ai_generated"]


def test_a_picture_comes_once_and_only_where_it_is_kept(kept: Wired, tmp_path: Path) -> None:
    """Two checks of the same bytes are one item; a picture that went is passed over."""
    ids = log(kept, GREY[0], GREY[0], GREY[1])
    head = kept.token(Scope.REVIEW)
    assert len(queue(kept, head)) == 2
    record = kept.repository.get_prediction(ids[2])
    assert record is not None
    digest = record.image.sha256
    (tmp_path / "home" / "images" / digest[:2] / digest).unlink()
    assert queue(kept, head) == [ids[0]]


def test_appealed_pictures_wait_for_a_curator(kept: Wired) -> None:
    """An appeal puts its picture into the queue, and is listed with its reason."""
    ids = log(kept, picture(0), picture(1))
    head = kept.token()
    body = {"claim": "human_made", "reason": "I painted it."}
    kept.client.post(f"{API}/predictions/{ids[1]}/appeals", json=body, headers=head)
    assert queue(kept, head, strategy="appealed") == [ids[1]]
    appeals = kept.client.get(f"{API}/appeals", headers=head).get_json()["appeals"]
    assert [(a["prediction_id"], a["reason"]) for a in appeals] == [(ids[1], "I painted it.")]
    review(kept, head, ids[1])
    assert queue(kept, head, strategy="appealed") == []


def test_whoever_appealed_sees_the_answer(kept: Wired) -> None:
    """A browser's token lists its own appeals alone, with the review that stands and no author."""
    mine, other = kept.token(Scope.CHECK), kept.token(Scope.CHECK, "another")
    made = kept.check(mine, picture(5)).get_json()
    url = f"{API}/predictions/{made['id']}/appeals"
    kept.client.post(url, json={"claim": "human_made", "reason": "Mine."}, headers=mine)
    (asked,) = kept.client.get(f"{API}/appeals", headers=mine).get_json()["appeals"]
    assert asked["review"] is None
    assert kept.client.get(f"{API}/appeals", headers=other).get_json() == {"appeals": []}
    review(kept, kept.token(Scope.REVIEW, "curator"), made["id"])
    (answered,) = kept.client.get(f"{API}/appeals", headers=mine).get_json()["appeals"]
    assert answered["review"].keys() == {"label", "created_at"}
    assert answered["review"]["created_at"] >= answered["created_at"]


def test_records_that_a_model_turned_over_wait(kept: Wired) -> None:
    """What a re-score marked as flipped is a queue of its own."""
    ids = log(kept, picture(0), picture(1))
    head = kept.token()
    assert queue(kept, head, strategy="flipped") == []
    kept.repository.set_flipped(ids[:1], True)
    assert queue(kept, head, strategy="flipped") == ids[:1]


def test_a_batch_is_reviewed_and_undone_as_one(kept: Wired) -> None:
    """A batch labels each picture once or none at all, and is taken back in one step."""
    ids = log(kept, GREY[0], GREY[0], GREY[1])
    head = kept.token(Scope.REVIEW)

    def post(where: str, **body: Any) -> Any:
        return kept.client.post(f"{API}/reviews{where}", json=body, headers=head)

    problem(post("", ids=[*ids, "nobody"], label="human_made"), 404, "not_found")
    assert kept.repository.stats().reviewed == 0
    written = post("", ids=ids, label="cannot_tell", note="too small").get_json()["reviews"]
    assert [(r["label"], r["note"]) for r in written] == [("cannot_tell", "too small")] * 2
    assert kept.repository.stats().by_label[ReviewLabel.CANNOT_TELL] == 2
    undone = post("/undo", ids=[r["id"] for r in written]).get_json()["reviews"]
    assert all(r["undone_at"] for r in undone)
    assert kept.repository.stats().reviewed == 0
    problem(post("/undo", ids=[written[0]["id"]]), 409, "conflict")
    problem(post("", ids=[], label="human_made"), 400, "malformed")


def test_near_duplicates_are_found(kept: Wired) -> None:
    """A smaller, re-encoded copy is listed beside its original; other pictures are not."""
    ids = log(kept, picture(8), picture(9), picture(3))
    head = kept.token(Scope.READ)
    answer = kept.client.get(f"{API}/predictions/{ids[0]}/similar", headers=head).get_json()
    assert [s["prediction"]["id"] for s in answer["similar"]] == [ids[1]]
    assert 0 <= answer["similar"][0]["distance_bits"] <= 8
    missing = kept.client.get(f"{API}/predictions/nobody/similar", headers=head)
    problem(missing, 404, "not_found")


def test_a_page_counts_and_says_what_looks_alike(kept: Wired) -> None:
    """On request a page of the log has the number of all that match, and perceptual hashes."""
    ids = log(kept, picture(8), picture(9), picture(3))
    head = kept.token(Scope.READ)
    bare = kept.client.get(f"{API}/predictions?limit=2", headers=head).get_json()
    assert (bare["total"], bare["likeness"]) == (None, None)
    query = "limit=2&count=true&likeness=true&sort=created_at"
    full = kept.client.get(f"{API}/predictions?{query}", headers=head).get_json()
    assert full["total"] == 3
    first, copy = (int(full["likeness"][i], 16) for i in ids[:2])
    assert (first ^ copy).bit_count() <= 8


def test_the_audit_trail_says_who_decided_what(kept: Wired) -> None:
    """Reviews, undoing, policies and tokens are listed newest first, in pieces."""
    (prediction,) = log(kept, GREY[0])
    ann = kept.token(Scope.ADMIN, "ann")
    made = review(kept, ann, prediction, note="brush strokes").get_json()
    kept.client.delete(f"{API}/reviews/{made['id']}", headers=ann)
    policy = {"human_at_most": 0.3, "ai_at_least": 0.7}
    kept.client.post(f"{API}/policy", json=policy, headers=ann)
    deeds: list[dict[str, Any]] = []
    cursor = None
    while True:
        query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = kept.client.get(f"{API}/audit", query_string=query, headers=ann).get_json()
        deeds += page["deeds"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len({d["id"] for d in deeds}) == len(deeds)
    moments = [d["at"] for d in deeds]
    assert moments == sorted(moments, reverse=True)
    by_action = {d["action"]: d for d in deeds}
    assert set(by_action) == {"policy.publish", "review.undo", "review", "token.create"}
    said = by_action["review"]
    assert said["actor"].startswith("ann")
    assert said["detail"] == "human_made, undone since: brush strokes"
    assert said["prediction_id"] == prediction
    for cursor in ("nonsense", "bm9uc2Vuc2U="):
        bad = kept.client.get(f"{API}/audit", query_string={"cursor": cursor}, headers=ann)
        problem(bad, 400, "malformed")


# ---- roles ----------------------------------------------------------------------------------

ROLES = """
[auth]
redirect_uri = "http://localhost:8501/oauth2callback"
[roles]
"Ann@example.org" = "admin"
"bob@example.org" = "curator"
"*@example.org" = "viewer"
"""


@pytest.fixture
def team(wired_with: Callable[..., Wired], tmp_path: Path) -> Wired:
    (tmp_path / "login.toml").write_text(ROLES)
    return wired_with(login=tmp_path / "login.toml", keep_images=KeepImages.ALL)


def speak(app: Wired, person: str, scope: Scope = Scope.ADMIN) -> dict[str, str]:
    return {**app.token(scope, "dashboard"), "X-Brushmark-Actor": person}


@pytest.mark.parametrize(
    ("person", "scope"),
    [
        ("ann@example.org", "admin"),
        ("BOB@example.org", "review"),
        ("carol@example.org", "read"),
    ],
)
def test_a_person_has_the_scope_of_their_role(team: Wired, person: str, scope: str) -> None:
    """Who signed in is known by address, and may what their role or their domain's may."""
    answer = team.client.get(f"{API}/whoami", headers=speak(team, person)).get_json()
    assert answer == {"client": person.lower(), "scope": scope}


def test_the_backend_holds_people_to_their_roles(team: Wired) -> None:
    """A viewer cannot review and a curator cannot publish, whatever the dashboard shows."""
    (prediction,) = log(team, GREY[0])
    carol, bob = speak(team, "carol@example.org"), speak(team, "bob@example.org")
    problem(review(team, carol, prediction), 403, "forbidden")
    written = review(team, bob, prediction)
    assert written.get_json()["reviewer"] == "bob@example.org"
    policy = {"human_at_most": 0.3, "ai_at_least": 0.7}
    problem(team.client.post(f"{API}/policy", json=policy, headers=bob), 403, "forbidden")


@pytest.mark.parametrize("person", ["mallory@evil.example", "ann@example.org.evil.example", "ann"])
def test_people_without_a_role_stay_outside(team: Wired, person: str) -> None:
    """Somebody of another domain, or of none, is refused."""
    answer = team.client.get(f"{API}/whoami", headers=speak(team, person))
    problem(answer, 403, "forbidden")


def test_nobody_speaks_for_others_but_the_dashboard(team: Wired, kept: Wired) -> None:
    """A smaller token cannot take a person's name, and without roles no token can."""
    for scope in (Scope.CHECK, Scope.READ, Scope.REVIEW):
        head = speak(team, "ann@example.org", scope)
        problem(team.client.get(f"{API}/whoami", headers=head), 403, "forbidden")
    head = speak(kept, "ann@example.org")
    problem(kept.client.get(f"{API}/whoami", headers=head), 403, "forbidden")
    blank = speak(team, " ")
    problem(team.client.get(f"{API}/whoami", headers=blank), 400, "malformed")


def test_a_changed_file_counts_at_once_and_a_broken_one_lets_nobody_in(
    team: Wired, tmp_path: Path
) -> None:
    """A role taken away is gone at the next request; a file that cannot be read refuses all."""
    head = speak(team, "bob@example.org")
    (tmp_path / "login.toml").write_text('[roles]\n"bob@example.org" = "viewer"\n')
    assert team.client.get(f"{API}/whoami", headers=head).get_json()["scope"] == "read"
    for broken in ('[roles]\n"bob@example.org" = "king"\n', "[roles", "roles = 3\n"):
        (tmp_path / "login.toml").write_text(broken)
        problem(team.client.get(f"{API}/whoami", headers=head), 403, "forbidden")
    (tmp_path / "login.toml").unlink()
    problem(team.client.get(f"{API}/whoami", headers=head), 403, "forbidden")
