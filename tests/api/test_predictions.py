"""The log over HTTP: whose records, which of them, their pictures, reviews and appeals."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from PIL import Image

from backend.domain import Label
from backend.settings import KeepImages
from tests.api.harness import API, Wired, problem
from tests.pictures import draw, encode, jpeg


def test_a_browser_sees_its_own_records_alone(wired: Wired) -> None:
    """For a token of scope `check`, others' records do not exist; two of one name are two."""
    mine, theirs = wired.token("check", "Firefox"), wired.token("check", "Firefox")
    record = wired.check(mine).json
    path = f"{API}/predictions/{record['id']}"
    assert wired.client.get(path, headers=mine).json == record
    assert wired.client.get(f"{path}/heatmap", headers=mine).status_code == 200
    for answer in [
        wired.client.get(path, headers=theirs),
        wired.client.get(f"{path}/heatmap", headers=theirs),
        wired.client.post(f"{path}/appeals", json={"claim": "human_made"}, headers=theirs),
    ]:
        problem(answer, 404, "not_found")
    assert wired.client.get(f"{API}/predictions", headers=theirs).json["predictions"] == []
    assert wired.client.get(f"{API}/predictions", headers=mine).json["predictions"] == [record]
    foreign = wired.client.get(f"{API}/predictions?client={record['client']}", headers=theirs)
    problem(foreign, 403, "forbidden")
    assert wired.client.get(path, headers=wired.token("read")).json == record


def test_the_log_is_listed_in_pages(wired: Wired) -> None:
    """Pages follow each other by cursor, newest first, and no record is lost between them."""
    headers = wired.token()
    made = [wired.check(headers, jpeg(seed=s)).json["id"] for s in range(5)]
    seen: list[str] = []
    cursor = ""
    while True:
        page = wired.client.get(f"{API}/predictions?limit=2{cursor}", headers=headers).json
        seen += [record["id"] for record in page["predictions"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == made[::-1]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("outcome=uncertain", 1),
        ("outcome=not_assessed", 1),
        ("outcome=ai_generated", 0),
        ("source=cli", 1),
        ("reviewed=true", 1),
        ("reviewed=false", 1),
        ("label=human_made", 1),
        ("min_score=0.3&max_score=0.7", 1),
        ("since=2020-01-01T00:00:00Z", 2),
        ("until=2020-01-01T00:00:00Z", 0),
        ("model=fake-1", 2),
        ("policy=0", 2),
        ("audit=true", 0),
        ("evidence=none", 2),
        ("evidence=c2pa%20verified", 0),
        ("generator=DALL%C2%B7E", 0),
        ("format=jpeg", 2),
        ("size=under_300", 2),
        ("size=from_1000", 0),
        ("q=too%20close", 1),
    ],
)
def test_filters_narrow_the_list(wired: Wired, query: str, found: int) -> None:
    """Each filter of the contract reaches the store."""
    headers = wired.token()
    scored = wired.check(headers, source="cli").json["id"]
    wired.check(headers, jpeg(50, 50))
    wired.client.post(
        f"{API}/predictions/{scored}/reviews", json={"label": "human_made"}, headers=headers
    )
    page = wired.client.get(f"{API}/predictions?{query}", headers=headers).json
    assert len(page["predictions"]) == found


@pytest.mark.parametrize(
    ("format", "media"),
    [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp"), ("GIF", "image/gif")],
)
def test_kept_originals_are_served_as_pictures_and_nothing_else(
    wired_with: Callable[..., Wired], format: str, media: str
) -> None:
    """The bytes come back as they were, typed by us, sandboxed, named by their hash."""
    wired = wired_with(keep_images=KeepImages.ALL)
    headers = wired.token("read")
    data = encode(draw(), format)
    record = wired.check(headers, data).json
    answer = wired.client.get(f"{API}/predictions/{record['id']}/image", headers=headers)
    assert answer.data == data
    assert answer.content_type == media
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert record["image"]["sha256"][:16] in answer.headers["Content-Disposition"]


def test_thumbnails_are_encoded_afresh(wired_with: Callable[..., Wired]) -> None:
    """A thumbnail has at most 256 pixels a side and nothing of the original's metadata."""
    wired = wired_with(keep_images=KeepImages.ALL)
    headers = wired.token("read")
    exif = Image.Exif()
    exif[0x010E] = "<script>alert(1)</script>"
    record = wired.check(headers, encode(draw(900, 500), "JPEG", exif=exif)).json
    answer = wired.client.get(f"{API}/predictions/{record['id']}/thumbnail", headers=headers)
    assert answer.content_type == "image/jpeg"
    assert b"script" not in answer.data
    small = Image.open(io.BytesIO(answer.data))
    assert (small.format, max(small.size)) == ("JPEG", 256)


def test_pictures_that_were_not_kept_are_not_found(wired_with: Callable[..., Wired]) -> None:
    """Under `none` no picture is kept, and asking for one says so."""
    wired = wired_with(keep_images=KeepImages.NONE)
    headers = wired.token("read")
    record = wired.check(headers).json
    for part in ["image", "thumbnail"]:
        answer = wired.client.get(f"{API}/predictions/{record['id']}/{part}", headers=headers)
        assert "not kept" in problem(answer, 404, "not_found")["detail"]


def test_the_heat_map_is_a_transparent_layer_of_the_pictures_shape(wired: Wired) -> None:
    """The map is an RGBA PNG of the picture's proportions."""
    headers = wired.token("check")
    record = wired.check(headers, jpeg(320, 260)).json
    answer = wired.client.get(record["heatmap"], headers=headers)
    assert answer.content_type == "image/png"
    layer = Image.open(io.BytesIO(answer.data))
    assert (layer.mode, layer.size) == ("RGBA", (320, 260))


def test_deleting_removes_record_and_picture(wired_with: Callable[..., Wired]) -> None:
    """After a deletion neither the record nor its picture is there; a second one finds nothing."""
    wired = wired_with(keep_images=KeepImages.ALL)
    headers = wired.token()
    record = wired.check(headers).json
    images = wired.app.extensions["brushmark"].service.images
    assert images.has(record["image"]["sha256"])
    path = f"{API}/predictions/{record['id']}"
    answer = wired.client.delete(path, headers=headers)
    assert (answer.status_code, answer.data) == (204, b"")
    assert not images.has(record["image"]["sha256"])
    problem(wired.client.get(path, headers=headers), 404, "not_found")
    problem(wired.client.delete(path, headers=headers), 404, "not_found")


def test_reviews_are_appended_and_undone(wired: Wired) -> None:
    """The latest standing review counts; undoing brings the one before back, once."""
    headers = wired.token("review", "Ada")
    path = f"{API}/predictions/{wired.check(headers).json['id']}"
    first = wired.client.post(f"{path}/reviews", json={"label": "human_made"}, headers=headers)
    assert first.status_code == 201
    assert first.json["reviewer"].startswith("Ada")
    second = wired.client.post(
        f"{path}/reviews", json={"label": "cannot_tell", "note": "blurred"}, headers=headers
    )
    assert wired.client.get(path, headers=headers).json["review"]["label"] == "cannot_tell"
    undone = wired.client.delete(f"{API}/reviews/{second.json['id']}", headers=headers)
    assert undone.status_code == 200
    assert undone.json["undone_at"]
    assert wired.client.get(path, headers=headers).json["review"] == first.json
    again = wired.client.delete(f"{API}/reviews/{second.json['id']}", headers=headers)
    problem(again, 409, "conflict")


def test_an_appeal_is_counted_and_keeps_the_picture(wired_with: Callable[..., Wired]) -> None:
    """An appeal against one's own record is taken down, and the picture waits for a curator."""
    wired = wired_with(keep_images=KeepImages.REVIEWABLE)
    headers = wired.token("check")
    bright = encode(draw().point(lambda v: 230 + v // 12), "PNG")  # scored, but not uncertain
    record = wired.check(headers, bright).json
    assert record["outcome"] == Label.AI_GENERATED
    answer = wired.client.post(
        f"{API}/predictions/{record['id']}/appeals",
        json={"claim": "human_made", "reason": "I painted it."},
        headers=headers,
    )
    assert answer.status_code == 201
    assert answer.json["claim"] == "human_made"
    again = wired.client.get(f"{API}/predictions/{record['id']}", headers=headers).json
    assert again["appeals"] == 1
    assert wired.app.extensions["brushmark"].service.images.has(record["image"]["sha256"])


def test_statistics_and_policy_follow_what_is_written(wired: Wired) -> None:
    """Counts grow with the log; a published policy is in force for the next check."""
    headers = wired.token()
    wired.check(headers)
    stats = wired.client.get(f"{API}/stats", headers=headers).json
    assert stats["predictions"] == 1
    assert stats["by_outcome"]["uncertain"] == 1
    published = wired.client.post(
        f"{API}/policy", json={"human_at_most": 0.1, "ai_at_least": 0.4}, headers=headers
    )
    assert published.status_code == 201
    assert published.json["number"] == 1
    assert wired.client.get(f"{API}/policy", headers=headers).json == published.json
    record = wired.check(headers).json
    assert (record["outcome"], record["policy"]) == ("ai_generated", 1)


def test_the_model_is_described_with_its_card(wired: Wired) -> None:
    """What is served, on what, with which thresholds, and the whole card."""
    model = wired.client.get(f"{API}/model", headers=wired.token("check")).json
    assert model["version"] == "fake-1"
    assert model["device"] == "fake"
    assert model["card"]["classes"] == ["human_made", "ai_generated"]
    assert model["policy"]["ai_at_least"] == 0.8
