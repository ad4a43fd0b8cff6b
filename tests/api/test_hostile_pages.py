"""What any web page can make a browser send to loopback: none of it is accepted or logged."""

from __future__ import annotations

import pytest

from tests.api.harness import API, Wired
from tests.pictures import jpeg

ORIGIN = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
FORM = (
    (
        f"--{BOUNDARY}\r\n"
        'Content-Disposition: form-data; name="image"; filename="a.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    ).encode()
    + jpeg()
    + f"\r\n--{BOUNDARY}--\r\n".encode()
)

# A form, fetch with no-cors (text/plain, form types, or a Blob without any type), a beacon.
SIMPLE_BODIES = [
    (f"multipart/form-data; boundary={BOUNDARY}", FORM),
    ("application/x-www-form-urlencoded", b"url=http%3A%2F%2Fexample.org%2Fa.jpg"),
    ("text/plain", b'{"url": "http://example.org/a.jpg"}'),
    ("text/plain;charset=UTF-8", b'{"code": "ABCD-EFGH", "name": "evil"}'),
    ("", jpeg()),
]
POSTS = [
    "check",
    "check/batch",
    "lookup",
    "policy",
    "predictions/x/reviews",
    "predictions/x/appeals",
]
GETS = ["/api/v1/predictions", "/api/v1/predictions/x/image", "/api/v1/stats", "/metrics"]


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(("content_type", "body"), SIMPLE_BODIES)
def test_simple_requests_from_a_page_are_refused(
    standing: Wired, path: str, content_type: str, body: bytes
) -> None:
    """What a page may send without a preflight gets 401, and nothing is judged or logged."""
    answer = standing.client.post(
        f"{API}/{path}", data=body, content_type=content_type, headers=ORIGIN
    )
    assert answer.status_code == 401
    assert standing.judge.calls == 0
    assert standing.logged() == 0


@pytest.mark.parametrize("path", GETS)
def test_image_tags_and_links_learn_nothing(standing: Wired, path: str) -> None:
    """What an image tag, a frame or a link asks for gets 401, and other origins cannot embed it."""
    answer = standing.client.get(path, headers={**ORIGIN, "Sec-Fetch-Mode": "no-cors"})
    assert answer.status_code == 401
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer.headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("path", [f"{API}/check", f"{API}/predictions/x", "/healthz"])
def test_a_preflight_invites_nobody(standing: Wired, path: str) -> None:
    """OPTIONS says which methods there are and grants no origin anything."""
    answer = standing.client.options(
        path,
        headers={
            **ORIGIN,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization",
            "Access-Control-Request-Private-Network": "true",
        },
    )
    assert answer.status_code == 200
    assert answer.headers["Allow"]
    assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]


def test_no_answer_carries_cors_headers_or_cookies(wired: Wired) -> None:
    """Neither success nor failure lets another origin read it, and no cookie is ever set."""
    answers = [
        wired.client.get("/healthz", headers=ORIGIN),
        wired.client.get(f"{API}/docs", headers=ORIGIN),
        wired.client.get(f"{API}/nowhere", headers=ORIGIN),
        wired.check({**wired.token(), **ORIGIN}),
    ]
    for answer in answers:
        names = {name.lower() for name, _ in answer.headers}
        assert not {n for n in names if n.startswith("access-control") or n == "set-cookie"}
        assert {"content-security-policy", "referrer-policy", "cache-control"} <= names
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_page_cannot_lock_pairing(wired: Wired) -> None:
    """Guesses that a page can send without a preflight are refused before they are counted."""
    for _ in range(12):
        answer = wired.client.post(
            f"{API}/pair",
            data=b'{"code": "AAAA-AAAA", "name": "evil"}',
            content_type="text/plain",
            headers=ORIGIN,
        )
        assert answer.status_code == 415
    answer = wired.client.post(f"{API}/pair", json={"code": "AAAA-AAAA", "name": "mine"})
    assert answer.status_code == 401
