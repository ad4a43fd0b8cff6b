"""The Host header must name us, on every route and in every mode (DNS rebinding)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from backend.api.hosts import Hosts
from backend.errors import BadSetting, HostRefused
from backend.settings import Settings
from tests.api.harness import API, Wired, problem

OURS = ["localhost:8765", "127.0.0.1:8765", "[::1]:8765", "LocalHost:8765"]
FOREIGN = [
    "evil.example",
    "evil.example:8765",
    "localhost.:8765",
    "localhost.evil.example:8765",
    "localhost",
    "localhost:80",
    "localhost:08765x",
    "localhost:8765:8765",
    "127.0.0.1:8766",
    "127.0.0.2:8765",
    "127.1:8765",
    "2130706433:8765",
    "::1:8765",
    "[::1]",
    "[::2]:8765",
    "user@localhost:8765",
    "localhost:8765, evil.example",
    "localhost:8765/",
    " localhost:8765",
    "",
]
PATHS = ["/healthz", "/readyz", "/metrics", "/nowhere", f"{API}/docs", f"{API}/stats"]


@pytest.mark.parametrize("public", [False, True])
def test_foreign_hosts_are_refused(wired_with: Callable[..., Wired], public: bool) -> None:
    """Any name but ours with our port gets 403, on open routes and unknown ones too."""
    wired = wired_with(port=8765, public=public)
    for host in FOREIGN:
        for path in PATHS:
            answer = wired.client.get(path, environ_overrides={"HTTP_HOST": host})
            problem(answer, 403, "host_refused")


@pytest.mark.parametrize(
    ("listens", "asked"),
    [
        ("192.168.1.5", "192.168.1.5:8765"),
        ("Studio.local", "studio.local:8765"),
        ("fd00::5", "[fd00::5]:8765"),
    ],
)
def test_the_address_we_listen_on_is_answered(
    wired_with: Callable[..., Wired], listens: str, asked: str
) -> None:
    """Where BRUSHMARK_HOST names one address, it is ours with our port; others stay foreign."""
    wired = wired_with(port=8765, host=listens)
    for host, status in ((asked, 204), (asked.replace("8765", "8766"), 403), ("0.0.0.0:8765", 403)):
        answer = wired.client.get("/healthz", environ_overrides={"HTTP_HOST": host})
        assert answer.status_code == status, host
    everywhere = wired_with(port=8765, host="0.0.0.0")
    answer = everywhere.client.get("/healthz", environ_overrides={"HTTP_HOST": "0.0.0.0:8765"})
    assert answer.status_code == 403


def test_our_own_names_are_answered(wired_with: Callable[..., Wired]) -> None:
    """The loopback names with our port are answered."""
    wired = wired_with(port=8765)
    for host in OURS:
        answer = wired.client.get("/healthz", environ_overrides={"HTTP_HOST": host})
        assert answer.status_code == 204, host


def test_a_missing_host_is_refused() -> None:
    """A request that names no host, as HTTP/1.0 allows, is refused."""
    with pytest.raises(HostRefused):
        Hosts(frozenset({("localhost", 8765)})).require(None)


@pytest.mark.parametrize(
    ("trusted", "host", "welcome"),
    [
        ("team.example", "team.example", True),
        ("team.example", "team.example:8765", True),
        ("team.example", "team.example:443", False),
        ("team.example", "www.team.example", False),
        ("team.example", "team.example.", False),
        ("team.example:9000", "team.example:9000", True),
        ("team.example:9000", "team.example", False),
        ("TEAM.example", "team.EXAMPLE", True),
    ],
)
def test_trusted_hosts_are_answered_besides(
    wired_with: Callable[..., Wired], trusted: str, host: str, welcome: bool
) -> None:
    """A trusted host is taken without a port or with ours; one with a port only so."""
    wired = wired_with(port=8765, trusted_hosts=(trusted,))
    answer = wired.client.get("/healthz", environ_overrides={"HTTP_HOST": host})
    assert (answer.status_code == 204) is welcome


@pytest.mark.parametrize("entry", ["*", "https://team.example", "a b", "team.example:"])
def test_a_trusted_host_that_is_none_stops_the_start(settings: Settings, entry: str) -> None:
    """Wildcards and addresses in BRUSHMARK_TRUSTED_HOSTS are said to be wrong, not ignored."""
    from dataclasses import replace

    with pytest.raises(BadSetting, match="BRUSHMARK_TRUSTED_HOSTS"):
        Hosts.of(replace(settings, trusted_hosts=(entry,)))
