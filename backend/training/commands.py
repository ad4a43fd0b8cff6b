"""`brushmark evaluate` and `release`, and what `train` does with torch.

Torch is imported when one of them runs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from backend.domain import utc_now
from backend.errors import BadManifest, BadRun, MissingExtra
from backend.model.registry import SHIPPED

if TYPE_CHECKING:
    from backend.model.card import Card
    from backend.training.train import Progress as Report

SHARED_DATA = SHIPPED.parent.parent / "shared" / "data"
"""Where this project's own training data lies beside a checkout, if it is there."""
RUNS = Path("runs")


@contextmanager
def progress_bar(shown: bool = True) -> Iterator[Report]:
    """Show steps, elapsed and remaining time on stderr; plain where it is no terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=not shown) as bar:
        task = bar.add_task("starting", total=None)

        def report(done: int, total: int, text: str) -> None:
            bar.update(task, completed=done, total=total, description=text)

        yield report


@contextmanager
def needs_training_extra() -> Iterator[None]:
    """Turn a missing torch into one clear line."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in {
            "torch",
            "torchvision",
            "sklearn",
            "nncf",
            "threadpoolctl",
        }:
            raise
        raise MissingExtra(
            f"This needs the training extra ({error.name} is not installed): "
            "pip install 'brushmark[train]'."
        ) from error


def manifest_path(data: Path | None) -> Path:
    """Return the manifest that was named, or the shared data's. Raises `BadManifest`."""
    folder = data or SHARED_DATA
    path = folder / "manifest.csv" if folder.is_dir() else folder
    if not path.exists():
        raise BadManifest(f"There is no manifest at {path}. Name one with --data.")
    return path


def train(
    recipe: str,
    data: Path | None,
    init: str | None,
    task: str,
    seed: int,
    select_by: str,
    run_folder: Path | None,
) -> None:
    """Train the network on a data manifest; `brushmark train` without weights to go on from."""
    with needs_training_extra():
        from backend.training import stage_training
        from backend.training import train as trainer
        from backend.training.parallel import joined
    from backend.training.manifest import read_manifest
    from backend.training.recipes import Recipe, find_recipe
    from backend.training.run import Run
    from backend.training.tasks.task import FULL, restrict

    chosen = find_recipe(recipe)
    path = manifest_path(data)
    name = chosen.name if task == FULL else f"{chosen.name}-{task}"
    run = Run(run_folder or RUNS / f"{name}-{seed}")
    with joined() as team, progress_bar(shown=team.leads) as report:
        manifest, start = restrict(read_manifest(path), task), _initialisation(init, path)
        if isinstance(chosen, Recipe):
            best = trainer.train(
                chosen,
                manifest,
                run,
                seed=seed,
                init=start,
                select_by=select_by,
                progress=report,
                team=team,
            )
        else:
            if select_by != "accuracy":
                raise click.UsageError(
                    f"--select-by keeps an epoch, and {chosen.name} has none to choose from."
                )
            best = stage_training.train_stages(
                chosen, manifest, run, seed=seed, init=start, progress=report, team=team
            )
    if team.leads:
        click.echo(
            f"Kept epoch {best['epoch'] + 1}: validation accuracy {best['accuracy']:.3f}, "
            f"AUC {best['auc']:.3f}. Curves: {run.curves_path}. "
            f"Next: brushmark release {run.folder}"
        )


def train_whole(
    card: Card,
    export: Path,
    replay: Path | None,
    *,
    version: str,
    weights: Path,
    steps: int | None,
    seed: int,
    run_folder: Path | None,
) -> str:
    """Go on with a release's whole network on an export's pictures; returns the candidate's name.

    The run goes on where it was interrupted, and so does its release into `weights`.
    """
    with needs_training_extra():
        from backend.model.network import inference_device
        from backend.training import release as releaser
        from backend.training import whole_training
    from backend.model.new_version import new_folder
    from backend.model.processor import this_processor
    from backend.training.recipes import TrunkRecipe
    from backend.training.run import Run, write_text

    recipe = TrunkRecipe() if steps is None else TrunkRecipe(steps=steps)
    run = Run(run_folder or RUNS / f"{card.ref.version}-full-{seed}")
    on_gpu = inference_device().type == "cuda"
    device = "a GPU" if on_gpu else f"{this_processor().cores} processor cores"
    click.echo(
        f"Fine-tuning the whole network of {card.ref.version}, as --full asks: {recipe.steps} "
        f"steps of {recipe.batch_size} patches on {device}. Interrupted, it goes on from "
        f"{run.folder} when the same command is started again.",
        err=True,
    )
    chosen = run.folder / "version"
    if not chosen.exists():
        new_folder(version, weights)  # told now, not after an hour
    with needs_training_extra(), progress_bar() as report:
        whole_training.train_whole(
            card,
            whole_training.Pictures(export, manifest_path(replay) if replay else None),
            run,
            command=_whole_command(card, export, replay, recipe.steps, seed),
            recipe=recipe,
            seed=seed,
            progress=report,
        )
        name = chosen.read_text(encoding="utf-8") if chosen.exists() else version
        write_text(chosen, name)
        if not (weights / name).exists():
            weights.mkdir(exist_ok=True)
            releaser.release(run, name, weights, progress=report)
    return name


def _whole_command(card: Card, export: Path, replay: Path | None, steps: int, seed: int) -> str:
    told = f" --replay {replay.name}" if replay else ""
    return (
        f"brushmark train --init {card.ref.version} --full --data {export.name}{told} "
        f"--steps {steps} --seed {seed}"
    )


def _initialisation(init: str | None, manifest: Path) -> Path | None:
    if init == "torchvision":
        return None
    if init is not None:
        if not Path(init).is_file():
            raise BadRun(f"There is no initialisation {init}.")
        return Path(init)
    beside = manifest.parent / "init" / "resnet18-imagenet-partial.safetensors"
    return beside if beside.is_file() else None


@click.command(short_help="Measure released weights on a manifest's split, with a report.")
@click.option("--model", help="Version or folder. Default: the active version.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="A manifest, or the folder that holds manifest.csv.",
)
@click.option(
    "--split",
    default="val",
    show_default=True,
    help="train, val, test or unseen; each look at the last two is counted.",
)
@click.option("--task", default="full", show_default=True, help="full data, or founding.")
@click.option(
    "--view",
    help="One view of each original, or “all”, averaged. Default: as the weights were measured "
    "at their release.",
)
@click.option(
    "--report",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where metrics.json and report.html go. Default: runs/reports/VERSION-SPLIT.",
)
@click.option(
    "--limit", metavar="N", type=click.IntRange(min=4), help="A quick look at N originals."
)
@click.option("--grid/--no-grid", default=True, help="Score degraded copies too.  [default: on]")
@click.option("--leaks/--no-leaks", default=True, help="Fit leak controls.  [default: on]")
@click.option("--leave-one-generator-out", is_flag=True, help="On the vectors of the release.")
@click.option("--leave-one-source-out", is_flag=True, help="On the vectors of the release.")
def evaluate(
    model: str | None,
    data: Path | None,
    split: str,
    task: str,
    view: str | None,
    folder: Path | None,
    limit: int | None,
    grid: bool,
    leaks: bool,
    leave_one_generator_out: bool,
    leave_one_source_out: bool,
) -> None:
    """Measure released weights on a manifest's split, and write metrics.json and report.html.

    Every score is remembered in runs/scores: when interrupted, start the same command again.
    The report shows pictures of the manifest: never publish or commit it.

    \b
    Example:
      brushmark evaluate --data ../shared/data --split val --report runs/reports/val
      brushmark evaluate --data ../shared/data --limit 100 --no-grid
    """
    with needs_training_extra():
        from backend.training.evaluation import assess, sentences
        from backend.training.evaluation.write import write
    from backend.model.card import verify_files
    from backend.model.openvino_runtime import OpenVinoJudge
    from backend.model.registry import find_card
    from backend.settings import Settings
    from backend.training.manifest import SPLITS, read_manifest
    from backend.training.tasks.task import FULL, restrict

    if split not in SPLITS:
        raise click.BadParameter(f"one of {', '.join(SPLITS)}", param_hint="--split")
    card = find_card(Settings.from_env(), model)
    verify_files(card)
    manifest = restrict(read_manifest(manifest_path(data)), task)
    released_view = (card.document.get("recipe") or {}).get("view")
    chosen = {"generator": leave_one_generator_out, "source": leave_one_source_out}
    question = assess.Question(
        split=split,
        view=None if view == "all" else view or released_view,
        limit=limit,
        grid=grid,
        leaks=leaks,
        leave_out=tuple(field for field, wanted in chosen.items() if wanted),
        command=" ".join(("brushmark", *sys.argv[1:])),
    )
    judge = OpenVinoJudge(card)
    with needs_training_extra(), progress_bar() as show:
        found = assess.assess(judge, card, manifest, question, RUNS, show)
    name = f"{card.ref.version}-{split}" if task == FULL else f"{card.ref.version}-{split}-{task}"
    path = write(found, folder or RUNS / "reports" / name)
    for line in (*sentences.warnings(found), *sentences.in_words(found)):
        click.echo(line)
    click.echo(f"Report: {path}. Figures: {path.with_name('metrics.json')}")


@click.command(short_help="Turn a finished run into weights that can be served.")
@click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--version", help="Name of the version. Default: RECIPE-DATE.")
@click.option(
    "--weights",
    type=click.Path(path_type=Path),
    default=SHIPPED,
    help="Where versions lie. Default: the weights folder of this checkout.",
)
def release(run_folder: Path, version: str | None, weights: Path) -> None:
    """Turn a finished run into weights that can be served.

    Calibrates and sets thresholds on what no fold has learnt from (without folds on `val`), opens
    `test` and `unseen` once for the figures, counts that opening, and writes graph, checkpoint,
    card, metrics and features.

    Example: brushmark release runs/seed-1-0
    """
    with needs_training_extra():
        from backend.training import release as releaser
    from backend.training.run import Run

    run = Run(run_folder)
    name = version or f"{run.config()['recipe']['name']}-{utc_now():%Y%m%d}"
    with progress_bar() as report:
        folder = releaser.release(run, name, weights, progress=report)
    click.echo(f"Released {name} into {folder}. Its card: {folder / 'README.md'}")
    others = sorted(f.parent.name for f in weights.glob("[!.]*/card.json") if f.parent.name != name)
    if others and weights == SHIPPED:
        click.echo(
            f"Only the version that is served stays in a checkout: {', '.join(others)} may go now."
        )


COMMANDS: dict[str, click.Command] = {"evaluate": evaluate, "release": release}
