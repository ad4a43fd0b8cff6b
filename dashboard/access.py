"""Who is at the page, and which pages that person gets; the backend decides, the page asks."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

import streamlit as st

from backend.domain import Scope
from dashboard.client import Client, Failure, people
from dashboard.visitors import visitor_address

_FRESH_S = 15.0
"""How long an answer about the caller is believed: a role that was taken away soon shows."""


@dataclass(frozen=True, slots=True)
class Access:
    """What the backend said of the person at the page."""

    client: Client
    name: str = "visitor"
    scope: Scope | None = None
    failure: Failure | None = None
    """Why the backend could not be asked; pages open all the same and say so themselves."""

    def may(self, scope: Scope) -> bool:
        """Say whether the person may do what needs that scope."""
        return self.scope is not None and self.scope.includes(scope)


def current_client() -> Client:
    """Return the client of the person at the page."""
    peer = st.context.ip_address
    visitor = visitor_address(
        peer if isinstance(peer, str) else None, st.context.headers.get("X-Forwarded-For")
    )
    return Client.from_env(os.environ, visitor, signed_in())


def may(scope: Scope) -> bool:
    """Say whether the person at the page may do what needs that scope."""
    return current_access().may(scope)


def current_access() -> Access:
    """Ask the backend who is at the page, at most every few seconds."""
    client = current_client()
    if client.is_public:
        return Access(client)
    known: tuple[float, Access] | None = st.session_state.get("access")
    if known is not None and known[1].client == client and time.monotonic() - known[0] < _FRESH_S:
        return known[1]
    access = _ask(client)
    if access.failure is None:
        st.session_state["access"] = (time.monotonic(), access)
    return access


def _ask(client: Client) -> Access:
    try:
        return Access(client, *people.whoami(client))
    except Failure as failure:
        # Not knowing who somebody is hides no page: each says itself what is wrong and what to
        # do, and the backend refuses what the person may not do. Who has no role is known.
        scope = None if failure.code == "forbidden" else Scope.ADMIN
        return Access(client, "", scope, failure)


def login_wanted() -> bool:
    """Say whether people have to sign in here."""
    return os.environ.get("BRUSHMARK_DASHBOARD_LOGIN") == "on"


def signed_in() -> str | None:
    """Return the verified e-mail address of who signed in; None where nobody has to, or has."""
    if not login_wanted():
        return None
    claims = st.user.to_dict()
    email = claims.get("email")
    if not claims.get("is_logged_in") or not isinstance(email, str):
        return None
    return None if claims.get("email_verified") is False else email.strip().lower()
