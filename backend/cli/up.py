"""`brushmark up`: backend and dashboard together, and what a newcomer needs to know."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from backend.cli.processes import Program, claim_port, run_together
from backend.cli.serve import make_dashboard_token, with_public
from backend.cli.streamlit_program import (
    backend_url,
    dashboard_host,
    dashboard_program,
    dashboard_url,
)
from backend.homelock import refuse_second_backend
from backend.settings import Settings

EXTENSION = Path(__file__).resolve().parents[2] / "extension"


@click.command()
@click.option("--public", is_flag=True, help="As for `brushmark serve --public`.")
def up(public: bool) -> None:
    """Start backend and dashboard; Ctrl-C stops both.

    Prints both addresses, the pairing code for the browser extension (good for ten minutes;
    `brushmark pair` prints another) and the folder of the unpacked extension.

    \b
    Example:
      brushmark up
      BRUSHMARK_PORT=9000 brushmark up
    """
    from backend.access import new_pairing_code
    from backend.cli.home import open_home

    settings = claim(with_public(Settings.from_env(), public))
    if not settings.public:
        make_dashboard_token(settings)

    def greet() -> None:
        with open_home(settings) as repository:
            click.echo(greeting(settings, new_pairing_code(repository), EXTENSION))

    run_together([backend_program(settings), dashboard_program(settings)], greet)


def claim(settings: Settings) -> Settings:
    """Find the ports free and nobody else serving this home.

    Raises:
        AlreadyRunning: one of them is taken.
    """
    settings.prepare_home()
    refuse_second_backend(settings)
    return replace(
        settings,
        port=claim_port(settings.host, settings.port, "BRUSHMARK_PORT"),
        dashboard_port=claim_port(
            dashboard_host(settings), settings.dashboard_port, "BRUSHMARK_DASHBOARD_PORT"
        ),
    )


def backend_program(settings: Settings) -> Program:
    """Return how to run the backend as a program of its own."""
    return Program(
        name="backend",
        arguments=("backend.cli", "serve", "--quiet", *(("--public",) if settings.public else ())),
        health_url=backend_url(settings) + "/healthz",
        environment={
            "BRUSHMARK_PORT": str(settings.port),
            "BRUSHMARK_DASHBOARD_PORT": str(settings.dashboard_port),
        },
    )


def greeting(settings: Settings, code: str, extension: Path) -> str:
    """Say where everything is."""
    lines = [
        "",
        f"  Dashboard     {dashboard_url(settings)}",
        f"  Backend       {backend_url(settings)}",
        f"  Pairing code  {code}   (ten minutes; `brushmark pair` prints another)",
    ]
    if (extension / "manifest.json").exists():
        lines.append(f"  Extension     {extension}")
    return "\n".join([*lines, "", "  Ctrl-C stops everything.", ""])
