"""`brushmark compare`: two versions side by side, on pictures that neither was tuned on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from backend.settings import Settings

if TYPE_CHECKING:
    from backend.tuning.compare import Comparison, HoldOut


@click.command(short_help="Compare two model versions on held-out pictures.")
@click.argument("champion")
@click.argument("candidate")
@click.option("--json", "as_json", is_flag=True, help="Print everything as one JSON object.")
@click.pass_context
def compare(ctx: click.Context, champion: str, candidate: str, as_json: bool) -> None:
    """Compare two model versions on the evaluation set that both bring and on your audit records.

    Exit code 1 where the candidate is worse beyond a margin, so that it would not be served.

    \b
    Example:
      brushmark compare brush-2-20261130 brush-2-20261130-tuned-1
    """
    from backend.cli.home import open_home
    from backend.model import registry
    from backend.storage.images import ImageStore
    from backend.tuning.compare import compare as side_by_side

    settings = Settings.from_env()
    with open_home(settings) as repository:
        found = side_by_side(
            registry.find_card(settings, champion),
            registry.find_card(settings, candidate),
            repository,
            registry.list_cards(settings),
            repository.latest_policy(),
            ImageStore(settings.images_path),
        )
    if as_json:
        click.echo(json.dumps(found.to_json(), ensure_ascii=False))
    else:
        for line in _lines(found):
            click.echo(line)
    if found.objections:
        ctx.exit(1)


def _lines(found: Comparison) -> list[str]:
    lines = [f"{found.candidate} against {found.champion}"]
    for hold_out in found.hold_outs:
        lines += ["", *_table(hold_out)]
    lines += ["", *found.notes] if found.notes else []
    if found.looked_at:
        lines += ["", f"{len(found.flips)} of {found.looked_at} logged verdicts would change."]
    lines += [f"Worse: {line}." for line in found.objections] or ["", "Nothing guarded is worse."]
    return lines


def _table(hold_out: HoldOut) -> list[str]:
    from backend.tuning.compare import WORDS

    title = (
        f"On {hold_out.name} ({hold_out.ai_generated} AI-generated, "
        f"{hold_out.human_made} human-made):"
    )
    return [
        title,
        *(
            f"  {WORDS[f.name]:<44} {f.champion:.3f} -> {f.candidate:.3f}   "
            f"change {f.candidate - f.champion:+.3f} (95 % {f.low:+.3f} to {f.high:+.3f})"
            + ("" if f.guarded else "   too few to guard")
            for f in hold_out.figures
        ),
    ]
