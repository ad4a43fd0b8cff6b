"""Refuse at the door: a request is judged as soon as its headers are there.

Waitress reads a whole body before it calls the app, so its parser asks the wall first. What
the wall refuses is answered at once with a problem document, the body unread, and the
connection is closed; until then input is drained and thrown away for a moment, because a
client that is still sending would else see a reset instead of the answer (RFC 9112, 9.6).
"""

from __future__ import annotations

import functools
import logging
import socket
import time
from typing import Any

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser

from backend.api.headers import HEADERS
from backend.api.limits import client_address
from backend.api.problems import MEDIA_TYPE, Answer, describe, plain
from backend.api.wall import Head, Wall
from backend.errors import TooLarge

log = logging.getLogger(__name__)

HEAD_TIMEOUT_S = 15.0
BODY_TIMEOUT_S = 300.0
"""Twenty megabytes over half a megabit a second."""
_LINGER_S = 2.0
_LINGER_BYTES = 64 * 1024 * 1024
_MAX_CHUNK_LINE = 4096


class Refusal:
    """An answer in the form that waitress' error task asks for."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def to_response(self, ident: str | None = None) -> tuple[str, list[tuple[str, str]], bytes]:
        """Return status line, headers and body."""
        problem = self._answer.problem
        headers = {**HEADERS, **self._answer.headers, "Content-Type": MEDIA_TYPE}
        return f"{problem.status} {problem.title}", list(headers.items()), self._answer.body()


class DoorwayParser(HTTPRequestParser):
    """Asks the wall once the headers are there, and bounds the body by what it allows."""

    error: Any

    def __init__(self, adj: Any, wall: Wall, channel: DoorwayChannel) -> None:
        super().__init__(adj)
        self._wall = wall
        self._channel = channel
        self._max_body_bytes = 0

    def received(self, data: bytes) -> int:
        """Take bytes from the socket; returns how many were consumed."""
        was_in_head = not self.headers_finished
        consumed: int = super().received(data)
        if self.empty:
            return consumed
        if self.error is None:
            try:
                if was_in_head and self.headers_finished:
                    self._judge_head()
                self._bound_body()
            except Exception as error:  # whatever the wall raises is an answer, never a crash
                self._refuse(describe(error))
        elif not isinstance(self.error, Refusal):
            self._refuse(plain(self.error.code))
        # What follows a refused head is its body, not another request.
        return consumed if self.error is None else len(data)

    def _judge_head(self) -> None:
        headers = self.headers
        peer = str(self._channel.addr[0])
        address = client_address(peer, headers.get("X_FORWARDED_FOR"), self._wall.public)
        admission = self._wall.admit(
            Head(
                method=self.command,
                path=self.path.encode("latin-1").decode("utf-8", "replace"),
                host=headers.get("HOST"),
                authorization=headers.get("AUTHORIZATION"),
                actor=headers.get("X_BRUSHMARK_ACTOR"),
                content_length=self.content_length,
                address=address,
            ),
            spend=False,
        )
        self._max_body_bytes = admission.operation.max_body_bytes

    def _bound_body(self) -> None:
        # A chunked body says nothing of its length beforehand.
        if not self.chunked or self.body_rcv is None:
            return
        lines = len(self.body_rcv.control_line) + len(self.body_rcv.trailer)
        framing = self.body_bytes_received - len(self.body_rcv)
        if (
            len(self.body_rcv) > self._max_body_bytes
            or lines > _MAX_CHUNK_LINE
            or framing > self._max_body_bytes
        ):
            raise TooLarge(f"The body is larger than the {self._max_body_bytes:,} bytes allowed.")

    def _refuse(self, answer: Answer) -> None:
        if answer.problem.status == 500:
            log.error("unforeseen error at the door", exc_info=True)
        self.error = Refusal(answer)
        self.completed = True
        self.headers_finished = True
        # Or waitress would still ask the client for the body.
        self.expect_continue = False
        self._channel.refused = True


class DoorwayChannel(HTTPChannel):
    """One connection: with deadlines for what comes in, and a patient end after a refusal."""

    will_close: bool
    close_when_flushed: bool

    def __init__(self, wall: Wall, *args: Any, **options: Any) -> None:
        self.refused = False
        self._receiving_since = 0.0
        self._linger_until: float | None = None
        self._drained_bytes = 0
        super().__init__(*args, **options)
        self.parser_class = functools.partial(DoorwayParser, wall=wall, channel=self)

    def received(self, data: bytes) -> Any:
        """Take bytes from the socket and note when a request began."""
        if self.request is None:
            self._receiving_since = time.monotonic()
        return super().received(data)

    def readable(self) -> bool:
        """Say whether more is wanted; ends connections that dawdle."""
        now = time.monotonic()
        if self._linger_until is not None:
            self.will_close = self.will_close or now > self._linger_until
            return not self.will_close
        if self.request is not None:
            limit_s = BODY_TIMEOUT_S if self.request.headers_finished else HEAD_TIMEOUT_S
            if now - self._receiving_since > limit_s:
                self.will_close = True
        return bool(super().readable())

    def handle_read(self) -> None:
        """Read what came; after a refusal, throw it away."""
        if self._linger_until is None:
            super().handle_read()
            return
        try:
            self._drained_bytes += len(self.recv(65536))
        except OSError:
            self.handle_close()
        if self._drained_bytes > _LINGER_BYTES:
            self.will_close = True

    def handle_write(self) -> None:
        """Send what waits; after a refusal, close our side alone and linger."""
        lingers = self.close_when_flushed and self.refused and self._linger_until is None
        if not lingers or self.will_close:
            super().handle_write()
            return
        self._flush_exception(self._flush_some)
        if self.connected and not self.total_outbufs_len:
            self.close_when_flushed = False
            self._linger_until = time.monotonic() + _LINGER_S
            try:
                self.socket.shutdown(socket.SHUT_WR)
            except OSError:
                self.will_close = True
