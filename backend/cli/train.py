"""`brushmark train`: from a data manifest with torch, or from a release's head without."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from backend.errors import BadRun
from backend.settings import Settings

if TYPE_CHECKING:
    from backend.model.card import Card


@click.command(short_help="Train on a manifest, or fine-tune served weights on reviewed pictures.")
@click.option("--recipe", default="seed-1", show_default=True, help="Which recipe to follow.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="A manifest, or the folder that holds manifest.csv; with weights to go on from: an "
    "export.",
)
@click.option("--log", "from_log", is_flag=True, help="Learn from the reviewed log of your home.")
@click.option(
    "--init",
    help="Weights to go on from: a version, its folder, or “active”. Without --log or an export: "
    "a pretrained ResNet-18 (safetensors); “torchvision” downloads torchvision's. Default: "
    "init/resnet18-imagenet-partial.safetensors beside the manifest, if there.",
)
@click.option("--version", help="Name of the fine-tuned version. Default: a number is added.")
@click.option(
    "--steps",
    type=click.IntRange(min=1, max=100_000),
    help="Steps of a fine-tune.  [default: 200 for the head]",
)
@click.option("--task", default="full", show_default=True, help="full data, or founding.")
@click.option("--seed", default=0, show_default=True, help="Of weights, order and views.")
@click.option(
    "--select-by",
    default="accuracy",
    show_default=True,
    help="Which validation figure keeps an epoch: accuracy, balanced-accuracy, auc or cost.",
)
@click.option(
    "--run",
    "run_folder",
    type=click.Path(path_type=Path),
    help="Run folder; an interrupted run there goes on. Default: runs/RECIPE-SEED.",
)
def train(
    recipe: str,
    data: Path | None,
    from_log: bool,
    init: str | None,
    version: str | None,
    steps: int | None,
    task: str,
    seed: int,
    select_by: str,
    run_folder: Path | None,
) -> None:
    """Train the network on a data manifest, or fine-tune served weights on reviewed pictures.

    With --log or an export, the head of released weights is fine-tuned on the feature vectors
    that were logged: seconds, without torch and without the pictures. The candidate goes to
    your home's weights; it is served only once you activate it.

    An interrupted run goes on when the same command is started again. The run folder holds
    curves.html, which follows the run in a browser. Several GPUs, or several processes, train
    together where torchrun starts the same command.

    \b
    Example:
      brushmark train --log
      brushmark train --init active --data export.zip
      brushmark train --recipe seed-1 --data ../shared/data
      torchrun --nproc-per-node 2 -m backend.cli train --recipe seed-3
    """
    card = _released(init, from_log, data)
    if card is None:
        from backend.training.commands import train as train_on_manifest

        train_on_manifest(recipe, data, init, task, seed, select_by, run_folder)
        return
    if from_log and data is not None:
        raise click.UsageError("Choose one of --log and --data.")
    _fine_tune(card, None if from_log else data, version, steps, seed, run_folder)


def _released(init: str | None, from_log: bool, data: Path | None) -> Card | None:
    """Return the card to go on from; None where training starts from a manifest."""
    from backend.errors import WeightsMissing
    from backend.model.registry import find_card

    export = data is not None and data.suffix == ".zip"
    if init == "active" or (init is None and (from_log or export)):
        return find_card(Settings.from_env())
    if init is None:
        return None
    try:
        return find_card(Settings.from_env(), init)
    except WeightsMissing:
        if from_log or export:
            raise
        return None


def _fine_tune(
    card: Card,
    data: Path | None,
    version: str | None,
    steps: int | None,
    seed: int,
    run_folder: Path | None,
) -> None:
    from backend.cli.home import open_home
    from backend.cli.progress import progress_bar
    from backend.tuning.fit import TuneRecipe
    from backend.tuning.loop import Source, fine_tune

    settings = Settings.from_env()
    if data is not None and not data.exists():
        raise BadRun(f"There is no export {data}.")
    with open_home(settings) as repository, progress_bar() as report:
        click.echo(
            f"Fine-tuning the head of {card.ref.version} on logged vectors: it needs no torch and "
            "no pictures, and takes seconds.",
            err=True,
        )
        made = fine_tune(
            settings,
            repository,
            card,
            Source(data),
            version=version,
            seed=seed,
            recipe=TuneRecipe(steps=steps) if steps else None,
            run_folder=run_folder,
            progress=report,
        )
    counts = made.data["examples"]
    click.echo(
        f"Made {made.version} from {counts['ai_generated']} AI-generated and "
        f"{counts['human_made']} human-made pictures. Next: brushmark compare {card.ref.version} "
        f"{made.version}, then brushmark models activate {made.version}"
    )
