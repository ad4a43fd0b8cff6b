"""A small load balancer: what a reverse proxy does, and what is needed of it here."""

from __future__ import annotations

import http.client
import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_DOWN_FOR_S = 0.5
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding"}


class Balancer:
    """Send each request to the next replica; where that fails, once more to another.

    A check may be sent again: a public server keeps nothing, so nothing happens twice. A replica
    that failed is passed over for half a second, then tried again.
    """

    def __init__(self, ports: list[int]) -> None:
        self._ports = ports
        self._turns = itertools.cycle(range(len(ports)))
        self._down_until = dict.fromkeys(ports, 0.0)
        self._lock = threading.Lock()
        self.answered: Counter[int] = Counter()
        """Requests by the port that answered them."""
        self.retried = 0
        self.port = 0

    def order(self) -> list[int]:
        """Return the replicas to try, in order: those that are down last."""
        with self._lock:
            first = next(self._turns)
            ports = self._ports[first:] + self._ports[:first]
            now = time.monotonic()
            return sorted(ports, key=lambda port: self._down_until[port] > now)

    def forward(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        """Return the first answer that a replica gives. Raises `OSError` where none does."""
        last: Exception = OSError("no replica")
        for attempt, port in enumerate(self.order()):
            try:
                answer = _ask(port, method, path, headers, body)
            except (OSError, http.client.HTTPException) as error:
                last = error
                with self._lock:
                    self._down_until[port] = time.monotonic() + _DOWN_FOR_S
                continue
            with self._lock:
                self.retried += attempt > 0
                self.answered[port] += 1
            return answer
        raise OSError("no replica answers") from last


def _ask(
    port: int, method: str, path: str, headers: dict[str, str], body: bytes
) -> tuple[int, list[tuple[str, str]], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.getheaders(), answer.read()
    finally:
        connection.close()


@contextmanager
def balancing(ports: list[int]) -> Iterator[Balancer]:
    """Run a balancer before replicas on this machine."""
    balancer = Balancer(ports)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOP_BY_HOP}
            # A proxy writes the address that it sees last. Here all clients have one address, and
            # each names the visitor that it stands for: that is taken for what was seen.
            seen = headers.get("X-Forwarded-For") or self.client_address[0]
            headers["X-Forwarded-For"] = f"192.0.2.1, {seen}"
            try:
                status, given, content = balancer.forward(self.command, self.path, headers, body)
            except OSError:
                status, given, content = 502, [], b"no replica"
            self.send_response(status)
            for name, value in given:
                if name.lower() not in _HOP_BY_HOP | {"content-length", "date", "server"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _pass_on  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    balancer.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield balancer
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
