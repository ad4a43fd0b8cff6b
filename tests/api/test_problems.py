"""Every kind of bad input gets one clear problem document of the right status."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from backend import errors
from backend.api.problems import STATUS, describe, plain
from tests.api.harness import API, Wired, problem
from tests.pictures import draw, encode, jpeg

PICTURE = jpeg()
BOMB = encode(draw(64, 64), "PNG").replace(
    (64).to_bytes(4, "big") * 2, (60_000).to_bytes(4, "big") * 2, 1
)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "malformed"),
        (b"this is no picture at all", 415, "unsupported_type"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "unsupported_type"),
        (b"%PDF-1.7 ...", 415, "unsupported_type"),
        (PICTURE[: len(PICTURE) // 2], 422, "undecodable_image"),
        (encode(draw(), "PNG")[:200], 422, "undecodable_image"),
    ],
)
@pytest.mark.parametrize("raw", [True, False])
def test_bytes_that_are_no_picture(
    standing: Wired, admin: dict[str, str], body: bytes, status: int, code: str, raw: bool
) -> None:
    """Empty, foreign and truncated files are refused, raw or in a form, and not logged."""
    if raw:
        answer = standing.client.post(
            f"{API}/check", data=body, content_type="image/jpeg", headers=admin
        )
    else:
        answer = standing.client.post(
            f"{API}/check", data={"image": (io.BytesIO(body), "a.jpg")}, headers=admin
        )
    problem(answer, status, code)
    assert standing.logged() == 0


def test_a_decompression_bomb_is_refused(standing: Wired, admin: dict[str, str]) -> None:
    """A small file that says it has billions of pixels is too large, at once."""
    answer = standing.check(admin, BOMB)
    assert answer.status_code in {413, 422}
    assert answer.content_type == "application/problem+json"


def test_a_body_over_the_limit_is_refused(standing: Wired, admin: dict[str, str]) -> None:
    """Twenty megabytes and a bit get 413 for one picture, whatever is in them."""
    answer = standing.client.post(
        f"{API}/check",
        data=b"\xff" * (21 * 1024 * 1024),
        content_type="image/jpeg",
        headers=admin,
    )
    problem(answer, 413, "too_large")


def test_a_declared_length_over_the_limit_is_refused_unread(
    standing: Wired, admin: dict[str, str]
) -> None:
    """What a request says of its length is enough to refuse it."""
    answer = standing.client.post(
        f"{API}/lookup",
        data=b"{}",
        content_type="application/json",
        headers=admin,
        environ_overrides={"CONTENT_LENGTH": str(10**9)},
    )
    problem(answer, 413, "too_large")


@pytest.mark.parametrize("length", ["-1", "1e3", "²", "9" * 30, "0x10"])
def test_a_length_that_is_no_number_is_refused(
    standing: Wired, admin: dict[str, str], length: str
) -> None:
    """A strange Content-Length is malformed, not a server error."""
    answer = standing.client.post(
        f"{API}/check", headers=admin, environ_overrides={"CONTENT_LENGTH": length}
    )
    problem(answer, 400, "malformed")


def post_json(
    wired: Wired,
    headers: dict[str, str],
    path: str,
    body: bytes,
    content_type: str = "application/json",
) -> Any:
    return wired.client.post(f"{API}/{path}", data=body, content_type=content_type, headers=headers)


@pytest.mark.parametrize(
    ("path", "body", "code", "words"),
    [
        ("lookup", b"", "malformed", "empty"),
        ("lookup", b"{", "malformed", "not valid JSON"),
        ("lookup", b"\xff\xfe", "malformed", "not valid JSON"),
        ("lookup", b"[" * 50_000, "malformed", "not valid JSON"),
        ("lookup", b"[]", "malformed", "no object"),
        ("lookup", b"null", "malformed", "no object"),
        ("lookup", b"{}", "malformed", "missing"),
        ("lookup", b'{"sha256": []}', "malformed", "sha256"),
        ("lookup", b'{"sha256": "00"}', "malformed", "sha256"),
        ("lookup", b'{"sha256": ["xyz"]}', "malformed", "sha256"),
        ("lookup", b'{"sha256": [null]}', "malformed", "sha256"),
        ("lookup", json.dumps({"sha256": ["0" * 64] * 257}).encode(), "malformed", "sha256"),
        ("lookup", b'{"sha265": []}', "unknown_field", "Did you mean “sha256”"),
        ("check", b'{"url": "https://a.example/", "soruce": "cli"}', "unknown_field", "“source”"),
        ("check", b'{"url": "\\ud800"}', "malformed", "JSON"),
        ("check", b'{"url": "https://a.example/", "log": "no"}', "malformed", "log"),
        ("check", b'{"url": "u", "url": "v"}', "malformed", "more than once"),
        ("check?url=x", b'{"url": "u"}', "unknown_field", "url"),
        ("check?log=true", b'{"url": "u", "log": false}', "malformed", "more than once"),
        ("policy", b'{"human_at_most": NaN, "ai_at_least": 0.9}', "malformed", "human_at_most"),
        ("policy", b'{"human_at_most": 0.9, "ai_at_least": 0.1}', "malformed", "below"),
        ("policy", b'{"human_at_most": -1, "ai_at_least": 2}', "malformed", "human_at_most"),
        ("policy", b'{"human_at_most": "0.1", "ai_at_least": 0.9}', "malformed", "human_at_most"),
        ("pair", b'{"code": "", "name": "x"}', "malformed", "code"),
        ("pair", b'{"code": "ABCD-EFGH", "name": " "}', "malformed", "name"),
        ("predictions/x/reviews", b'{"label": "maybe"}', "malformed", "label"),
        ("predictions/x/appeals", b'{"claim": "cannot_tell"}', "malformed", "claim"),
    ],
)  # fmt: skip
def test_json_that_will_not_do(
    standing: Wired, admin: dict[str, str], path: str, body: bytes, code: str, words: str
) -> None:
    """Whatever is wrong with a JSON body is said in words that name the field."""
    assert words in problem(post_json(standing, admin, path, body), 400, code)["detail"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", ""])
def test_json_routes_want_json(standing: Wired, admin: dict[str, str], content_type: str) -> None:
    """A JSON body under another name is refused by type."""
    problem(post_json(standing, admin, "lookup", b"{}", content_type), 415, "unsupported_type")
    problem(post_json(standing, admin, "check", b"{}", content_type), 415, "unsupported_type")


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        ({}, "malformed", "no picture"),
        ({"image": "text"}, "malformed", "as a file"),
        ({"picture": (io.BytesIO(PICTURE), "a.jpg")}, "unknown_field", "picture"),
        (
            {"image": [(io.BytesIO(PICTURE), "a.jpg"), (io.BytesIO(PICTURE), "b.jpg")]},
            "malformed",
            "more than once",
        ),
        ({"image": (io.BytesIO(PICTURE), "a"), "lgo": "true"}, "unknown_field", "“log”"),
        ({"image": (io.BytesIO(PICTURE), "a"), "log": "yes"}, "malformed", "true or false"),
        ({"image": (io.BytesIO(PICTURE), "a"), "log": ["true", "true"]}, "malformed", "once"),
        ({"image": (io.BytesIO(PICTURE), "a"), "source": "tv"}, "malformed", "source"),
        ({"image": (io.BytesIO(PICTURE), "a"), "page_title": "x" * 1001}, "malformed", "title"),
    ],
)
def test_forms_that_will_not_do(
    standing: Wired, admin: dict[str, str], data: Any, code: str, words: str
) -> None:
    """Whatever is wrong with a form is said in words that name the field."""
    answer = standing.client.post(
        f"{API}/check", data=data, content_type="multipart/form-data", headers=admin
    )
    assert words in problem(answer, 400, code)["detail"]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--x\r\n"),
        ("multipart/form-data; boundary=", b"--x\r\n"),
        ("multipart/form-data; boundary=x", b"nonsense"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\na"),
        ("multipart/form-data; boundary=x", b"--x\r\nbroken header\r\n\r\na\r\n--x--\r\n"),
        ("multipart/form-data; boundary=" + "x" * 3000, b"--x\r\n"),
    ],
)
def test_broken_forms_are_malformed(
    standing: Wired, admin: dict[str, str], content_type: str, body: bytes
) -> None:
    """A form that cannot be parsed is the client's fault and said so."""
    answer = standing.client.post(
        f"{API}/check", data=body, content_type=content_type, headers=admin
    )
    problem(answer, 400, "malformed")


def test_too_many_parts_are_refused(standing: Wired, admin: dict[str, str]) -> None:
    """A form of a thousand parts is refused while it is parsed."""
    answer = standing.client.post(
        f"{API}/check",
        data={f"f{i}": "x" for i in range(1000)},
        content_type="multipart/form-data",
        headers=admin,
    )
    problem(answer, 413, "too_large")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("limit=0", "malformed"),
        ("limit=201", "malformed"),
        ("limit=ten", "malformed"),
        ("limit=1&limit=2", "malformed"),
        ("limt=1", "unknown_field"),
        ("outcome=maybe", "malformed"),
        ("reviewed=1", "malformed"),
        ("min_score=nan", "malformed"),
        ("max_score=1.1", "malformed"),
        ("since=yesterday", "malformed"),
        ("since=0001-01-01T00:00:00%2B14:00", "malformed"),
        ("sort=name", "malformed"),
        ("cursor=%00%FFgarbage", "malformed"),
    ],
)
def test_queries_that_will_not_do(
    standing: Wired, admin: dict[str, str], query: str, code: str
) -> None:
    """Whatever is wrong with a query parameter is a 400 that names it."""
    answer = standing.client.get(f"{API}/predictions?{query}", headers=admin)
    problem(answer, 400, code)


@pytest.mark.parametrize(
    "path",
    ["/", "/api/v1", f"{API}/check/", "/favicon.ico", f"{API}/queues", f"{API}/docs/x",
     f"{API}/docs/../app.py", f"{API}//stats"],
)  # fmt: skip
def test_unknown_addresses(standing: Wired, admin: dict[str, str], path: str) -> None:
    """What is not there is a 404 problem, for anybody."""
    problem(standing.client.get(path), 404, "not_found")


def test_wrong_methods_say_which_are_right(standing: Wired, admin: dict[str, str]) -> None:
    """A method that an address does not take is a 405 problem with the Allow header."""
    answer = standing.client.put(f"{API}/check", headers=admin)
    problem(answer, 405, "method_not_allowed")
    assert "POST" in answer.headers["Allow"]


@pytest.mark.parametrize("name", ["x", "0" * 26, "../../etc/passwd", "a" * 500, "%00", "é"])
def test_ids_of_nothing(standing: Wired, admin: dict[str, str], name: str) -> None:
    """An id that is none of ours is a 404 problem on every route that takes one."""
    headers = admin
    for method, path in [
        ("GET", f"predictions/{name}"),
        ("GET", f"predictions/{name}/image"),
        ("GET", f"predictions/{name}/heatmap"),
        ("GET", f"predictions/{name}/thumbnail"),
        ("DELETE", f"predictions/{name}"),
        ("DELETE", f"reviews/{name}"),
    ]:
        problem(standing.client.open(f"{API}/{path}", method=method, headers=headers), 404,
                "not_found")  # fmt: skip


def test_trouble_of_the_server_tells_nothing_of_its_inside(wired: Wired) -> None:
    """An unforeseen error is a 500 problem without message or trace."""

    def broken() -> None:
        raise RuntimeError("the secret is in /home/somebody")

    wired.app.extensions["brushmark"].service.repository.stats = broken
    answer = wired.client.get(f"{API}/stats", headers=wired.token())
    problem(answer, 500, "internal")
    assert "secret" not in answer.text
    assert "/home" not in answer.text


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.OutOfSpace("no space for /home/me/store.sqlite3"), 507),
        (errors.StoreUnavailable("/home/me/store.sqlite3 is locked"), 503),
        (errors.StoreDamaged("/home/me/store.sqlite3 is damaged"), 503),
    ],
)
def test_trouble_with_the_store_names_no_folders(error: errors.BrushmarkError, status: int) -> None:
    """Where the store lies is for the server's log, not for its clients."""
    answer = describe(error)
    assert answer.problem.status == status
    assert "/home" not in answer.problem.detail


def test_503_and_429_say_when_to_come_back() -> None:
    """`Retry-After` and `retry_after` go with every answer that asks for patience."""
    for error in [errors.Busy("x"), errors.NoModel("x"), errors.StoreUnavailable("x"),
                  errors.SlowDown("x", 7)]:  # fmt: skip
        answer = describe(error)
        assert answer.headers["Retry-After"] == str(answer.problem.retry_after)
        assert answer.problem.retry_after
        assert answer.problem.retry_after > 0


def test_every_error_of_a_request_has_a_status() -> None:
    """The contract's list: each code has the status that the contract gives it."""
    for kind, status in {
        errors.BadInput: 400, errors.UnknownField: 400, errors.UrlRefused: 400,
        errors.Unauthenticated: 401, errors.HostRefused: 403, errors.NotFound: 404,
        errors.Conflict: 409, errors.TooLarge: 413, errors.UnsupportedType: 415,
        errors.UndecodableImage: 422, errors.SlowDown: 429, errors.Busy: 503,
        errors.NoModel: 503, errors.OutOfSpace: 507,
    }.items():  # fmt: skip
        assert next(STATUS[k] for k in kind.__mro__ if k in STATUS) == status


def test_what_the_http_server_refuses_is_never_a_server_error() -> None:
    """Waitress' 501 for a transfer coding is the client's fault, so it becomes 400."""
    assert plain(501).problem.status == 400
    assert plain(431).problem.code == "too_large"


def test_no_model_is_said_so(wired_with: Callable[..., Wired]) -> None:
    """Without weights the server answers: checks and readiness 503 `no_model`, health 204."""
    wired = wired_with()
    wired.app.extensions["brushmark"].service.judge = None
    headers = wired.token()
    for answer in [
        wired.check(headers),
        wired.client.get("/readyz"),
        wired.client.get(f"{API}/model", headers=headers),
        wired.client.get(f"{API}/policy", headers=headers),
        wired.client.post(
            f"{API}/check/batch",
            data={"image": (io.BytesIO(PICTURE), "a.jpg")},
            headers=headers,
        ),
    ]:
        problem(answer, 503, "no_model")
        assert answer.headers["Retry-After"]
    assert wired.client.get("/healthz").status_code == 204
    assert wired.client.get(f"{API}/predictions", headers=headers).status_code == 200
    assert b'version="fake-1"' not in wired.client.get("/metrics", headers=headers).data
