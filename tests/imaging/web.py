"""A real web server on loopback that answers each path with bytes of the test's choosing."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Answer = bytes | Callable[[socket.socket], None]


def response(
    body: bytes = b"", *headers: str, status: str = "200 OK", type: str | None = "image/png"
) -> bytes:
    """Return an HTTP response without a length unless `headers` give one."""
    lines = [f"HTTP/1.1 {status}", *headers]
    if type is not None:
        lines.append(f"Content-Type: {type}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def redirect(location: str, status: str = "302 Found") -> bytes:
    """Return a redirection."""
    return response(b"", f"Location: {location}", "Content-Length: 0", status=status)


@dataclass
class Web:
    """Listens on 127.0.0.1; `answers` maps a path to raw bytes or to what is done on the socket."""

    answers: dict[str, Answer] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    port: int = 0
    tls: ssl.SSLContext | None = None
    stopping: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str = "/", host: str = "pictures.test") -> str:
        """Return an address on this server under a name that the tests' resolver knows."""
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}{path}"

    def serve(self, connection: socket.socket) -> None:
        """Answer one request and hang up."""
        with suppress(OSError):
            connection.settimeout(5)
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            with connection:
                request = b""
                while b"\r\n\r\n" not in request:
                    piece = connection.recv(4096)
                    if not piece:
                        return
                    request += piece
                self.requests.append(request.decode())
                answer = self.answers.get(request.split(b" ")[1].decode(), b"")
                if callable(answer):
                    answer(connection)
                else:
                    connection.sendall(answer)


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[Web]:
    """Run a server for the length of a test; its threads end with it."""
    listener = socket.create_server(("127.0.0.1", 0))
    web = Web(port=listener.getsockname()[1], tls=tls)
    threads: list[threading.Thread] = []

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=web.serve, args=(connection,))
            thread.start()
            threads.append(thread)

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield web
    finally:
        web.stopping.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join(timeout=10)
        for thread in threads:
            thread.join(timeout=10)
