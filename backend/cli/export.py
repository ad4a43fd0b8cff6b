"""`brushmark export`: reviewed pictures of the log as one zip."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from backend.cli.filters import filter_options, to_filter
from backend.errors import BadInput, Conflict
from backend.settings import Settings

if TYPE_CHECKING:
    from backend.exporting.request import Shares
    from backend.wire import Json

ACTOR = "cli"


@click.command(short_help="Write reviewed pictures as one zip.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--format",
    "form",
    type=click.Choice(["all", "imagefolder", "csv", "label_studio"]),
    default="all",
    show_default=True,
    help="What the zip holds.",
)
@click.option(
    "--split",
    default="80/10/10",
    show_default=True,
    metavar="TRAIN/VAL/TEST",
    help="Per cent of each split; “none” puts everything into train.",
)
@click.option("--seed", default=0, show_default=True, help="Draws the splits.")
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
@filter_options
def export(file: Path, form: str, split: str, seed: int, force: bool, **conditions: Any) -> None:
    """Write the log's reviewed pictures with their labels to FILE, a zip.

    The label is that of the latest review; “cannot tell” is never exported. Near-duplicates stay
    in one split. The zip has a data card, a leakage report and checksums, and loads as a Hugging
    Face imagefolder, a Brushmark data manifest and Label Studio tasks: see docs/exports.md.

    \b
    Example:
      brushmark export reviewed.zip
      brushmark export tumblr.zip --site tumblr.com --since 2026-11-01 --split 90/10/0
    """
    from backend.cli.home import open_home
    from backend.exporting.request import ExportFormat, ExportRequest
    from backend.exporting.shelf import ExportShelf
    from backend.storage.images import ImageStore

    target = file.absolute()
    if target.exists() and not force:
        raise Conflict(f"{file} exists already; name another file, or say --force.")
    if not target.parent.is_dir():
        raise BadInput(f"There is no folder {file.parent}.")
    settings = Settings.from_env()
    request = ExportRequest(to_filter(conditions), ExportFormat(form), _shares(split, seed))
    with open_home(settings) as repository:
        shelf = ExportShelf(settings, repository, ImageStore(settings.images_path))
        job = shelf.begin(request, ACTOR, target)
        from backend.cli.progress import progress_bar

        with progress_bar() as progress:
            done = shelf.make(job, request, progress, target)
    for line in summary(done.options["result"]):
        click.echo(line)
    click.echo(f"Wrote {file}.")


def _shares(text: str, seed: int) -> Shares:
    from backend.exporting.request import Shares

    if text == "none":
        return Shares(1.0, 0.0, 0.0, seed)
    try:
        train, val, test = (float(part) / 100 for part in text.split("/"))
    except ValueError:
        raise BadInput(f"“{text}” is no split; write three numbers such as 80/10/10.") from None
    return Shares(train, val, test, seed)


def summary(result: Json | Any) -> list[str]:
    """Say in a few lines what an export holds and what it leaves out."""
    lines = [
        f"{split}: {counts['ai_generated']} AI-generated, {counts['human_made']} human-made"
        for split, counts in result["splits"].items()
    ]
    pictures, groups = result["examples"], result["groups"]
    lines.append(
        f"{pictures} picture{'s' * (pictures != 1)} in {groups} group{'s' * (groups != 1)}."
    )
    left = result["left_out"]
    reasons = (
        (result["not_kept"], "have no file, as it was not kept: their records and vectors are in"),
        (left["unreviewed"], "left out: nobody reviewed them"),
        (left["cannot_tell"], "left out: a curator cannot tell"),
        (left["contradicting"], "left out: a near-duplicate has the other label"),
    )
    lines += [f"{count} {what}." for count, what in reasons if count]
    lines += [f"{f['weight'].upper()}: {f['message']}" for f in result["leakage"]["findings"]]
    return lines
