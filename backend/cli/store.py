"""`brushmark store`: look after the log and the kept pictures."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from backend.settings import Settings

_PATH = click.Path(path_type=Path)


@click.group()
def store() -> None:
    """Verify, compact, back up, restore and import the log in your home.

    \b
    Example:
      brushmark store backup ~/brushmark-backup
    """


@store.command()
@click.pass_context
def verify(ctx: click.Context) -> None:
    """Check every record and kept picture; exit code 1 where something is damaged.

    \b
    Example:
      brushmark store verify
    """
    from backend.storage import maintenance

    report = maintenance.verify(Settings.from_env())
    _print(report.lines())
    if not report.ok:
        ctx.exit(1)


@store.command()
def compact() -> None:
    """Rewrite the log without gaps; a running backend waits meanwhile.

    \b
    Example:
      brushmark store compact
    """
    from backend.storage import maintenance

    _print(maintenance.compact(Settings.from_env()).lines())


@store.command()
@click.argument("folder", type=_PATH)
def backup(folder: Path) -> None:
    """Copy log and pictures into a new folder, also while a backend writes.

    \b
    Example:
      brushmark store backup ~/brushmark-backup
    """
    from backend.storage import maintenance

    _print(maintenance.backup(Settings.from_env(), folder).lines())


@store.command()
@click.argument("folder", type=_PATH)
def restore(folder: Path) -> None:
    """Put a backup in place of the store, which is kept aside. Stop the backend first.

    \b
    Example:
      brushmark store restore ~/brushmark-backup
    """
    from backend.storage import maintenance

    _print(maintenance.restore(Settings.from_env(), folder).lines())


@store.command("import")
@click.argument("file", type=_PATH)
@click.pass_context
def import_(ctx: click.Context, file: Path) -> None:
    """Add the documents of a plain TinyDB JSON file; exit code 1 where some would not do.

    \b
    Example:
      brushmark store import old-log.json
    """
    from backend.storage import maintenance

    report = maintenance.import_tinydb(Settings.from_env(), file)
    _print(report.lines())
    if report.problems:
        ctx.exit(1)


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)
