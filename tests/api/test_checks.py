"""Checking: one picture in every way it can be sent, many, and bytes seen before."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from backend.domain import Source
from backend.errors import UrlUnreachable
from tests.api.harness import API, Wired, problem
from tests.pictures import draw, encode, jpeg

PICTURE = jpeg(seed=3)


def send_form(wired: Wired, headers: dict[str, str], **fields: str) -> Any:
    return wired.check(headers, PICTURE, **fields)


def send_raw(wired: Wired, headers: dict[str, str], **fields: str) -> Any:
    return wired.client.post(
        f"{API}/check",
        data=PICTURE,
        query_string=fields,
        content_type="image/jpeg",
        headers=headers,
    )


def send_octets(wired: Wired, headers: dict[str, str], **fields: str) -> Any:
    return wired.client.post(
        f"{API}/check",
        data=PICTURE,
        query_string=fields,
        content_type="application/octet-stream",
        headers=headers,
    )


WAYS = [send_form, send_raw, send_octets]


@pytest.mark.parametrize("send", WAYS)
def test_a_picture_is_judged_and_logged(wired: Wired, send: Callable[..., Any]) -> None:
    """However the original bytes come, the answer is the contract's record, and it is logged."""
    answer = send(wired, wired.token("check", "Firefox"), source="context-menu")
    assert answer.status_code == 200
    record = answer.json
    assert record["outcome"] == "uncertain"
    assert record["basis"] == "model"
    assert sum(record["probabilities"].values()) == pytest.approx(1)
    assert record["image"]["sha256"] == hashlib.sha256(PICTURE).hexdigest()
    assert record["image"]["bytes"] == len(PICTURE)
    assert record["model"]["version"] == "fake-1"
    assert record["policy"] == 0
    assert record["context"]["source"] == "context-menu"
    assert record["client"].startswith("Firefox · ")
    assert record["heatmap"] == f"{API}/predictions/{record['id']}/heatmap"
    assert record["review"] is None
    assert record["appeals"] == 0
    kept = wired.repository.get_prediction(record["id"])
    assert kept is not None
    assert kept.context.source is Source.CONTEXT_MENU


@pytest.mark.parametrize("send", WAYS)
def test_log_false_logs_nothing(wired: Wired, send: Callable[..., Any]) -> None:
    """With `log` false the verdict is answered and the log stays as it was."""
    answer = send(wired, wired.token("check"), log="false")
    assert answer.status_code == 200
    assert answer.json["heatmap"] is None
    assert wired.logged() == 0
    problem(
        wired.client.get(f"{API}/predictions/{answer.json['id']}", headers=wired.token()),
        404,
        "not_found",
    )


def test_an_unlogged_heat_map_comes_within_the_record(wired: Wired) -> None:
    """With `heatmap` true and `log` false the map is a PNG in a data: address, transparent."""
    answer = wired.check(wired.token("check"), PICTURE, log="false", heatmap="true")
    head, _, encoded = answer.json["heatmap"].partition(",")
    assert head == "data:image/png;base64"
    layer = Image.open(io.BytesIO(base64.b64decode(encoded)))
    assert (layer.mode, layer.size) == ("RGBA", (320, 260))


def test_options_may_be_query_parameters_beside_a_form(wired: Wired) -> None:
    """Options count wherever they stand."""
    answer = wired.client.post(
        f"{API}/check?log=false",
        data={"image": (io.BytesIO(PICTURE), "x"), "source": "page-scan"},
        headers=wired.token(),
    )
    assert answer.json["context"]["source"] == "page-scan"
    assert wired.logged() == 0


def test_addresses_and_titles_are_not_logged_by_default(wired: Wired) -> None:
    """Page, image and title are dropped unless BRUSHMARK_KEEP_ADDRESSES is on."""
    answer = wired.check(
        wired.token(), PICTURE, page_url="https://a.example/p?x=1", page_title="Secret"
    )
    assert answer.json["context"] == {
        "source": "api", "page_url": None, "image_url": None, "page_title": None,
    }  # fmt: skip


def test_kept_addresses_lose_query_and_fragment(wired_with: Callable[..., Wired]) -> None:
    """Where addresses are kept, queries, fragments and data: addresses are not."""
    wired = wired_with(keep_addresses=True)
    answer = wired.check(
        wired.token(),
        PICTURE,
        page_url="https://me:pw@a.example/p?token=1#x",
        image_url="data:image/png;base64,AAAA",
        page_title="<script>alert(1)</script>",
    )
    context = answer.json["context"]
    assert context["page_url"] == "https://a.example/p"
    assert context["image_url"] is None
    assert context["page_title"] == "<script>alert(1)</script>"
    assert answer.content_type == "application/json"


def test_a_picture_is_fetched_by_its_address(wired: Wired) -> None:
    """JSON with an address has the picture fetched, and the address is that of the image."""
    asked = []

    def fetcher(url: str) -> bytes:
        asked.append(url)
        return PICTURE

    wired.app.extensions["brushmark"].service._fetch = fetcher
    answer = wired.client.post(
        f"{API}/check",
        json={"url": "https://a.example/a.jpg", "source": "cli"},
        headers=wired.token(),
    )
    assert answer.status_code == 200
    assert asked == ["https://a.example/a.jpg"]
    assert wired.logged() == 1


def test_what_cannot_be_fetched_is_said(wired: Wired) -> None:
    """An address that yields no picture is the client's trouble, not the server's."""

    def fetcher(url: str) -> bytes:
        raise UrlUnreachable("a.example did not answer.")

    wired.app.extensions["brushmark"].service._fetch = fetcher
    answer = wired.client.post(
        f"{API}/check", json={"url": "https://a.example/"}, headers=wired.token()
    )
    problem(answer, 400, "url_unreachable")


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/a.jpg", "http://localhost:8765/", "http://169.254.169.254/latest",
     "file:///etc/passwd", "http://[::1]/", "http://2130706433/", "ftp://a.example/x"],
)  # fmt: skip
def test_private_addresses_are_refused(wired: Wired, url: str) -> None:
    """The server is nobody's errand boy: loopback, metadata and other schemes get 400."""
    answer = wired.client.post(f"{API}/check", json={"url": url}, headers=wired.token())
    problem(answer, 400, "url_refused")


def test_fetching_can_be_off(wired_with: Callable[..., Wired]) -> None:
    """With BRUSHMARK_URL_FETCH off an address is refused with advice."""
    wired = wired_with(url_fetch=False)
    answer = wired.client.post(
        f"{API}/check", json={"url": "https://a.example/a.jpg"}, headers=wired.token()
    )
    assert "send the picture" in problem(answer, 400, "url_refused")["detail"]


def test_a_batch_answers_in_order_with_one_result_or_problem_each(wired: Wired) -> None:
    """Pictures and problems stand in the order of the parts; one failure spoils no other."""
    pictures = [jpeg(seed=1), b"no picture", encode(draw(seed=2), "PNG"), b"", jpeg(seed=4)[:900]]
    answer = wired.check_batch(wired.token("check"), pictures)
    assert answer.status_code == 200
    results = answer.json["results"]
    assert [
        r["record"]["image"]["sha256"][:8] if "record" in r else r["problem"]["code"]
        for r in results
    ] == [
        hashlib.sha256(pictures[0]).hexdigest()[:8],
        "unsupported_type",
        hashlib.sha256(pictures[2]).hexdigest()[:8],
        "malformed",
        "undecodable_image",
    ]
    assert wired.logged() == 2


def test_a_batch_has_at_most_sixty_four(wired: Wired) -> None:
    """The sixty-fifth picture is one too many, and none is judged."""
    answer = wired.check_batch(wired.token(), [PICTURE] * 65)
    problem(answer, 413, "too_large")
    assert wired.judge.calls == 0


def test_lookup_answers_the_verdict_without_context(wired: Wired) -> None:
    """Bytes seen before are answered by exact hash, a review first, and without who or where."""
    digest = hashlib.sha256(PICTURE).hexdigest()
    record = wired.check(wired.token("check", "somebody else"), PICTURE).json
    wired.client.post(
        f"{API}/predictions/{record['id']}/reviews",
        json={"label": "human_made", "note": "asked the painter"},
        headers=wired.token("review"),
    )
    answer = wired.client.post(
        f"{API}/lookup", json={"sha256": [digest, "0" * 64]}, headers=wired.token("check")
    )
    assert list(answer.json["results"]) == [digest]
    known = answer.json["results"][digest]
    assert (known["outcome"], known["basis"]) == ("human_made", "review")
    assert known["probabilities"] == record["probabilities"]
    assert known["review"]["label"] == "human_made"
    assert not {"id", "client", "context", "image"} & known.keys()
    assert "painter" not in answer.text
    assert "somebody" not in answer.text


def test_a_review_comes_back_with_the_next_check(wired: Wired) -> None:
    """A curator's decision is in the record of the same bytes from then on."""
    first = wired.check(wired.token(), PICTURE).json
    wired.client.post(
        f"{API}/predictions/{first['id']}/reviews",
        json={"label": "ai_generated"},
        headers=wired.token(),
    )
    assert wired.check(wired.token(), PICTURE).json["review"]["label"] == "ai_generated"


def test_a_review_of_a_picture_that_looks_alike_comes_as_a_hint(wired: Wired) -> None:
    """A copy of a reviewed picture gets the nearest review beside its own verdict."""
    first = wired.check(wired.token("check", "somebody else"), PICTURE).json
    assert first["similar_review"] is None
    wired.client.post(
        f"{API}/predictions/{first['id']}/reviews",
        json={"label": "human_made", "note": "asked the painter"},
        headers=wired.token("review"),
    )
    copy = encode(draw(seed=3).resize((280, 228)), "JPEG", quality=60)
    answer = wired.check(wired.token("check"), copy)
    hint = answer.json["similar_review"]
    assert (hint["label"], hint["distance_bits"] <= 8) == ("human_made", True)
    assert (answer.json["review"], answer.json["basis"]) == (None, "model")
    assert "painter" not in answer.text
    read = wired.client.get(f"{API}/predictions/{answer.json['id']}", headers=wired.token())
    assert read.json["similar_review"] == hint
    asked = {"sha256": [hashlib.sha256(copy).hexdigest()]}
    looked = wired.client.post(f"{API}/lookup", json=asked, headers=wired.token("check"))
    (known,) = looked.json["results"].values()
    assert (known["similar_review"], known["basis"]) == (hint, "model")
    # The reviewed bytes have the review itself, another picture has nothing to go by.
    assert wired.check(wired.token("check"), PICTURE).json["similar_review"] is None
    other = wired.check(wired.token("check"), jpeg(seed=4)).json
    assert (other["review"], other["similar_review"]) == (None, None)


def test_a_hint_goes_when_its_review_is_undone(wired: Wired) -> None:
    """What a curator took back is no hint any more."""
    first = wired.check(wired.token(), PICTURE).json
    reviews = f"{API}/predictions/{first['id']}/reviews"
    review = wired.client.post(reviews, json={"label": "human_made"}, headers=wired.token()).json
    wired.client.delete(f"{API}/reviews/{review['id']}", headers=wired.token())
    copy = encode(draw(seed=3), "JPEG", quality=60)
    assert wired.check(wired.token(), copy).json["similar_review"] is None


def test_small_pictures_are_not_assessed(wired: Wired) -> None:
    """A picture too small to tell gets an honest answer, without probabilities or heat map."""
    record = wired.check(wired.token(), jpeg(90, 90)).json
    assert record["outcome"] == "not_assessed"
    assert record["probabilities"] is None
    assert record["basis"] is None
    assert record["heatmap"] is None
