"""Fetch a picture by its address without becoming anybody's errand boy (SSRF)."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urljoin

from backend.errors import TooLarge, UnsupportedType, UrlRefused, UrlUnreachable
from backend.imaging import addresses
from backend.imaging.addresses import Address
from backend.imaging.decode import MAX_BYTES
from backend.imaging.target import DEFAULT_PORTS, Target

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PIECE_BYTES = 64 * 1024
_T = TypeVar("_T")


def fetch(url: str) -> bytes:
    """Return the bytes at an http(s) address of the public internet.

    Raises:
        UrlRefused: not an address that we fetch from (scheme, port, userinfo, private address).
        UrlUnreachable: no answer in time, too many hops, an error status.
        TooLarge: more than 20 MB.
        UnsupportedType: the answer says it is no picture.
    """
    return Fetcher().fetch(url)


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Fetches with its guards as fields, so that tests can use a server of their own.

    A host is resolved once per hop; all its addresses must be allowed; the connection goes to
    one of them, never through the name again, so a resolver that changes its mind gains nothing.
    Nothing is sent along: no cookies, no credentials, no proxy of the environment. `timeout_s`
    is wall-clock time for everything, redirects and name resolution included.
    """

    resolve: Callable[[str, int], Sequence[Address]] = addresses.resolve
    is_allowed: Callable[[Address], bool] = addresses.is_public
    ports: frozenset[int] = frozenset(DEFAULT_PORTS.values())
    timeout_s: float = 10.0
    max_redirects: int = 3
    max_bytes: int = MAX_BYTES
    kinds: tuple[str, ...] = ("image/",)
    """How a media type that is taken begins; none at all and octet streams always are."""
    tls: Callable[[], ssl.SSLContext] = ssl.create_default_context

    def fetch(self, url: str) -> bytes:
        """Return the bytes at `url`; see the function `fetch` for the errors."""
        ends_at = time.monotonic() + self.timeout_s
        address = url.strip()
        for _ in range(self.max_redirects + 1):
            found = self._hop(Target.parse(address, self.ports), ends_at)
            if isinstance(found, bytes):
                return found
            address = _joined(address, found)
        raise UrlUnreachable(
            f"The address forwards more than {self.max_redirects} times. "
            "Open the picture itself and copy its address."
        )

    def _hop(self, target: Target, ends_at: float) -> bytes | str:
        """Ask once; return the picture's bytes, or where the answer points."""
        host = target.host
        try:
            connection = self._connect(target, self._addresses(target, ends_at), ends_at)
            with connection, _CutOff(connection, ends_at) as cut_off:
                return cut_off.watch(lambda: self._exchange(target, connection))
        except TimeoutError as error:
            raise UrlUnreachable(
                f"{host} did not deliver the picture within {self.timeout_s:g} seconds."
            ) from error
        except ssl.SSLCertVerificationError as error:
            raise UrlUnreachable(
                f"The certificate of {host} cannot be verified, so nothing was fetched."
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise UrlUnreachable(
                f"No picture could be had from {host}: it does not answer as a web server "
                "should. Save the picture and check the file."
            ) from error

    def _addresses(self, target: Target, ends_at: float) -> Sequence[Address]:
        # The system's resolver has its own, longer patience and cannot be interrupted.
        answers: list[Sequence[Address]] = []

        def ask() -> None:
            with suppress(OSError, ValueError):
                answers.append(self.resolve(target.host, target.port))

        asking = threading.Thread(target=ask, name="resolve", daemon=True)
        asking.start()
        asking.join(_left(ends_at))
        if asking.is_alive():
            raise TimeoutError
        if not answers or not answers[0]:
            raise UrlUnreachable(f"There is no {target.host}. Check the address.")
        if not all(self.is_allowed(address) for address in answers[0]):
            raise UrlRefused(
                f"{target.host} is not on the public internet, and pictures are fetched from "
                "there alone. Save the picture and check the file."
            )
        return answers[0]

    def _connect(
        self, target: Target, candidates: Sequence[Address], ends_at: float
    ) -> socket.socket:
        """Connect to the first address that answers; TLS still has to shake hands."""
        failure = OSError("no address")
        for address in candidates:
            try:
                raw = socket.create_connection((str(address), target.port), _left(ends_at))
            except OSError as error:
                failure = error
                continue
            if target.scheme == "http":
                return raw
            return self.tls().wrap_socket(
                raw, server_hostname=target.host.rstrip("."), do_handshake_on_connect=False
            )
        raise failure

    def _exchange(self, target: Target, connection: socket.socket) -> bytes | str:
        if isinstance(connection, ssl.SSLSocket):
            connection.do_handshake()
        # A connection that has its socket opens none of its own: no name is looked up again.
        client = http.client.HTTPConnection(target.host, target.port)
        client.sock = connection
        client.request("GET", target.path, headers=target.headers())
        with client.getresponse() as response:
            location = response.getheader("Location")
            if response.status in _REDIRECTS and location:
                return location
            self._check(target, response)
            return self._body(target, response)

    def _check(self, target: Target, response: http.client.HTTPResponse) -> None:
        if response.status != 200:
            raise UrlUnreachable(
                f"{target.host} does not give that picture out (it answers {response.status}).",
                response.status,
                response.getheader("Retry-After"),
            )
        kind = response.getheader("Content-Type", "").partition(";")[0].strip().lower()
        if kind and not kind.startswith(self.kinds) and not kind.endswith("/octet-stream"):
            raise UnsupportedType(
                "The address leads to something other than a picture. "
                "Open the picture itself and copy its address."
            )
        if response.getheader("Content-Encoding", "identity").strip().lower() != "identity":
            raise UrlUnreachable(
                f"{target.host} sends the picture in a packed form that was not asked for. "
                "Save the picture and check the file."
            )
        if (response.length or 0) > self.max_bytes:
            raise self._too_large()

    def _body(self, target: Target, response: http.client.HTTPResponse) -> bytes:
        body = bytearray()
        while piece := response.read(_PIECE_BYTES):
            body += piece
            if len(body) > self.max_bytes:
                raise self._too_large()
        if response.length:
            raise UrlUnreachable(f"{target.host} broke off in the middle of the picture.")
        return bytes(body)

    def _too_large(self) -> TooLarge:
        return TooLarge(f"The picture has more than {self.max_bytes / 1024**2:.0f} MB.")


class _CutOff:
    """Shuts a connection down at a moment, whatever is waited for on it.

    A socket's own timeout starts anew with every byte, so a server that sends one a second
    would never meet it.
    """

    def __init__(self, connection: socket.socket, ends_at: float) -> None:
        self._connection = connection
        self._happened = threading.Event()
        self._timer = threading.Timer(_left(ends_at), self._cut)
        self._timer.daemon = True

    def __enter__(self) -> _CutOff:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def watch(self, work: Callable[[], _T]) -> _T:
        """Do the work. Raises `TimeoutError` if it was cut off, however that looked to it."""
        try:
            done = work()
        except (OSError, http.client.HTTPException, UrlUnreachable):
            if self._happened.is_set():
                raise TimeoutError from None
            raise
        if self._happened.is_set():
            raise TimeoutError
        return done

    def _cut(self) -> None:
        self._happened.set()
        with suppress(OSError):
            # Past TLS's own shutdown, which would wait for the other side.
            socket.socket.shutdown(self._connection, socket.SHUT_RDWR)


def _joined(address: str, location: str) -> str:
    try:
        return urljoin(address, location)
    except ValueError as error:
        raise UrlRefused("The address forwards to one that cannot be read.") from error


def _left(ends_at: float) -> float:
    left = ends_at - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
