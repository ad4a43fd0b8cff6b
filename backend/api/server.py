"""The HTTP server: waitress behind our doorway, stopped without dropping what is in flight."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import select
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

from flask import Flask
from waitress import wasyncore
from waitress.server import create_server

from backend.api.context import EXTENSION, Api
from backend.api.doorway import DoorwayChannel
from backend.api.imports import MAX_IMPORT_BYTES
from backend.errors import AlreadyRunning, BadSetting

log = logging.getLogger(__name__)

MAX_CONNECTIONS = 400
RECEIVE_BYTES = 128 * 1024
"""Taken from a socket at a time: a picture arrives in one or two turns of the loop, not in ten."""
IDLE_CONNECTION_S = 60
DRAIN_S = 15.0
"""How long a request in flight may take to finish once the server is told to stop."""
_UPLOAD_DRAIN_S = 2.0
"""How long a request that was only half sent may take to arrive."""
_SETTLE_S = 0.2
"""How long what lies in the sockets' buffers may take to be read."""
_LAST_TURNS = 50


def listen(host: str, port: int) -> socket.socket:
    """Take a port and listen; port 0 takes any that is free.

    Raises:
        AlreadyRunning: somebody else has the port.
        BadSetting: the host is not one of this machine's.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind)
    except OSError as error:
        raise BadSetting(f"BRUSHMARK_HOST “{host}” cannot be listened on: {error}.") from error
    try:
        if os.name == "posix":  # elsewhere it would let two servers share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(1024)
    except OSError as error:
        listener.close()
        if isinstance(error, PermissionError):
            raise BadSetting(f"Port {port} may not be used by this account.") from error
        raise AlreadyRunning(
            f"Port {port} on {host} is taken ({error.strerror}). Stop what uses it, or set "
            "BRUSHMARK_PORT to another."
        ) from error
    return listener


class HttpServer:
    """Serves an app on a listening socket until told to stop."""

    def __init__(self, app: Flask, listener: socket.socket, *, threads: int) -> None:
        parts: Api = app.extensions[EXTENSION]
        self._map: dict[int, Any] = {}
        self._stopping = threading.Event()
        self._server: Any = create_server(
            app,
            map=self._map,
            sockets=[listener],
            threads=threads,
            connection_limit=MAX_CONNECTIONS,
            channel_timeout=IDLE_CONNECTION_S,
            cleanup_interval=10,
            recv_bytes=RECEIVE_BYTES,
            max_request_header_size=32 * 1024,
            max_request_body_size=2 * MAX_IMPORT_BYTES,  # the doorway is stricter
            clear_untrusted_proxy_headers=not parts.wall.public,
            asyncore_use_poll=hasattr(select, "poll"),
            log_socket_errors=False,
            ident=None,
        )
        self._server.channel_class = functools.partial(DoorwayChannel, parts.wall)

    def run(self) -> None:
        """Serve until `stop` is called, then finish the requests in flight."""
        while not self._stopping.is_set():
            self._turn(timeout_s=1.0)
        log.info("stopping")
        # Who already knocked is let in; then the listening socket goes first, so that a new
        # backend may start while this one finishes.
        for _ in range(_LAST_TURNS):
            self._turn(timeout_s=0)
        wasyncore.dispatcher.close(self._server)
        started = time.monotonic()
        while self._in_flight(time.monotonic() - started):
            self._turn(timeout_s=0.05)
        self._server.task_dispatcher.shutdown(timeout=1)
        with contextlib.suppress(OSError):
            wasyncore.close_all(self._map, ignore_all=True)

    def stop(self) -> None:
        """Ask `run` to end; safe from any thread and from signal handlers."""
        self._stopping.set()
        self._server.pull_trigger()

    def _turn(self, timeout_s: float) -> None:
        wasyncore.loop(timeout_s, self._server.adj.asyncore_use_poll, self._map, count=1)

    def _in_flight(self, waited_s: float) -> bool:
        if waited_s < _SETTLE_S:
            return True
        channels = list(self._server.active_channels.values())
        if waited_s < _UPLOAD_DRAIN_S and any(c.request is not None for c in channels):
            return True
        return waited_s < DRAIN_S and any(c.requests or c.total_outbufs_len for c in channels)


@contextlib.contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """Hold a listening socket. Raises as `listen`."""
    listener = listen(host, port)
    try:
        yield listener
    finally:
        listener.close()
