"""Roles of people who sign in at the dashboard, from the file that BRUSHMARK_LOGIN names."""

from __future__ import annotations

import logging
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from backend.domain import Scope
from backend.errors import BadInput, BadSetting, Forbidden

log = logging.getLogger(__name__)
_MAX_NAME = 200


class Role(StrEnum):
    """What a person of a team may do."""

    VIEWER = "viewer"
    CURATOR = "curator"
    ADMIN = "admin"

    @property
    def scope(self) -> Scope:
        """The scope that a token of such a person would have."""
        return {
            Role.VIEWER: Scope.READ,
            Role.CURATOR: Scope.REVIEW,
            Role.ADMIN: Scope.ADMIN,
        }[self]


class Roles:
    """Who has which role: by e-mail address, or by domain as `*@example.org`.

    The file is read again whenever it changed, so that a role given or taken counts at once. A
    file that cannot be read lets nobody in.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._read_at: tuple[int, int] | None = None
        self._roles: Mapping[str, Role] = {}

    def scope_of(self, person: str) -> Scope:
        """Return what a person may do.

        Raises:
            BadInput: this is nobody's name.
            Forbidden: the person has no role, or there are none here.
        """
        name = person.strip().lower()
        if not name or len(name) > _MAX_NAME or not name.isprintable():
            raise BadInput("X-Brushmark-Actor names a person by their e-mail address.")
        if self._path is None:
            raise Forbidden("This server knows no roles; BRUSHMARK_LOGIN names their file.")
        roles = self._current(self._path)
        role = roles.get(name) or roles.get("*@" + name.rpartition("@")[2])
        if role is None:
            raise Forbidden(f"“{name}” has no role here; whoever runs this server can give one.")
        return role.scope

    def _current(self, path: Path) -> Mapping[str, Role]:
        try:
            stat = path.stat()
            if self._read_at != (stat.st_mtime_ns, stat.st_size):
                self._roles = read_roles(path)
                self._read_at = (stat.st_mtime_ns, stat.st_size)
        except (OSError, BadSetting) as error:
            log.error("roles cannot be read: %s", error)
            raise Forbidden("The roles cannot be read; the server's log says why.") from None
        return self._roles


def read_roles(path: Path) -> dict[str, Role]:
    """Read the table `[roles]` of a TOML file.

    Raises:
        BadSetting: it is no such file, or a role is none of viewer, curator, admin.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("roles", {})
    except (OSError, ValueError) as error:
        raise BadSetting(f"BRUSHMARK_LOGIN: {path} cannot be read ({error}).") from error
    try:
        return {str(name).strip().lower(): Role(role) for name, role in table.items()}
    except (AttributeError, ValueError) as error:
        raise BadSetting(
            f"BRUSHMARK_LOGIN: [roles] in {path} wants lines such as "
            f'"ann@example.org" = "curator"; roles are {", ".join(Role)} ({error}).'
        ) from error
