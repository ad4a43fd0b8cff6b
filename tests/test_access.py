"""Tokens and pairing codes: made once, kept as hashes, guessed by nobody."""

from __future__ import annotations

import os
import re
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from backend.access import (
    PAIRING_CODE_LIFE,
    PairingDesk,
    authenticate,
    client_name,
    create_token,
    digest,
    local_dashboard_token,
    new_pairing_code,
)
from backend.domain import PairingCode, Scope, new_id, utc_now
from backend.errors import BadInput, SlowDown, Unauthenticated
from backend.settings import Settings
from tests.memory_repository import MemoryRepository


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def repository() -> MemoryRepository:
    return MemoryRepository()


def test_a_token_is_known_by_its_secret_alone(repository: MemoryRepository) -> None:
    """The secret is returned once, has 256 random bits, and only its hash is kept."""
    secret, token = create_token(repository, " Firefox ", Scope.CHECK, "test")
    assert re.fullmatch(r"bm_[\w-]{43}", secret)
    assert token.name == "Firefox"
    assert authenticate(repository, secret) == token
    assert secret not in repr(repository.list_tokens())
    assert secret not in repr(repository.list_events())
    assert repository.list_events()[0].action == "token.create"


@pytest.mark.parametrize("secret", [None, "", "bm_", "nonsense", "é", "a" * 10_000])
def test_other_secrets_are_refused(repository: MemoryRepository, secret: str | None) -> None:
    """Nothing, nonsense and the very long are all unauthenticated."""
    create_token(repository, "x", Scope.ADMIN, "test")
    with pytest.raises(Unauthenticated):
        authenticate(repository, secret)


def test_a_revoked_token_is_refused(repository: MemoryRepository) -> None:
    """A revoked secret no longer works."""
    secret, token = create_token(repository, "x", Scope.CHECK, "test")
    repository.revoke_token(token.id, utc_now())
    with pytest.raises(Unauthenticated):
        authenticate(repository, secret)


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "a\nb", "\x00", "a\u202eb"])
def test_names_are_short_and_printable(repository: MemoryRepository, name: str) -> None:
    """Names that would confuse a list or a log are refused."""
    with pytest.raises(BadInput):
        create_token(repository, name, Scope.CHECK, "test")
    assert repository.list_tokens() == ()


def test_clients_of_one_name_are_told_apart(repository: MemoryRepository) -> None:
    """Two browsers may both be called Firefox; their records are not each other's."""
    _, one = create_token(repository, "Firefox", Scope.CHECK, "test")
    _, two = create_token(repository, "Firefox", Scope.CHECK, "test")
    assert client_name(one).startswith("Firefox")
    assert client_name(one) != client_name(two)


def test_a_code_pairs_once_however_it_is_typed(repository: MemoryRepository) -> None:
    """A code is four and four characters nobody mixes up; it holds once."""
    desk = PairingDesk(repository)
    code = new_pairing_code(repository)
    assert re.fullmatch(r"[2-9A-HJKMNP-Z]{4}-[2-9A-HJKMNP-Z]{4}", code)
    secret, token = desk.redeem(f" {code.lower().replace('-', ' ')} ", "Firefox")
    assert token.scope is Scope.CHECK
    assert authenticate(repository, secret) == token
    with pytest.raises(Unauthenticated):
        desk.redeem(code, "Firefox")


def test_a_bad_name_does_not_use_up_the_code(repository: MemoryRepository) -> None:
    """Whoever mistypes the name may try the code again."""
    desk = PairingDesk(repository)
    code = new_pairing_code(repository)
    with pytest.raises(BadInput):
        desk.redeem(code, " ")
    desk.redeem(code, "Firefox")


def test_a_code_expires(repository: MemoryRepository) -> None:
    """After ten minutes a code is as good as none."""
    assert timedelta(minutes=10) == PAIRING_CODE_LIFE
    before = utc_now() - timedelta(minutes=11)
    repository.append_pairing_code(
        PairingCode(new_id(), before, before + PAIRING_CODE_LIFE, digest("ABCDEFGH"))
    )
    with pytest.raises(Unauthenticated):
        PairingDesk(repository).redeem("ABCD-EFGH", "Firefox")


def test_guessing_locks_the_desk_for_a_while(repository: MemoryRepository) -> None:
    """Ten failures lock it for everybody until the first is a quarter of an hour old."""
    clock = Clock()
    desk = PairingDesk(repository, clock=clock)
    code = new_pairing_code(repository)
    for _ in range(10):
        with pytest.raises(Unauthenticated):
            desk.redeem("AAAA-AAAA", "x")
        clock.now += 1
    with pytest.raises(SlowDown) as refused:
        desk.redeem(code, "x")
    assert refused.value.retry_after_s == 891
    clock.now = 901
    desk.redeem(code, "x")


def test_a_success_does_not_count_as_a_guess(repository: MemoryRepository) -> None:
    """Pairing many browsers in a row locks nobody out."""
    desk = PairingDesk(repository)
    for _ in range(12):
        desk.redeem(new_pairing_code(repository), "x")


def test_the_dashboards_key_is_made_once_and_private(
    repository: MemoryRepository, tmp_path: Path
) -> None:
    """The file has mode 0600, holds a working admin token, and is used again."""
    settings = Settings(home=tmp_path)
    secret = local_dashboard_token(settings, repository)
    assert authenticate(repository, secret).scope is Scope.ADMIN
    assert settings.dashboard_token_path.read_text() == secret + "\n"
    if os.name == "posix":
        assert stat.S_IMODE(settings.dashboard_token_path.stat().st_mode) == 0o600
    assert local_dashboard_token(settings, repository) == secret
    assert len(repository.list_tokens()) == 1
    assert [p.name for p in tmp_path.iterdir()] == [settings.dashboard_token_path.name]


@pytest.mark.parametrize("content", [b"", b"bm_revoked\n", b"\xff\xfe\x00"])
def test_a_key_that_does_not_work_is_replaced(
    repository: MemoryRepository, tmp_path: Path, content: bytes
) -> None:
    """An empty, foreign or damaged file is replaced by a fresh key."""
    settings = Settings(home=tmp_path)
    settings.dashboard_token_path.write_bytes(content)
    secret = local_dashboard_token(settings, repository)
    assert authenticate(repository, secret).scope is Scope.ADMIN
    assert settings.dashboard_token_path.read_text().strip() == secret


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes")
def test_a_key_that_others_could_read_is_made_private(
    repository: MemoryRepository, tmp_path: Path
) -> None:
    """A key file whose mode was loosened gets 0600 again."""
    settings = Settings(home=tmp_path)
    local_dashboard_token(settings, repository)
    settings.dashboard_token_path.chmod(0o644)
    local_dashboard_token(settings, repository)
    assert stat.S_IMODE(settings.dashboard_token_path.stat().st_mode) == 0o600
