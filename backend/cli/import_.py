"""`brushmark import`: labelled pictures from elsewhere into the log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from backend.settings import Settings

if TYPE_CHECKING:
    from backend.model.judge import Judge


@click.command("import", short_help="Take labelled pictures from a zip or folder into the log.")
@click.argument("path", type=click.Path(path_type=Path))
def import_(path: Path) -> None:
    """Take the labelled pictures of PATH, a zip or a folder, into the log: all, or none.

    Taken are Brushmark's own exports, folders such as ai_generated/ and human_made/ (also with
    Hugging Face's metadata.jsonl or a data manifest), and Label Studio's JSON, with its pictures
    or for pictures that are in the log. Pictures without a verdict are judged. A label that stands
    here already is not changed by a foreign one. Interrupted, the same command goes on.

    \b
    Example:
      brushmark import reviewed.zip
      brushmark import ~/pictures/labelled
    """
    from backend.cli.home import open_home
    from backend.cli.progress import progress_bar
    from backend.importing.importer import Importer
    from backend.storage.images import ImageStore

    settings = Settings.from_env()
    loaded: list[Judge] = []

    def judge() -> Judge:
        from backend.model import registry

        if not loaded:
            loaded.append(registry.load_judge(settings))
        return loaded[0]

    try:
        with open_home(settings) as repository, progress_bar() as progress:
            images = ImageStore(settings.images_path)
            report = Importer(settings, repository, images, judge).run(path, "cli", progress)
    finally:
        for each in loaded:
            each.close()
    for line in report.lines():
        click.echo(line)
