"""`brushmark models`: which weights there are, and which are served."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from backend.settings import Settings

if TYPE_CHECKING:
    from backend.model.registry import Version

RESTART = "A running backend serves it after a restart."


@click.group()
def models() -> None:
    """List the model versions on this machine and choose the one to serve.

    \b
    Example:
      brushmark models list
    """


@models.command("list")
def list_() -> None:
    """List versions, newest first: a star at the active one, version, released, card's hash.

    \b
    Example:
      brushmark models list
    """
    from backend.model.registry import list_versions

    versions = list_versions(Settings.from_env())
    for version in versions:
        click.echo(_line(version))
    if not versions:
        click.echo("There are no weights here yet.", err=True)


@models.command()
@click.argument("version")
def activate(version: str) -> None:
    """Serve this version from now on, after its files were checked against its card.

    \b
    Example:
      brushmark models activate seed-1
    """
    from backend.model.registry import activate as choose

    settings = Settings.from_env()
    settings.prepare_home()
    click.echo(f"Active: {choose(settings, version).name}. {RESTART}")


@models.command()
def rollback() -> None:
    """Serve the version that was active before the last activation.

    \b
    Example:
      brushmark models rollback
    """
    from backend.model.registry import roll_back

    settings = Settings.from_env()
    settings.prepare_home()
    click.echo(f"Active: {roll_back(settings).name}. {RESTART}")


def _line(version: Version) -> str:
    mark = "*" if version.active else " "
    return f"{mark} {version.name}\t{version.released_at:%Y-%m-%d}\t{version.sha256[:12]}"
