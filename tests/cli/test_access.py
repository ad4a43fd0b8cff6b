"""`brushmark pair` and `brushmark tokens`, as a person at the keyboard uses them."""

from __future__ import annotations

import re

from backend.access import PairingDesk, authenticate, digest
from backend.domain import Scope
from backend.settings import Settings
from backend.storage import open_repository
from tests.cli.conftest import Brushmark


def test_a_code_pairs_a_browser_once(brushmark: Brushmark) -> None:
    """`pair` prints a code that a browser can exchange for a token of scope check."""
    code = brushmark("pair").out.strip()
    assert re.fullmatch(r"[2-9A-Z]{4}-[2-9A-Z]{4}", code)
    repository = open_repository(Settings.from_env())
    try:
        _, token = PairingDesk(repository).redeem(code, "my browser")
        assert token.scope is Scope.CHECK
    finally:
        repository.close()


def test_tokens_from_making_to_revoking(brushmark: Brushmark) -> None:
    """A token is printed once, alone; the list shows it without its secret; revoking ends it."""
    made = brushmark("tokens", "create", "--name", "newsroom", "--scope", "read")
    secret = made.out.strip()
    assert made.out == f"{secret}\n"
    assert made.err == ""

    listed = brushmark("tokens", "list").out
    assert secret not in listed
    identity, scope, _, state, name = listed.rstrip("\n").split("\t")
    assert (scope, state, name) == ("read", "in use", "newsroom")

    repository = open_repository(Settings.from_env())
    try:
        assert authenticate(repository, secret).id == identity
        assert brushmark("tokens", "revoke", identity).code == 0
        assert repository.find_token(digest(secret)) is None
        assert [e.action for e in repository.list_events()] == ["token.revoke", "token.create"]
    finally:
        repository.close()
    assert "revoked" in brushmark("tokens", "list").out


def test_bad_names_and_unknown_ids_are_one_line(brushmark: Brushmark) -> None:
    """An empty name and an id that nobody knows give one line each."""
    for arguments in (
        ("tokens", "create", "--name", " ", "--scope", "read"),
        ("tokens", "revoke", "01NOBODY"),
    ):
        ran = brushmark(*arguments)
        assert (ran.code, ran.out) == (1, "")
        assert ran.err.count("\n") == 1


def test_an_unknown_scope_is_wrong_usage(brushmark: Brushmark) -> None:
    """A scope that does not exist is wrong usage, and the known ones are named."""
    ran = brushmark("tokens", "create", "--name", "x", "--scope", "root")
    assert ran.code == 2
    assert "review" in ran.err
