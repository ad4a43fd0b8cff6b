"""A backend of few words: it answers what a test tells it to, over real HTTP."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from backend.domain import Activation
from backend.model.explain import render_overlay

_FRAME = {
    "/api/v1/whoami": {"client": "tests", "scope": "admin"},
    "/api/v1/model": {"version": "fake-1"},
}
"""What the frame around every page asks, answered apart from what a test is about."""


@dataclass
class FakeBackend:
    """What it will say, and what it was asked; who asks is always its administrator."""

    url: str = ""
    status: int = 200
    body: bytes = b"{}"
    content_type: str = "application/json"
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    def say(self, document: object, status: int = 200) -> None:
        """Answer with JSON from now on."""
        self.status, self.body = status, json.dumps(document).encode()

    def refuse(self, code: str, status: int, detail: str = "No.") -> None:
        """Answer with a problem document from now on."""
        self.say({"code": code, "status": status, "detail": detail, "title": "Problem"}, status)


@contextmanager
def fake_backend() -> Iterator[FakeBackend]:
    """Run a fake backend on a free port."""
    fake = FakeBackend()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(fake))
    fake.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(fake: FakeBackend) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Keep quiet."""

        def _answer(self) -> None:
            if self.path in _FRAME:
                self._send(200, json.dumps(_FRAME[self.path]).encode())
                return
            length = int(self.headers.get("Content-Length") or 0)
            fake.requests.append(
                (self.command, self.path, dict(self.headers), self.rfile.read(length))
            )
            body, kind = fake.body, fake.content_type
            if self.path.endswith("/heatmap"):
                body, kind = overlay(), "image/png"
            self._send(fake.status, body, kind)

        def _send(self, status: int, body: bytes, kind: str = "application/json") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            if status in range(300, 400):
                self.send_header("Location", fake.url + "/elsewhere")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _answer  # noqa: N815

    return Handler


def overlay() -> bytes:
    """Draw a heat map with warm and cool places."""
    rows = tuple(tuple((x - y) / 6 for x in range(7)) for y in range(7))
    return render_overlay(Activation(rows, (0.0, 0.0, 1.0, 1.0)), 640, 427)


def record(outcome: str = "ai_generated", ai: float | None = 0.93, **more: Any) -> dict[str, Any]:
    """Write a prediction record as the contract has it."""
    probabilities = None if ai is None else {"ai_generated": ai, "human_made": 1 - ai}
    return {
        "id": "01JDQ6ZK3V8M5R2X9T4W7Y0A1B",
        "created_at": "2026-11-22T10:00:00.000Z",
        "client": "local dashboard",
        "outcome": outcome,
        "probabilities": probabilities,
        "basis": "model" if probabilities else None,
        "summary": "This looks AI-generated: the model puts it at 93 %. It can be wrong, so ask "
        "for the maker's side before you accuse anyone.",
        "evidence": [],
        "image": {
            "sha256": hashlib.sha256(b"picture").hexdigest(),
            "format": "JPEG",
            "width": 1024,
            "height": 768,
            "bytes": 183220,
            "frames": 1,
        },
        "likely_generator": None,
        "model": {"version": "seed-1", "sha256": "0" * 64},
        "policy": 0,
        "context": {
            "source": "dashboard",
            "page_url": None,
            "image_url": None,
            "page_title": None,
        },
        "review": None,
        "appeals": 0,
        "heatmap": "/api/v1/predictions/01JDQ6ZK3V8M5R2X9T4W7Y0A1B/heatmap"
        if probabilities
        else None,
        "elapsed_ms": 11.4,
        **more,
    }
