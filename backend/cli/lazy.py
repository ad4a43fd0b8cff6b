"""A group of commands whose modules are imported when they are called for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click


class LazyGroup(click.Group):
    """A click group that knows its commands as `module:attribute` until one is wanted.

    So `brushmark check` starts without paying for the web server, the dashboard or torch.
    An attribute may lead into a mapping of commands: `backend.training.commands:COMMANDS.train`.
    """

    def __init__(self, *args: Any, lazy: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lazy = dict(lazy)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order in which a newcomer meets them."""
        return list(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of that name; None where there is none."""
        target = self._lazy.get(cmd_name)
        return load(target) if target else None


def load(target: str) -> click.Command:
    """Import what `module:attribute` or `module:MAPPING.key` names.

    Raises:
        TypeError: it is no click command.
    """
    module_name, _, attribute = target.partition(":")
    name, _, key = attribute.partition(".")
    found = getattr(import_module(module_name), name)
    command = found[key] if key else found
    if not isinstance(command, click.Command):
        raise TypeError(f"{target} is no click command")
    return command
