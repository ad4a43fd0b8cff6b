"""Web sites for the extension to look at: pages and pictures on several hosts, from one server."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGES = "http://pages.example"
FRAMES = "http://frames.example"
"""Another site, where the extension may go as well."""
CDN = "http://cdn.example"
"""Pictures without CORS, where the extension has permission."""
LOCKED = "http://locked.example"
"""Pictures without CORS, where it has none."""
OPEN = "http://open.example"
"""Pictures with CORS, where it has none."""


@dataclass(frozen=True)
class File:
    """What an address answers."""

    body: bytes
    type: str = "text/html; charset=utf-8"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    """How long the answer takes to come."""


@dataclass
class Site:
    """Files by address. Whatever is not there is 404. `asked` keeps what was asked for."""

    port: int = 0
    files: dict[str, File] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def put(self, address: str, file: File) -> str:
        """Put a file at an address and return the address."""
        self.files[address] = file
        return address

    def page(self, body: str, path: str = "/", host: str = PAGES, **headers: str) -> str:
        """Put a page on a host and return its address."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        html = f"<!doctype html><meta charset=utf-8><title>A page</title>{body}"
        return self.put(host + path, File(html.encode(), headers=named))

    def picture(self, data: bytes, path: str, host: str = CDN, type: str = "image/jpeg") -> str:
        """Put a picture on a host and return its address."""
        allow = {"Access-Control-Allow-Origin": "*"} if host == OPEN else {}
        return self.put(host + path, File(data, type, headers=allow))


@contextmanager
def serving_sites() -> Iterator[Site]:
    """Serve a site until the block ends."""
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            address = f"http://{self.headers['Host'].partition(':')[0]}{self.path}"
            site.asked.append(address)
            plain = address.partition("?")[0]
            file = site.files.get(plain, File(b"nothing here", "text/plain", 404))
            time.sleep(file.delay_s)
            self.send_response(file.status)
            self.send_header("Content-Type", file.type)
            self.send_header("Content-Length", str(len(file.body)))
            for name, value in file.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(file.body)

        def handle(self) -> None:
            with suppress(ConnectionError):  # a browser that ends hangs up in the middle
                super().handle()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        site.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()
