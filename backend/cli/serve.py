"""`brushmark serve` and `brushmark dashboard`: each server on its own."""

from __future__ import annotations

import logging
import os
from dataclasses import replace

import click

from backend.cli.logs import log_to_stderr
from backend.cli.processes import claim_port, run_together
from backend.cli.streamlit_program import dashboard_host, dashboard_program, dashboard_url
from backend.homelock import refuse_second_backend
from backend.settings import Settings


@click.command()
@click.option(
    "--public",
    is_flag=True,
    help="Let visitors without a token check pictures, under rate limits; nothing is kept.",
)
@click.option("--quiet", is_flag=True, help="Log warnings and errors alone.")
def serve(public: bool, quiet: bool) -> None:
    """Start the backend alone.

    It listens on BRUSHMARK_HOST and BRUSHMARK_PORT until Ctrl-C. A --public server answers
    to the names in BRUSHMARK_TRUSTED_HOSTS only.

    \b
    Example:
      brushmark serve
      BRUSHMARK_TRUSTED_HOSTS=check.example.org brushmark serve --public
    """
    settings = with_public(Settings.from_env(), public)
    settings.prepare_home()
    # Before the server and the model are imported: whoever is second shall hear it at once.
    refuse_second_backend(settings)
    from backend.app import serve as serve_backend

    log_to_stderr(logging.WARNING if quiet else logging.INFO)
    serve_backend(
        settings,
        on_ready=lambda address: click.echo(f"Backend  {address}"),
    )


def with_public(settings: Settings, public: bool) -> Settings:
    """Switch public mode on as BRUSHMARK_PUBLIC=on would: with it goes fetching by address."""
    if not public or settings.public:
        return settings
    return replace(
        settings,
        public=True,
        url_fetch=settings.url_fetch and bool(os.environ.get("BRUSHMARK_URL_FETCH", "").strip()),
    )


@click.command()
def dashboard() -> None:
    """Start the dashboard alone, for a backend that runs already.

    It asks the backend at BRUSHMARK_HOST and BRUSHMARK_PORT, with the token in your home.

    \b
    Example:
      brushmark dashboard
    """
    settings = Settings.from_env()
    port = claim_port(dashboard_host(settings), settings.dashboard_port, "BRUSHMARK_DASHBOARD_PORT")
    settings = replace(settings, dashboard_port=port)
    if not settings.public:
        make_dashboard_token(settings)
    run_together(
        [dashboard_program(settings)], lambda: click.echo(f"Dashboard  {dashboard_url(settings)}")
    )


def make_dashboard_token(settings: Settings) -> None:
    """See to it that the local dashboard has a token that works."""
    from backend.access import local_dashboard_token
    from backend.cli.home import open_home

    with open_home(settings) as repository:
        local_dashboard_token(settings, repository)
