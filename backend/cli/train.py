"""`brushmark train`: from a data manifest with torch, or from a release's head without."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from backend.errors import BadRun, Conflict
from backend.jobs.threads import one_thread_for_sums
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
    help="Steps of a fine-tune.  [default: 200 for the head, 650 with --full]",
)
@click.option(
    "--full",
    is_flag=True,
    help="Fine-tune the whole network, with torch, on the pictures of an export.",
)
@click.option(
    "--replay",
    type=click.Path(path_type=Path),
    help="With --full: a manifest, or the folder that holds manifest.csv, half of whose pictures "
    "are mixed in so that the network does not forget.",
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
    full: bool,
    replay: Path | None,
    task: str,
    seed: int,
    select_by: str,
    run_folder: Path | None,
) -> None:
    """Train the network on a data manifest, or fine-tune served weights on reviewed pictures.

    With --log or an export, the head of released weights is fine-tuned on the feature vectors
    that were logged: seconds, without torch and without the pictures. The candidate goes to
    your home's weights; it is served only once you activate it. With --full the whole network
    learns from the pictures in an export, with `brushmark[train]`: far longer without a GPU.

    An interrupted run goes on when the same command is started again. The run folder holds
    curves.html, which follows the run in a browser. Several GPUs, or several processes, train
    together where torchrun starts the same command.

    \b
    Example:
      brushmark train --log
      brushmark train --init active --data export.zip
      brushmark train --init active --full --data export.zip --replay ../shared/data
      brushmark train --recipe seed-1 --data ../shared/data
      torchrun --nproc-per-node 2 -m backend.cli train --recipe seed-3
    """
    if replay is not None and not full:
        raise click.UsageError("--replay goes with --full; the head replays the release's vectors.")
    card = _released(init, from_log, data)
    if full and card is None:
        raise click.UsageError("--full goes on from a release: name it with --init.")
    if card is None:
        from backend.training.commands import train as train_on_manifest

        train_on_manifest(recipe, data, init, task, seed, select_by, run_folder)
        return
    if from_log and data is not None:
        raise click.UsageError("Choose one of --log and --data.")
    if full:
        _train_whole(card, data, replay, version, steps, seed, run_folder)
        return
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


def _train_whole(
    card: Card,
    data: Path | None,
    replay: Path | None,
    version: str | None,
    steps: int | None,
    seed: int,
    run_folder: Path | None,
) -> None:
    from backend.model.registry import list_cards
    from backend.training.commands import train_whole
    from backend.tuning.pack import next_version

    settings = Settings.from_env()
    if data is None or not data.is_file():
        raise BadRun(
            "--full learns from pictures, and the log has vectors alone: make an export with "
            "`brushmark export export.zip`, then give it with --data export.zip."
        )
    settings.prepare_home()
    weights = settings.home / "weights"
    taken = {c.ref.version for c in list_cards(settings)}
    if version in taken:
        raise Conflict(f"There is a version {version} already; choose another name.")
    made = train_whole(
        card,
        data,
        replay,
        version=version or next_version(card, weights, taken),
        weights=weights,
        steps=steps,
        seed=seed,
        run_folder=run_folder,
    )
    click.echo(
        f"Made {made}. Next: brushmark compare {card.ref.version} {made}, then brushmark models "
        f"activate {made}"
    )


def _fine_tune(
    card: Card,
    data: Path | None,
    version: str | None,
    steps: int | None,
    seed: int,
    run_folder: Path | None,
) -> None:
    one_thread_for_sums()
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
            "no pictures, and is done in a minute. (--full trains the whole network on pictures.)",
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
