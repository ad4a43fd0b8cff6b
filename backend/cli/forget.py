"""`brushmark forget`: erase what the log holds of a site, an address, a client or a time."""

from __future__ import annotations

from datetime import datetime

import click

from backend.cli.failures import confirmed
from backend.cli.filters import moment
from backend.errors import Conflict
from backend.settings import Settings


@click.command(short_help="Erase a site, an address, a client or a time from the home.")
@click.option("--site", help="Host of the page or picture.")
@click.option("--url", help="Address of a page or of a picture.")
@click.option("--client", help="Name of the client that asked, as records have it.")
@click.option("--before", type=moment, help="Everything before this moment, reviewed or not.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def forget(
    site: str | None, url: str | None, client: str | None, before: datetime | None, yes: bool
) -> None:
    """Erase records, pictures, vectors, reviews and appeals, and rewrite the store without them.

    Nothing brings them back. It names what is out of its reach: exports that were fetched, models
    that were trained here since. Beside a running backend it works too; what that has in memory
    goes when it ends, or at once with POST /forget.

    \b
    Example:
      brushmark forget --site forum.example
      brushmark forget --before 2026-01-01 --yes
    """
    from backend.cli.home import open_home
    from backend.forgetting.forget import Forgetting
    from backend.forgetting.oblivion import Oblivion
    from backend.storage.images import ImageStore

    what = Oblivion(site, url, client, before)
    if not yes and not confirmed("Nothing brings it back. Erase it?"):
        raise Conflict("Nothing was erased. --yes does not ask.")
    settings = Settings.from_env()
    with open_home(settings) as repository:
        images = ImageStore(settings.images_path)
        forgotten = Forgetting(settings, repository, images).forget(what, "cli")
    for line in forgotten.lines():
        click.echo(line)
