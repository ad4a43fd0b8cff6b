"""Public mode, rate limits, pairing and bounded work."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from backend.access import new_pairing_code
from backend.api.limits import Buckets, Rate, address_key, client_address
from backend.errors import SlowDown
from tests.api.harness import API, Clock, Wired, problem
from tests.pictures import draw, encode, jpeg


def test_visitors_of_a_public_server_get_both_probabilities_and_leave_no_trace(
    wired_with: Callable[..., Wired],
) -> None:
    """Anybody may check a picture; `log` true changes nothing, and there is no record after."""
    wired = wired_with(public=True)
    answer = wired.check(log="true", heatmap="true", page_url="https://a.example/")
    assert answer.status_code == 200
    assert set(answer.json["probabilities"]) == {"ai_generated", "human_made"}
    assert answer.json["heatmap"].startswith("data:image/png;base64,")
    assert answer.json["client"] == "visitor"
    assert wired.logged() == 0
    service = wired.app.extensions["brushmark"].service
    assert not service.images.has(answer.json["image"]["sha256"])
    assert not service._recent


def test_visitors_see_no_reviewer(wired_with: Callable[..., Wired]) -> None:
    """What a curator said of the same bytes, and who it was, is not for visitors."""
    wired = wired_with(public=True)
    headers = wired.token("review")
    record = wired.check(headers).json
    wired.client.post(
        f"{API}/predictions/{record['id']}/reviews",
        json={"label": "human_made", "note": "asked the painter"},
        headers=headers,
    )
    assert wired.check(headers).json["review"]["note"] == "asked the painter"
    assert wired.check().json["review"] is None
    copy = encode(draw(), "JPEG", quality=60)
    assert wired.check(headers, copy).json["similar_review"]["label"] == "human_made"
    assert wired.check(None, copy).json["similar_review"] is None


def test_visitors_may_do_nothing_else(wired_with: Callable[..., Wired]) -> None:
    """Beside checking and the model's card, a visitor needs a token as anywhere."""
    wired = wired_with(public=True)
    assert wired.client.get(f"{API}/model").status_code == 200
    for method, path in [
        ("POST", "check/batch"), ("POST", "lookup"), ("GET", "predictions"), ("GET", "policy"),
        ("GET", "stats"), ("POST", "predictions/x/appeals"),
    ]:  # fmt: skip
        problem(wired.client.open(f"{API}/{path}", method=method), 401, "unauthenticated")
    problem(wired.client.get("/metrics"), 401, "unauthenticated")


def test_visitors_cannot_have_addresses_fetched(wired_with: Callable[..., Wired]) -> None:
    """Even where fetching is on for token holders, a visitor is refused."""
    wired = wired_with(public=True, url_fetch=True)
    answer = wired.client.post(f"{API}/check", json={"url": "https://a.example/a.jpg"})
    problem(answer, 400, "url_refused")


def test_a_wrong_token_is_not_a_visitor(wired_with: Callable[..., Wired]) -> None:
    """Who sends a token means to be known: a bad one is said to be bad."""
    wired = wired_with(public=True)
    problem(wired.check({"Authorization": "Bearer bm_old"}), 401, "unauthenticated")


def test_token_holders_of_a_public_server_are_logged(wired_with: Callable[..., Wired]) -> None:
    """Public mode changes nothing for those who have a token."""
    wired = wired_with(public=True)
    assert wired.check(wired.token("check")).json["client"] != "visitor"
    assert wired.logged() == 1


def test_a_server_that_is_not_public_has_no_visitors(wired: Wired) -> None:
    """Without BRUSHMARK_PUBLIC, checking needs a token."""
    problem(wired.check(), 401, "unauthenticated")


def test_visitors_are_limited_by_address(wired_with: Callable[..., Wired]) -> None:
    """Ten at once, then 20 a minute, for each address apart; the answer says when to return."""
    wired = wired_with(public=True)

    def check(address: str) -> int:
        return wired.client.post(
            f"{API}/check",
            data=jpeg(),
            content_type="image/jpeg",
            environ_overrides={"REMOTE_ADDR": address},
        ).status_code

    assert [check("203.0.113.5") for _ in range(11)] == [200] * 10 + [429]
    assert check("203.0.113.6") == 200
    answer = wired.client.post(f"{API}/check", environ_overrides={"REMOTE_ADDR": "203.0.113.5"})
    assert problem(answer, 429, "slow_down")["retry_after"] == 3
    assert answer.headers["Retry-After"] == "3"
    wired.clock.now += 3
    assert check("203.0.113.5") == 200
    assert check("203.0.113.5") == 429


def test_tokens_are_limited_generously_and_admins_not(wired: Wired) -> None:
    """A runaway client is slowed down after hundreds of requests; the owner never is."""
    headers, owner = wired.token("check"), wired.token("admin")
    statuses = [wired.client.get(f"{API}/policy", headers=headers).status_code for _ in range(502)]
    assert statuses[:500] == [200] * 500
    assert statuses[500:] == [429, 429]
    assert wired.client.get(f"{API}/policy", headers=owner).status_code == 200


def test_open_routes_are_limited_but_health_is_not(wired: Wired) -> None:
    """Hammering the documents ends in 429; health answers all the same."""
    statuses = {wired.client.get(f"{API}/docs").status_code for _ in range(60)}
    assert statuses == {200, 429}
    assert {wired.client.get("/healthz").status_code for _ in range(60)} == {204}


def test_a_bucket_refills_steadily_and_never_above_its_size() -> None:
    """The long-run rate holds, however long a client was away."""
    clock = Clock()
    buckets = Buckets(Rate(per_s=1, burst=2), clock)
    clock.now += 1000
    buckets.require("a")
    buckets.require("a", spend=False)
    buckets.require("a")
    with pytest.raises(SlowDown):
        buckets.require("a", spend=False)
    clock.now += 1
    buckets.require("a")


@pytest.mark.parametrize(
    ("peer", "forwarded", "public", "whose"),
    [
        ("127.0.0.1", "203.0.113.9", True, "203.0.113.9"),
        ("10.0.0.2", "1.2.3.4, 203.0.113.9", True, "203.0.113.9"),
        ("127.0.0.1", "203.0.113.9", False, "127.0.0.1"),
        ("203.0.113.1", "198.51.100.7", True, "203.0.113.1"),
        ("127.0.0.1", "nonsense", True, "127.0.0.1"),
        ("127.0.0.1", None, True, "127.0.0.1"),
    ],
)
def test_forwarded_addresses_count_from_a_near_proxy_alone(
    peer: str, forwarded: str | None, public: bool, whose: str
) -> None:
    """One hop of X-Forwarded-For, on a public server, from a proxy on this machine or network."""
    assert client_address(peer, forwarded, public) == whose


def test_an_ipv6_subscriber_is_one_visitor() -> None:
    """Addresses of one /64 share a bucket; a mapped IPv4 address is that IPv4 address."""
    assert address_key("2001:db8::1") == address_key("2001:db8::ffff:1")
    assert address_key("::ffff:192.0.2.7") == "192.0.2.7"


def test_a_browser_pairs_once_with_a_code(wired: Wired) -> None:
    """A code gives a token of scope `check`, once; dashes, blanks and case do not matter."""
    code = new_pairing_code(wired.repository)
    body = {"code": code.replace("-", " ").lower(), "name": "Firefox on Linux"}
    answer = wired.client.post(f"{API}/pair", json=body)
    assert answer.status_code == 201
    assert answer.json["scope"] == "check"
    headers = {"Authorization": f"Bearer {answer.json['token']}"}
    assert wired.check(headers).json["client"] == answer.json["client"]
    problem(wired.client.get(f"{API}/stats", headers=headers), 403, "forbidden")
    problem(wired.client.post(f"{API}/pair", json=body), 401, "unauthenticated")


def test_guessing_codes_locks_pairing(wired: Wired) -> None:
    """Ten wrong codes lock it even for the right one, for a quarter of an hour."""
    code = new_pairing_code(wired.repository)
    for _ in range(10):
        wrong = wired.client.post(f"{API}/pair", json={"code": "AAAA-AAAA", "name": "x"})
        problem(wrong, 401, "unauthenticated")
    right = {"code": code, "name": "x"}
    answer = wired.client.post(f"{API}/pair", json=right)
    assert 890 < problem(answer, 429, "slow_down")["retry_after"] <= 901
    wired.clock.now += 901
    assert wired.client.post(f"{API}/pair", json=right).status_code == 201


def test_a_full_queue_is_said_and_health_answers(wired: Wired) -> None:
    """With every place taken the next check gets 503 at once, health 204, and all others finish."""
    service = wired.app.extensions["brushmark"].service
    headers = wired.token()
    wired.judge.hold.clear()
    places = service.queue.capacity
    statuses: list[int] = []

    def work(seed: int) -> None:
        client = wired.app.test_client()
        answer = client.post(
            f"{API}/check", data=jpeg(seed=seed), content_type="image/jpeg", headers=headers
        )
        statuses.append(answer.status_code)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(places)]
    for thread in threads:
        thread.start()
    while service.queue.length < places:
        threading.Event().wait(0.005)
    answer = wired.check(headers, jpeg(seed=999))
    problem(answer, 503, "busy")
    assert answer.headers["Retry-After"] == "1"
    assert wired.client.get("/healthz").status_code == 204
    assert (
        f"brushmark_queue_pictures {float(places)}"
        in wired.client.get("/metrics", headers=headers).text
    )
    wired.judge.hold.set()
    for thread in threads:
        thread.join()
    assert statuses == [200] * places
    assert wired.logged() == places


def test_health_answers_when_every_other_place_is_taken(wired: Wired) -> None:
    """The bulkhead turns others away before health has to wait."""
    bulkhead = wired.app.extensions["brushmark"].bulkhead
    taken = bulkhead.capacity
    for _ in range(taken):
        bulkhead.enter()
    problem(wired.client.get(f"{API}/docs"), 503, "busy")
    assert wired.client.get("/healthz").status_code == 204
    for _ in range(taken):
        bulkhead.leave()
    assert wired.client.get(f"{API}/docs").status_code == 200


def test_metrics_count_requests_by_route_and_checks_by_outcome(wired: Wired) -> None:
    """The metrics name routes, never addresses, ids or clients."""
    headers = wired.token("admin", "Very Secret Name")
    record = wired.check(headers).json
    wired.client.get(f"{API}/predictions/{record['id']}", headers=headers)
    wired.client.open("/nowhere", method="BREW")
    text = wired.client.get("/metrics", headers=headers).text
    assert (
        'brushmark_requests_total{method="GET",route="/api/v1/predictions/<prediction_id>",'
        'status="200"} 1.0' in text
    )
    assert 'brushmark_checks_total{outcome="uncertain"} 1.0' in text
    assert 'brushmark_model{version="fake-1"} 1.0' in text
    assert 'method="other",route="none"' in text
    assert record["id"] not in text
    assert "Secret" not in text
