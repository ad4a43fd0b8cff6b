"""`brushmark service`: the backend starts at login, so that the extension always finds it."""

from __future__ import annotations

import click

from backend.cli.login_systems import LoginServiceFailed, run_tool, this_system
from backend.settings import Settings


@click.group()
def service() -> None:
    """Start the backend at login, not in a terminal.

    So the extension finds it whenever the browser is open. It is a systemd user unit on
    Linux, a launchd agent on macOS, a scheduled task on Windows; it runs as you, with the
    BRUSHMARK_* settings in force when it was installed.

    \b
    Example:
      brushmark service install
    """


@service.command()
def install() -> None:
    """Write the service, start it now and at every login.

    \b
    Example:
      brushmark service install
      BRUSHMARK_PORT=9000 brushmark service install
    """
    settings = Settings.from_env()
    settings.prepare_home()
    system = this_system(settings)
    system.install(run_tool)
    click.echo(f"Installed: {system.path}. The backend runs now and starts at login.")


@service.command()
def remove() -> None:
    """Stop the service and remove it; your data stays.

    \b
    Example:
      brushmark service remove
    """
    system = this_system(Settings.from_env())
    if system.remove(run_tool):
        click.echo(f"Removed: {system.path}.")
    else:
        click.echo("It is not installed; nothing to do.")


@service.command()
def status() -> None:
    """Say whether it is installed and running; exit code 1 where it is not.

    \b
    Example:
      brushmark service status
    """
    system = this_system(Settings.from_env())
    if not system.path.exists():
        raise LoginServiceFailed("Not installed: `brushmark service install`.")
    ran = run_tool(system.status)
    if ran.code:
        raise LoginServiceFailed(
            f"Installed ({system.path}), but not running: {ran.output or 'no reason given'}."
        )
    click.echo(f"Installed ({system.path}) and running.")
