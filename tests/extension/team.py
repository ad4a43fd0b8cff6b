"""A team's backend: another host, behind TLS, as a reverse proxy serves it."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import trustme

TEAM = "team.example"


@contextmanager
def behind_tls(backend_port: int) -> Iterator[int]:
    """Pass what comes in over TLS on to a backend, until the block ends. Yields the port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert(TEAM).configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def accept() -> None:
            with suppress(OSError):  # closed at the end of the block
                while True:
                    plain, _ = listening.accept()
                    threading.Thread(target=serve, args=(plain,), daemon=True).start()

        def serve(plain: socket.socket) -> None:
            with (
                suppress(OSError),
                context.wrap_socket(plain, server_side=True) as browser,
                socket.create_connection(("127.0.0.1", backend_port)) as backend,
            ):
                threading.Thread(target=pump, args=(backend, browser), daemon=True).start()
                pump(browser, backend)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield int(listening.getsockname()[1])
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=10)


def pump(source: socket.socket, target: socket.socket) -> None:
    """Pass bytes on until one side hangs up."""
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
