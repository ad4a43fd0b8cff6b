"""How clients ask: raw HTTP on connections kept alive, nothing slower than the servers allow."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Send = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Way:
    """A way of asking: what can be made ready before the clock starts, and the asking itself."""

    name: str
    prepare: Callable[[bytes], bytes]
    """Turn a JPEG into the body of the first request."""
    connect: Callable[[], Send]
    """Make a client with a connection of its own; it returns when the verdict is there."""


def brushmark(port: int, token: str) -> Way:
    """Ask Brushmark: one POST of the raw JPEG."""
    headers = {"Content-Type": "image/jpeg", "Authorization": f"Bearer {token}"}

    def connect() -> Send:
        line = _Line(port)

        def send(body: bytes) -> None:
            record = json.loads(line.ask("POST", "/api/v1/check", body, headers))
            _require(record["probabilities"] is not None, record)

        return send

    return Way("one POST", lambda jpeg: jpeg, connect)


def gradio_ways(port: int) -> tuple[Way, ...]:
    """Ask a Gradio page: every way that its HTTP API offers, the documented one first."""
    return (
        Way("upload, call, event stream", _multipart, lambda: _uploading(_Line(port))),
        Way("data URL, call, event stream", _data_url, lambda: _queueing(_Line(port))),
        Way("data URL in one POST", _data_url, lambda: _running(_Line(port))),
    )


_JSON = {"Content-Type": "application/json"}
_BOUNDARY = "brushmark-benchmark"
_FILE = {"_type": "gradio.FileData"}


def _multipart(jpeg: bytes) -> bytes:
    head = (
        f"--{_BOUNDARY}\r\n"
        'Content-Disposition: form-data; name="files"; filename="picture.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    )
    return head.encode() + jpeg + f"\r\n--{_BOUNDARY}--\r\n".encode()


def _data_url(jpeg: bytes) -> bytes:
    url = "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
    return json.dumps({"data": [{"url": url, "meta": _FILE}]}).encode()


def _uploading(line: _Line) -> Send:
    form = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
    call = _queueing(line)

    def send(body: bytes) -> None:
        (path,) = json.loads(line.ask("POST", "/gradio_api/upload", body, form))
        call(json.dumps({"data": [{"path": path, "meta": _FILE}]}).encode())

    return send


def _queueing(line: _Line) -> Send:
    def send(body: bytes) -> None:
        event = json.loads(line.ask("POST", "/gradio_api/call/predict", body, _JSON))["event_id"]
        stream = line.ask("GET", f"/gradio_api/call/predict/{event}")
        _require(b"event: complete" in stream and b"confidences" in stream, stream)

    return send


def _running(line: _Line) -> Send:
    def send(body: bytes) -> None:
        answer = json.loads(line.ask("POST", "/gradio_api/run/predict", body, _JSON))
        _require("confidences" in answer["data"][0], answer)

    return send


class _Line:
    """One connection, kept alive."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._connection.connect()

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> bytes:
        """Send a request and return the body of its answer. Raises `RuntimeError` on a refusal."""
        self._connection.request(method, path, body or None, headers or {})
        answer = self._connection.getresponse()
        content = answer.read()
        _require(answer.status == 200, f"{path} answered {answer.status}: {content[:300]!r}")
        return content


def _require(condition: bool, answer: Any) -> None:
    if not condition:
        raise RuntimeError(f"That is no verdict: {answer!r}")
