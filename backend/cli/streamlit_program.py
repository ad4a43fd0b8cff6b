"""How the dashboard is started: Streamlit on the loopback alone, refusing foreign hosts."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from backend.cli.processes import Program
from backend.settings import EVERY_ADDRESS, Settings, in_address

LOOPBACK = "127.0.0.1"
APP = Path(__file__).resolve().parents[2] / "dashboard" / "app.py"
HEALTH = "/_stcore/health"
LOCAL_UPLOAD_MB = "500"
"""Whole data sets may come in at the machine's own screen; elsewhere a file has 20 MB at most, as
whoever may not sign in can upload all the same, into the dashboard's memory."""


def browsable(host: str) -> str:
    """Return the name by which this machine reaches a server that listens on `host`."""
    return LOOPBACK if host in EVERY_ADDRESS else in_address(host)


def backend_url(settings: Settings) -> str:
    """Return the backend's address as seen from this machine."""
    return f"http://{browsable(settings.host)}:{settings.port}"


def dashboard_host(settings: Settings) -> str:
    """Return what the dashboard listens on.

    The private dashboard holds an administrator's token, so it never leaves the loopback; the
    public one holds none.
    """
    return settings.host if settings.public else LOOPBACK


def dashboard_url(settings: Settings) -> str:
    """Return the dashboard's address as seen from this machine."""
    return f"http://{browsable(dashboard_host(settings))}:{settings.dashboard_port}"


def dashboard_program(settings: Settings) -> Program:
    """Return how to run the dashboard; what never varies is in dashboard/.streamlit."""
    trusted = (_name_of(entry) for entry in settings.trusted_hosts)
    hosts = dict.fromkeys(("localhost", LOOPBACK, dashboard_host(settings), *trusted))
    return Program(
        name="dashboard",
        arguments=(
            "dashboard.server",
            "run",
            str(APP),
            *("--server.address", dashboard_host(settings)),
            *("--server.port", str(settings.dashboard_port)),
            *(("--secrets.files", str(settings.login)) if wants_login(settings) else ()),
            *(("--server.maxUploadSize", LOCAL_UPLOAD_MB) if is_local(settings) else ()),
            *(part for host in hosts for part in ("--server.allowedHosts", host)),
            # A page of ours within another site's frame gets no cookies, and without one no upload.
            # The public page has no token, no session and no state that a forged request could use.
            *(("--server.enableXsrfProtection", "false") if settings.public else ()),
        ),
        health_url=dashboard_url(settings) + HEALTH,
        environment=dashboard_environment(settings),
    )


def _name_of(trusted: str) -> str:
    """Return a trusted host's name as Streamlit compares it: without port and brackets."""
    return urlsplit(f"//{trusted}").hostname or trusted


def is_local(settings: Settings) -> bool:
    """Say whether the dashboard is for the person at this machine alone."""
    return not settings.public and settings.login is None


def wants_login(settings: Settings) -> bool:
    """Say whether people sign in at the dashboard: where a team's file is named, never publicly."""
    return settings.login is not None and not settings.public


def dashboard_environment(settings: Settings) -> dict[str, str]:
    """Return what the dashboard must be told: it reads no settings of its own."""
    token_file = "" if settings.public else str(settings.dashboard_token_path)
    return {
        "BRUSHMARK_DASHBOARD_BACKEND": backend_url(settings),
        "BRUSHMARK_DASHBOARD_TOKEN_FILE": token_file,
        "BRUSHMARK_DASHBOARD_LOGIN": "on" if wants_login(settings) else "off",
    }
