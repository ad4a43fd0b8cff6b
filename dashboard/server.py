"""Streamlit's own command, without the question it would put to a foreign server.

Where a page of another site knocks at its WebSocket, Streamlit asks checkip.amazonaws.com for this
machine's public address, to compare it with. Nothing of ours goes out unasked: it is told that it
knows already. `python -m dashboard.server run …` is `streamlit run …`.
"""

from __future__ import annotations

from streamlit import net_util


def know_no_public_address() -> None:
    """Answer the question beforehand, with an address that Streamlit lets in anyway."""
    net_util._external_ip = "0.0.0.0"  # noqa: S104 — compared with, not listened on


def main() -> None:
    """Run Streamlit's command line."""
    know_no_public_address()
    from streamlit.web.cli import main as streamlit

    streamlit(prog_name="streamlit")


if __name__ == "__main__":
    main()
