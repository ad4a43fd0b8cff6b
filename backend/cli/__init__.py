"""The `brushmark` command: entry points translate and call, they decide nothing."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from backend import __version__
from backend.cli import failures
from backend.cli.lazy import LazyGroup

COMMANDS = {
    "up": "backend.cli.up:up",
    "check": "backend.cli.check:check",
    "serve": "backend.cli.serve:serve",
    "dashboard": "backend.cli.serve:dashboard",
    "service": "backend.cli.login:service",
    "pair": "backend.cli.access:pair",
    "tokens": "backend.cli.access:tokens",
    "store": "backend.cli.store:store",
    "export": "backend.cli.export:export",
    "import": "backend.cli.import_:import_",
    "forget": "backend.cli.forget:forget",
    "models": "backend.cli.models:models",
    "train": "backend.cli.train:train",
    "compare": "backend.cli.compare:compare",
    "jobs": "backend.cli.jobs:jobs",
    "evaluate": "backend.training.commands:COMMANDS.evaluate",
    "baselines": "backend.training.baselines.command:baselines",
    "release": "backend.training.commands:COMMANDS.release",
    "dataset": "backend.cli.dataset:dataset",
}


@click.group(
    cls=LazyGroup,
    lazy=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="brushmark")
def root() -> None:
    """Did a person make this picture, or a generator?

    Brushmark answers on your own machine with both probabilities, a sentence and a heat map.
    Settings are BRUSHMARK_* environment variables: see docs/settings.md.

    \b
    Example:
      brushmark up                   start backend and dashboard
      brushmark check painting.jpg   judge a picture here and now
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 refused or failed, 2 wrong usage."""
    code = failures.run(lambda: root.main(arguments, prog_name="brushmark", standalone_mode=False))
    failures.hush_broken_pipe()
    sys.exit(code)
