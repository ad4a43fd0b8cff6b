"""Whose request it is, behind proxies of ours and before liars."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from streamlit import net_util

from backend.cli.streamlit_program import dashboard_program
from backend.settings import Settings
from dashboard.server import know_no_public_address
from dashboard.visitors import visitor_address


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "expected"),
    [
        ("198.51.100.4", None, "198.51.100.4"),
        ("198.51.100.4", "203.0.113.9", "198.51.100.4"),  # no proxy of ours: a claim
        ("10.1.2.3", "203.0.113.9", "203.0.113.9"),
        ("10.1.2.3", "6.6.6.6, 203.0.113.9", "203.0.113.9"),  # what stands before is a claim
        ("10.1.2.3", "6.6.6.6, 203.0.113.9, 172.17.0.4", "203.0.113.9"),  # two proxies of ours
        ("::ffff:10.1.2.3", "2001:db8::7", "2001:db8::7"),
        (None, "203.0.113.9", "203.0.113.9"),  # Streamlit names no loopback peer
        (None, None, None),
        ("10.1.2.3", "unknown", "10.1.2.3"),
        ("10.1.2.3", "203.0.113.9, <script>", "10.1.2.3"),
        ("10.1.2.3", "192.168.0.9", "10.1.2.3"),
        ("10.1.2.3", "", "10.1.2.3"),
    ],
)
def test_the_last_foreign_address_counts(
    peer: str | None, forwarded_for: str | None, expected: str | None
) -> None:
    """Only proxies on this machine or network are believed, and only what they wrote themselves."""
    assert visitor_address(peer, forwarded_for) == expected


def test_only_the_public_page_goes_without_cookies(tmp_path: Path) -> None:
    """Within another site's frame cookies are withheld; the private page insists on them."""
    private = Settings(home=tmp_path)
    flag = "--server.enableXsrfProtection"
    assert flag not in dashboard_program(private).arguments
    assert flag in dashboard_program(replace(private, public=True)).arguments


def test_no_foreign_server_is_asked_for_our_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit's question for the machine's public address is answered without any request."""

    def ask(*_: object, **__: object) -> str:
        raise AssertionError("a foreign server was asked")

    monkeypatch.setattr(net_util, "_external_ip", None)
    monkeypatch.setattr(net_util, "_make_blocking_http_get", ask)
    with pytest.raises(AssertionError):
        net_util.get_external_ip()
    know_no_public_address()
    assert net_util.get_external_ip() == "0.0.0.0"
    assert dashboard_program(Settings(home=Path("x"))).arguments[0] == "dashboard.server"
