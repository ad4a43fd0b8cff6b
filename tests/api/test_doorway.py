"""Over a real socket: what is refused before its body is read, and how it is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.api import doorway
from backend.settings import Settings
from backend.storage import open_repository
from tests.api.live import Live, live, read_reply
from tests.pictures import jpeg

MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    settings = Settings(home=Path(tmp_path_factory.mktemp("door")))
    repository = open_repository(settings)
    with live(settings, repository) as running:
        yield running
    repository.close()


TYPE = "Content-Type: image/jpeg"


@pytest.mark.parametrize(
    ("line", "headers", "status", "code"),
    [
        ("POST /api/v1/check HTTP/1.1", [], 401, "unauthenticated"),
        ("POST /api/v1/check HTTP/1.1", ["Authorization: Bearer no"], 401, "unauthenticated"),
        ("POST /api/v1/check HTTP/1.1", ["Expect: 100-continue"], 401, "unauthenticated"),
        ("POST /api/v1/check/batch HTTP/1.1", [], 401, "unauthenticated"),
        ("POST /nowhere HTTP/1.1", [], 404, "not_found"),
        ("PUT /api/v1/check HTTP/1.1", [], 405, "method_not_allowed"),
        ("POST /api/v1/pair HTTP/1.1", [], 413, "too_large"),
        ("GET /healthz HTTP/1.1", [], 413, "too_large"),
    ],
)
def test_refused_by_the_head_alone(
    server: Live, line: str, headers: list[str], status: int, code: str
) -> None:
    """The answer comes although the announced 20 MB never do, and the connection is closed."""
    reply = server.ask(line, TYPE, f"Content-Length: {20 * MEGABYTE}", *headers)
    assert (reply.status, reply.code) == (status, code)
    assert reply.headers["connection"] == "close"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert "server" not in reply.headers


@pytest.mark.parametrize("host", ["evil.example", "localhost", "127.0.0.1:1", ""])
def test_foreign_hosts_are_refused_by_the_head_alone(server: Live, host: str) -> None:
    """Even with a valid token, a request for another host, or for none, is not read."""
    reply = server.ask(
        "POST /api/v1/check HTTP/1.1",
        server.bearer(),
        f"Content-Length: {20 * MEGABYTE}",
        host=host,
    )
    assert (reply.status, reply.code) == (403, "host_refused")


def test_two_host_headers_are_none(server: Live) -> None:
    """A request that names two hosts is refused, whichever comes first."""
    reply = server.ask("GET /healthz HTTP/1.1", "Host: evil.example")
    assert (reply.status, reply.code) == (403, "host_refused")


def test_too_long_is_said_before_it_is_sent(server: Live) -> None:
    """A picture over the limit is refused by its Content-Length, token or not."""
    reply = server.ask(
        "POST /api/v1/check HTTP/1.1",
        server.bearer(),
        TYPE,
        f"Content-Length: {30 * MEGABYTE}",
    )
    assert (reply.status, reply.code) == (413, "too_large")


def test_a_client_that_sends_on_still_reads_the_refusal(server: Live) -> None:
    """A client in the middle of its upload gets the answer, not a reset connection."""
    with server.connect() as connection:
        head = server.head("POST /api/v1/check HTTP/1.1", TYPE, f"Content-Length: {15 * MEGABYTE}")
        connection.sendall(head)
        for _ in range(15):
            connection.sendall(b"\xff" * MEGABYTE)
        reply = read_reply(connection)
        assert (reply.status, reply.code) == (401, "unauthenticated")


def test_no_continue_is_sent_to_the_refused(server: Live) -> None:
    """`Expect: 100-continue` gets the refusal itself, and a 100 where the request may go on."""
    picture = jpeg()
    with server.connect() as connection:
        connection.sendall(
            server.head(
                "POST /api/v1/check?log=false HTTP/1.1",
                server.bearer(),
                TYPE,
                f"Content-Length: {len(picture)}",
                "Expect: 100-continue",
            )
        )
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(picture)
        assert read_reply(connection).status == 200


def chunked(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"


def test_chunked_bodies_are_taken_and_bounded(server: Live) -> None:
    """A body of unknown length is judged like any other, and cut off at the limit."""
    head = ("POST /api/v1/check?log=false HTTP/1.1", server.bearer(), TYPE,
            "Transfer-Encoding: chunked")  # fmt: skip
    picture = jpeg()
    assert server.ask(*head, body=chunked(picture[:1000], picture[1000:])).status == 200
    with server.connect() as connection:
        connection.sendall(server.head(*head))
        piece = b"%x\r\n%s\r\n" % (MEGABYTE, b"\xff" * MEGABYTE)
        for _ in range(22):
            connection.sendall(piece)
        reply = read_reply(connection)
        assert (reply.status, reply.code) == (413, "too_large")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("check", b"1;" + b"x" * 100_000),
        ("check", b"0\r\n" + b"X-Trailer: y\r\n" * 10_000),
        ("lookup", b"1\r\na\r\n" * 30_000),
    ],
)
def test_the_framing_of_chunked_bodies_is_bounded(server: Live, path: str, body: bytes) -> None:
    """Lines, trailers and tiny chunks cannot be made to grow without end."""
    reply = server.ask(
        f"POST /api/v1/{path} HTTP/1.1",
        server.bearer(),
        "Content-Type: application/json",
        "Transfer-Encoding: chunked",
        body=body,
    )
    assert (reply.status, reply.code) == (413, "too_large")


@pytest.mark.parametrize(
    ("line", "headers", "status"),
    [
        ("GET / HTTP/1.1 nonsense", [], 400),
        ("get /healthz HTTP/1.1", [], 400),
        ("GET /healthz HTTP/1.1", ["Content-Length: -5"], 400),
        ("GET /healthz HTTP/1.1", ["Content-Length: 1, 2"], 400),
        ("GET /healthz HTTP/1.1", ["Bad Header: x"], 400),
        ("POST /api/v1/check HTTP/1.1", ["Transfer-Encoding: gzip"], 400),
        ("GET /healthz HTTP/1.1", [f"X-Long: {'x' * 40_000}"], 431),
    ],
)
def test_broken_requests_are_problems_too(
    server: Live, line: str, headers: list[str], status: int
) -> None:
    """What the HTTP server itself cannot read is refused in the same form as all else."""
    reply = server.ask(line, *headers)
    assert reply.status == status
    assert reply.code in {"malformed", "too_large"}


def test_a_refused_body_is_not_taken_for_a_request(server: Live) -> None:
    """A request hidden in a refused body is not answered (request smuggling)."""
    hidden = server.head("GET /healthz HTTP/1.1")
    with server.connect() as connection:
        connection.sendall(
            server.head("POST /api/v1/check HTTP/1.1", f"Content-Length: {len(hidden)}") + hidden
        )
        received = b""
        while piece := connection.recv(65536):
            received += piece
    assert received.count(b"HTTP/1.1 ") == 1
    assert b"401" in received


def test_one_connection_carries_many_requests(server: Live) -> None:
    """Connections are kept between requests that go well."""
    with server.connect() as connection:
        for _ in range(3):
            connection.sendall(server.head("GET /api/v1/policy HTTP/1.1", server.bearer()))
            reply = read_reply(connection)
            assert (reply.status, reply.headers.get("connection")) == (200, None)


def test_dawdlers_are_cut_off(server: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """A head that does not end in time closes the connection, however steadily it drips."""
    monkeypatch.setattr(doorway, "HEAD_TIMEOUT_S", 0.05)
    with server.connect() as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nX-Slow: ")
        assert connection.recv(10) == b""


def test_aborted_uploads_and_slow_clients_leave_health_alone(server: Live) -> None:
    """Fifty half-sent uploads, some broken off, and health still answers."""
    head = server.head(
        "POST /api/v1/check HTTP/1.1", server.bearer(), TYPE, f"Content-Length: {MEGABYTE}"
    )
    connections = [server.connect() for _ in range(50)]
    try:
        for connection in connections:
            connection.sendall(head + b"\xff" * 10_000)
        for connection in connections[::2]:
            connection.close()
        assert server.ask("GET /healthz HTTP/1.1").status == 204
    finally:
        for connection in connections:
            connection.close()
    assert server.judge.calls <= 1 + len(connections)


def test_health_answers_over_the_wire_while_all_checks_are_stuck(server: Live) -> None:
    """With the network stuck and the queue full, others get 503 and health answers."""
    server.judge.hold.clear()
    capacity = server.app.extensions["brushmark"].service.queue.capacity
    stuck = []
    for seed in range(capacity):
        picture = jpeg(seed=1000 + seed)
        connection = server.connect()
        connection.sendall(
            server.head(
                "POST /api/v1/check?log=false HTTP/1.1",
                server.bearer(),
                TYPE,
                f"Content-Length: {len(picture)}",
            )
            + picture
        )
        stuck.append(connection)
    queue = server.app.extensions["brushmark"].service.queue
    while queue.length < capacity:
        assert server.ask("GET /healthz HTTP/1.1").status == 204
    picture = jpeg(seed=1)
    reply = server.ask(
        "POST /api/v1/check?log=false HTTP/1.1",
        server.bearer(),
        TYPE,
        f"Content-Length: {len(picture)}",
        body=picture,
    )
    assert (reply.status, reply.code) == (503, "busy")
    assert reply.headers["retry-after"] == "1"
    server.judge.hold.set()
    for connection in stuck:
        with connection:
            assert read_reply(connection).status == 200
