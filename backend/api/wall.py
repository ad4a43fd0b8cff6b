"""Who gets in: judged from a request's head alone, before its body is read.

The server's parser asks as soon as the headers are there (`backend.api.doorway`); the app
asks again, whatever server it runs under.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from werkzeug.routing import Map

from backend.access import authenticate, client_name
from backend.api.hosts import Hosts
from backend.api.limits import Buckets, Rate, address_key
from backend.api.operations import Operation
from backend.domain import Scope, Token
from backend.errors import BadInput, Forbidden, TooLarge, Unauthenticated
from backend.roles import Roles
from backend.storage.repository import Repository

VISITOR_RATE = Rate(per_s=20 / 60, burst=10)
"""Checks by a visitor of a public server: 20 a minute for each address."""
OPEN_RATE = Rate(per_s=10, burst=50)
"""Open routes, for each address: they cost little, but no page should hammer them."""
TOKEN_RATE = Rate(per_s=50, burst=500)
"""For each token below admin: far above what a person or a page scan does."""
_VISITOR = "visitor"


@dataclass(frozen=True, slots=True)
class Head:
    """A request without its body."""

    method: str
    path: str
    host: str | None
    authorization: str | None
    actor: str | None
    content_length: int
    address: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. A scope of None is a visitor, or anybody on an open route."""

    client: str
    scope: Scope | None

    def may(self, scope: Scope) -> bool:
        """Say whether this caller's scope reaches that far."""
        return self.scope is not None and self.scope.includes(scope)


NOBODY = Caller(_VISITOR, None)


@dataclass(frozen=True, slots=True)
class Admission:
    """An admitted request: what it may do, by whom."""

    operation: Operation
    caller: Caller


class Wall:
    """Host, address, token, scope, rate and length, in that order."""

    def __init__(
        self,
        routes: Map,
        operations: Mapping[str, Operation],
        hosts: Hosts,
        repository: Repository,
        roles: Roles,
        *,
        public: bool,
        clock: Callable[[], float],
    ) -> None:
        self._routes = routes.bind("localhost")
        self._operations = operations
        self._hosts = hosts
        self._repository = repository
        self._roles = roles
        self.public = public
        self._visitors = Buckets(VISITOR_RATE, clock)
        self._open = Buckets(OPEN_RATE, clock)
        self._tokens = Buckets(TOKEN_RATE, clock)

    def admit(self, head: Head, *, spend: bool) -> Admission:
        """Judge a request by its head; `spend` counts it against the rate limits.

        Raises:
            HostRefused, Unauthenticated, Forbidden, SlowDown, TooLarge: it stays outside.
            werkzeug.exceptions.NotFound, MethodNotAllowed: no such address or method.
        """
        self._hosts.require(head.host)
        operation = self._find(head)
        caller = self._identify(head, operation, spend)
        if head.content_length > operation.max_body_bytes:
            raise TooLarge(
                f"The body has {head.content_length:,} bytes; this address takes at most "
                f"{operation.max_body_bytes:,}."
            )
        return Admission(operation, caller)

    def _find(self, head: Head) -> Operation:
        endpoint, _ = self._routes.match(head.path, head.method)
        if head.method == "OPTIONS":
            return _OPTIONS
        return self._operations[endpoint]

    def _identify(self, head: Head, operation: Operation, spend: bool) -> Caller:
        if operation.always:
            return NOBODY
        if operation.scope is None:
            self._open.require(address_key(head.address), spend=spend)
            return NOBODY
        if self.public and operation.visitors and head.authorization is None:
            buckets = self._visitors if operation.uploads else self._open
            buckets.require(address_key(head.address), spend=spend)
            return NOBODY
        token = authenticate(self._repository, _bearer(head.authorization))
        _require_scope(token, operation.scope)
        if head.actor is not None:
            return self._person(head.actor, token, operation.scope)
        if token.scope is not Scope.ADMIN:
            self._tokens.require(token.id, spend=spend)
        return Caller(client_name(token), token.scope)

    def _person(self, name: str, token: Token, wanted: Scope) -> Caller:
        """Return the person for whom the dashboard speaks, held to their role."""
        if token.scope is not Scope.ADMIN:
            raise Forbidden("Only a token of scope “admin” may speak for somebody else.")
        scope = self._roles.scope_of(name)
        if not scope.includes(wanted):
            raise Forbidden(f"This needs a role that may “{wanted}”; yours may “{scope}”.")
        return Caller(name.strip().lower(), scope)


_OPTIONS = Operation("Tell which methods there are", "", None)


def _bearer(header: str | None) -> str | None:
    if header is None:
        return None
    kind, _, secret = header.partition(" ")
    if kind.lower() != "bearer" or not secret.strip():
        raise Unauthenticated("Send the token as `Authorization: Bearer …`.")
    return secret.strip()


def _require_scope(token: Token, scope: Scope) -> None:
    if not token.scope.includes(scope):
        raise Forbidden(
            f"This needs a token of scope “{scope}”; this one's is “{token.scope}”. "
            f"`brushmark tokens create --scope {scope}` makes one."
        )


def content_length(text: str | None) -> int:
    """Read a Content-Length header; an absent one counts as none. Raises `BadInput`."""
    if not text:
        return 0
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise BadInput("Content-Length is not a number.")
    return int(text)
