"""`brushmark models`: which weights there are, and which are served."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from backend.settings import Settings

if TYPE_CHECKING:
    from backend.model.registry import Version
    from backend.releasing import Releases

FOLLOWS = "A running backend serves it within a second."
ACTOR = "command line"


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
@click.option(
    "--despite", metavar="REASON", default="", help="Serve it although it is worse; goes on record."
)
def activate(version: str, despite: str) -> None:
    """Serve this version from now on, after its files were checked against its card.

    A version that is worse than the active one beyond a margin is refused unless you give a
    reason. A running backend serves it within a second, without a restart.

    \b
    Example:
      brushmark models activate seed-1
    """
    with _releases() as releases:
        click.echo(f"Active: {releases.activate(version, ACTOR, despite).name}. {FOLLOWS}")


@models.command()
def rollback() -> None:
    """Serve the version that was active before the last activation.

    \b
    Example:
      brushmark models rollback
    """
    with _releases() as releases:
        click.echo(f"Active: {releases.roll_back(ACTOR).name}. {FOLLOWS}")


@contextmanager
def _releases() -> Iterator[Releases]:
    from backend.cli.home import open_home
    from backend.releasing import Releases

    settings = Settings.from_env()
    with open_home(settings) as repository:
        yield Releases(settings, repository)


def _line(version: Version) -> str:
    mark = "*" if version.active else " "
    line = f"{mark} {version.name}\t{version.released_at:%Y-%m-%d}\t{version.sha256[:12]}"
    return f"{line}\tfrom {version.parent}" if version.parent else line
