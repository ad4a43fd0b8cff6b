"""`brushmark baselines`. scikit-learn is imported when it runs."""

from __future__ import annotations

from pathlib import Path

import click

from backend.errors import BadInput
from backend.training.commands import RUNS, manifest_path, needs_training_extra, progress_bar

DEFAULT_SIZES_PX = (30, 60, 120, 240)


@click.command(short_help="Measure classical models on raw pixels, and what they cost.")
@click.option("--task", default="founding", show_default=True, help="founding, or full data.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="A manifest, or the folder that holds manifest.csv.",
)
@click.option(
    "--px",
    "sizes_px",
    type=click.IntRange(8, 480),
    multiple=True,
    default=DEFAULT_SIZES_PX,
    show_default=True,
    help="Edge to which pictures are squeezed; may be given again.",
)
@click.option(
    "--share-px",
    type=click.IntRange(8, 480),
    default=60,
    show_default=True,
    help="Edge at which 1/8, 1/4 and 1/2 of the pictures are tried.",
)
@click.option("--only", "kinds", multiple=True, help="A classifier; may be given again.")
@click.option("--seeds", type=click.IntRange(1), default=3, show_default=True, help="How many.")
@click.option("--minutes", type=click.FloatRange(0, min_open=True), help="Stop after so long.")
@click.option(
    "--memory-gib",
    type=click.FloatRange(0, min_open=True),
    default=4.0,
    show_default=True,
    help="Fits that would hold more are left out, and named.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder of the results; they go on there. Default: runs/baselines/TASK.",
)
def baselines(
    task: str,
    data: Path | None,
    sizes_px: tuple[int, ...],
    share_px: int,
    kinds: tuple[str, ...],
    seeds: int,
    minutes: float | None,
    memory_gib: float,
    out: Path | None,
) -> None:
    """Measure the founding project's classical models on raw pixels, and what they cost.

    SVM, nearest neighbours, decision tree, random forest and k-means learn from train and val
    and are judged on test and unseen, with its settings and tuned by folds of what is learnt
    from, against resolution and number of pictures. Every fit has a process of its own, whose
    time and memory are measured. Writes results.json, table.md and report.html; started again,
    it goes on where it stopped. Fits beyond a limit are named as not run.

    Example: brushmark baselines --task founding --minutes 12
    """
    with needs_training_extra():
        import sklearn  # noqa: F401
        import threadpoolctl  # noqa: F401
    from backend.training.baselines import figures, table
    from backend.training.baselines.cells import plan
    from backend.training.baselines.classifiers import KINDS, find_kind
    from backend.training.baselines.sweep import Limits, sweep
    from backend.training.manifest import read_manifest
    from backend.training.run import write_text
    from backend.training.tasks.task import task_of

    for kind in kinds:
        find_kind(kind)
    chosen = task_of(read_manifest(manifest_path(data)), task)
    if not chosen.judged or not chosen.learnt:
        raise BadInput("Baselines need pictures in train or val, and in test or unseen.")
    for part, numbers in chosen.counts().items():
        click.echo(f"{part}: " + ", ".join(f"{n} {label}" for label, n in numbers.items()))
    cells = plan(kinds or tuple(KINDS), sizes_px, share_px, range(seeds))
    folder = out or RUNS / "baselines" / task
    limits = Limits(minutes if minutes is not None else float("inf"), memory_gib)
    with progress_bar() as report:
        results = sweep(chosen, cells, folder, limits, report)
    text = table.markdown(results)
    write_text(folder / "table.md", text)
    write_text(folder / "report.html", figures.page(results))
    click.echo(f"\n{text}\nFigures: {folder / 'report.html'}")
