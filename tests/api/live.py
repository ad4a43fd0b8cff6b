"""A backend on a real socket, and requests written byte by byte."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from flask import Flask

from backend.access import create_token
from backend.api.server import HttpServer, listening
from backend.app import create_app
from backend.domain import Scope
from backend.settings import Settings
from backend.storage.repository import Repository
from tests.fakes import FakeJudge

THREADS = 40


@dataclass(frozen=True)
class Reply:
    """An HTTP answer, read to its end."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The code of a problem document."""
        assert self.headers["content-type"] == "application/problem+json", self
        return str(json.loads(self.body)["code"])


@dataclass(frozen=True)
class Live:
    """A running server."""

    port: int
    app: Flask
    judge: FakeJudge
    token: str
    stop: Callable[[], None]

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def head(self, line: str, *headers: str, host: str | None = None) -> bytes:
        """Write a request's head."""
        named = [] if host == "" else [f"Host: {host or f'127.0.0.1:{self.port}'}"]
        return "\r\n".join([line, *named, *headers, "", ""]).encode("latin-1")

    def bearer(self) -> str:
        return f"Authorization: Bearer {self.token}"

    def ask(self, line: str, *headers: str, body: bytes = b"", host: str | None = None) -> Reply:
        """Send a request and read the whole answer."""
        with self.connect() as connection:
            connection.sendall(self.head(line, *headers, host=host) + body)
            return read_reply(connection)


def read_reply(connection: socket.socket) -> Reply:
    """Read one answer; fails where the connection ends before it is whole."""
    with connection.makefile("rb") as file:
        status = file.readline().decode()
        assert status.startswith("HTTP/1."), f"no answer: {status!r}"
        headers: dict[str, str] = {}
        while (line := file.readline().decode("latin-1").strip()) != "":
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        body = file.read(int(headers.get("content-length", 0)))
        return Reply(int(status.split()[1]), headers, body)


@contextlib.contextmanager
def live(settings: Settings, repository: Repository, **changes: Any) -> Iterator[Live]:
    """Run a server on a free port of loopback for as long as the block lasts."""
    with listening("127.0.0.1", 0) as listener:
        settings = replace(settings, port=listener.getsockname()[1], **changes)
        judge = FakeJudge()
        app = create_app(settings, repository=repository, judge=judge)
        secret, _ = create_token(repository, "live", Scope.ADMIN, "test")
        server = HttpServer(app, listener, threads=THREADS)
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            yield Live(settings.port, app, judge, secret, server.stop)
        finally:
            judge.hold.set()
            server.stop()
            thread.join()
