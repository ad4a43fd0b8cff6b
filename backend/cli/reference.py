"""The command line's reference, made from its own help: `make docs` writes docs/cli.md."""

from __future__ import annotations

from collections.abc import Iterator

import click

from backend.cli import root

_INTRODUCTION = """\
# Command line

Made from `brushmark --help` by `make docs`; a test keeps it true.

Exit codes: 0 done, 1 refused or failed with one clear line on stderr, 2 wrong usage, 130
interrupted. Every command but `store restore` works beside a running backend on the same home, and
without one.
"""


def reference() -> str:
    """Write the help of every command as Markdown."""
    parts = [_INTRODUCTION]
    for context in _below(_context(root, "brushmark")):
        depth = context.command_path.count(" ")
        heading = "#" * min(depth + 2, 4)
        help_text = context.command.get_help(context).rstrip()
        parts.append(f"{heading} {context.command_path}\n\n```text\n{help_text}\n```\n")
    return "\n".join(parts)


def _context(
    command: click.Command, name: str, parent: click.Context | None = None
) -> click.Context:
    return click.Context(
        command,
        parent=parent,
        info_name=name,
        terminal_width=90,
        max_content_width=90,
        help_option_names=["-h", "--help"],
    )


def _below(context: click.Context) -> Iterator[click.Context]:
    yield context
    if isinstance(context.command, click.Group):
        for name in context.command.list_commands(context):
            command = context.command.get_command(context, name)
            if command is not None:
                yield from _below(_context(command, name, context))


if __name__ == "__main__":
    click.echo(reference(), nl=False)
