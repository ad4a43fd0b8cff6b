"""Local servers that speak as the real ones do: a web site, and OpenAI's image API."""

from __future__ import annotations

import base64
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

from tests.pictures import draw, encode

Reply = tuple[int, dict[str, str], bytes]


class Served(Protocol):
    port: int

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> Reply: ...


@contextmanager
def running(served: Served) -> Iterator[None]:
    """Answer requests on loopback, on threads, until the end of the test."""

    class Handler(BaseHTTPRequestHandler):
        def _reply(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, headers, content = served.answer(self, body)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = _reply  # noqa: N815 - so the library wants it
        do_POST = _reply  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)


@dataclass
class Site:
    """A site of pictures; `replies` of a path are given one after the other, the last for ever."""

    port: int = 0
    replies: dict[str, list[Reply]] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    at_once: int = 0
    most_at_once: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def url(self, path: str) -> str:
        return f"http://pictures.test:{self.port}{path}"

    def picture(self, path: str, seed: int) -> None:
        """Hang a picture."""
        data = encode(draw(220, 210, seed), "JPEG", quality=85)
        self.replies[path] = [(200, {"Content-Type": "image/jpeg"}, data)]

    def fails_first(self, path: str, *replies: Reply) -> None:
        """Give these replies before the picture."""
        self.replies[path] = [*replies, *self.replies[path]]

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> Reply:
        with self._lock:
            self.asked[request.path] += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            replies = self.replies.get(request.path, [(404, {}, b"")])
            reply = replies.pop(0) if len(replies) > 1 else replies[0]
        with self._lock:
            self.at_once -= 1
        return reply


def error(status: int, code: str, message: str, **headers: str) -> Reply:
    """Return an error as OpenAI writes them."""
    kind = "invalid_request_error" if status < 429 else "requests"
    document = {"error": {"message": message, "type": kind, "param": None, "code": code}}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, {"Content-Type": "application/json", **named}, json.dumps(document).encode()


@dataclass
class ImagesServer:
    """`POST /v1/images/generations` as documented; `first` are replies before it works."""

    key: str = "sk-test-1234567890"
    models: tuple[str, ...] = ("gpt-image-9", "gpt-image-1-mini")
    port: int = 0
    first: list[Reply] = field(default_factory=list)
    blocked_words: tuple[str, ...] = ()
    gives_address: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    made: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    hold_after: int | None = None
    """So many pictures are made; then a request is left waiting."""
    released: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def prompts(self) -> list[str]:
        return [str(request["prompt"]) for request in self.requests]

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> Reply:
        if request.headers.get("Authorization") != f"Bearer {self.key}":
            return error(401, "invalid_api_key", f"Incorrect API key provided: {self.key}")
        if request.path != "/v1/images/generations":
            return error(404, "unknown_url", f"Unknown request URL: {request.path}")
        asked = json.loads(body)
        with self._lock:
            if self.first:
                return self.first.pop(0)
            self.requests.append(asked)
            number = len(self.requests)
        if self.hold_after is not None and number > self.hold_after:
            self.released.wait(timeout=20)
        return self._draw(asked, number)

    def _draw(self, asked: dict[str, Any], number: int) -> Reply:
        if asked["model"] not in self.models:
            model = asked["model"]
            return error(404, "model_not_found", f"The model '{model}' does not exist.")
        if any(word in asked["prompt"] for word in self.blocked_words):
            message = "Your request was rejected by the safety system."
            return error(400, "moderation_blocked", message)
        width, height = map(int, asked.get("size", "1024x1024").split("x"))
        data = encode(draw(width // 8, height // 8, number), "PNG")
        first: dict[str, Any] = {"b64_json": base64.b64encode(data).decode()}
        if self.gives_address:
            first = {"url": self.gives_address, "revised_prompt": f"{asked['prompt']}\nindeed"}
        usage = {"total_tokens": 100, "input_tokens": 20, "output_tokens": 80}
        document = {"created": 1790000000, "data": [first], "usage": usage}
        self.made.release()
        return 200, {"Content-Type": "application/json"}, json.dumps(document).encode()
