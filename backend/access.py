"""Tokens and pairing codes: who may do what, and how a browser comes by its key."""

from __future__ import annotations

import hashlib
import os
import secrets
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from backend.domain import AuditEvent, PairingCode, Scope, Token, new_id, utc_now
from backend.errors import BadInput, SlowDown, Unauthenticated
from backend.settings import Settings
from backend.storage.repository import Repository

PAIRING_CODE_LIFE = timedelta(minutes=10)
_CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # no 0/O, 1/I/L: people read it aloud
_CODE_LENGTH = 8
_MAX_NAME = 80


def digest(secret: str) -> str:
    """Return the SHA-256 of a secret in hex."""
    return hashlib.sha256(secret.encode()).hexdigest()


def create_token(repository: Repository, name: str, scope: Scope, actor: str) -> tuple[str, Token]:
    """Make a token; the secret is returned once and kept nowhere.

    Raises:
        BadInput: the name is empty or longer than 80 characters.
    """
    name = _checked_name(name)
    secret = "bm_" + secrets.token_urlsafe(32)
    token = Token(new_id(), utc_now(), name, scope, digest(secret))
    repository.append_token(token)
    repository.append_event(
        AuditEvent(new_id(), utc_now(), actor, "token.create", f"{name} ({scope})")
    )
    return secret, token


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > _MAX_NAME or not name.isprintable():
        raise BadInput(f"A client's name has 1 to {_MAX_NAME} printable characters.")
    return name


def client_name(token: Token) -> str:
    """Return what records call a token's bearer: its name, and of its id what tells it apart.

    Two browsers may be called the same and must not see each other's records; 40 random bits
    of the id keep them apart.
    """
    return f"{token.name} · {token.id[-8:]}"


def authenticate(repository: Repository, secret: str | None) -> Token:
    """Return the token that a secret stands for.

    Raises:
        Unauthenticated: no secret, an unknown or a revoked one.
    """
    token = repository.find_token(digest(secret)) if secret else None
    if token is None:
        raise Unauthenticated("A valid token is needed: pair this client, or ask for a token.")
    return token


def new_pairing_code(repository: Repository) -> str:
    """Make a one-time code of the form ABCD-EFGH that holds for ten minutes."""
    code = "".join(secrets.choice(_CODE_ALPHABET) for _ in range(_CODE_LENGTH))
    now = utc_now()
    repository.append_pairing_code(
        PairingCode(new_id(), now, now + PAIRING_CODE_LIFE, digest(code))
    )
    return f"{code[:4]}-{code[4:]}"


class PairingDesk:
    """Exchange codes for tokens, slowly enough that guessing is hopeless.

    Ten failures within a quarter of an hour lock the desk for the rest of it, for everybody:
    31^8 codes against 40 guesses an hour.
    """

    def __init__(
        self,
        repository: Repository,
        max_failures: int = 10,
        window_s: float = 900.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._repository = repository
        self._max_failures = max_failures
        self._window_s = window_s
        self._clock = clock
        self._failures: list[float] = []
        self._lock = threading.Lock()

    def redeem(self, code: str, name: str) -> tuple[str, Token]:
        """Exchange a code for a token of scope `check`.

        Raises:
            SlowDown: too many wrong codes lately.
            Unauthenticated: the code is wrong, used or expired.
            BadInput: the name will not do (the code stays usable).
        """
        name = _checked_name(name)
        with self._lock:
            now = self._clock()
            self._failures = [t for t in self._failures if now - t < self._window_s]
            if len(self._failures) >= self._max_failures:
                wait_s = int(self._window_s - (now - self._failures[0])) + 1
                raise SlowDown("Too many wrong pairing codes; pairing is locked for now.", wait_s)
            plain = code.replace("-", "").replace(" ", "").upper()
            if not self._repository.use_pairing_code(digest(plain), utc_now()):
                self._failures.append(now)
                raise Unauthenticated(
                    "That pairing code is wrong, used or expired. "
                    "`brushmark pair` prints a new one."
                )
        return create_token(self._repository, name, Scope.CHECK, actor="pairing")


def local_dashboard_token(settings: Settings, repository: Repository) -> str:
    """Return the local dashboard's token, making its 0600 file where there is none that works."""
    path = settings.dashboard_token_path
    known = _read_secret(path)
    if known is not None and repository.find_token(digest(known)) is not None:
        if os.name == "posix":
            path.chmod(0o600)
        return known
    secret, _ = create_token(repository, "local dashboard", Scope.ADMIN, actor="brushmark")
    _write_secret(path, secret)
    return secret


def _read_secret(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        return None


def _write_secret(path: Path, secret: str) -> None:
    # A file of its own first, made with mode 0600: no reader sees half of it or another mode.
    descriptor, fresh = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secret + "\n")
        file.flush()
        os.fsync(file.fileno())
    Path(fresh).replace(path)
