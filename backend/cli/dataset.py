"""`brushmark dataset`: gather pictures, make a manifest of them, look for leaks."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from backend.cli import failures
from backend.cli.failures import confirmed
from backend.model.processor import usable_cores

if TYPE_CHECKING:
    from backend.dataset.build import LeftOut
    from backend.dataset.openai_images import ImagesApi

_PATH = click.Path(path_type=Path)
_SHOWN = 20
_JOBS = click.IntRange(1, 16)


@click.group()
def dataset() -> None:
    """Gather pictures for training, make a manifest of them, look for leaks.

    The founding project's task, from nothing.

    \b
    Example:
      brushmark dataset paintings --out pictures
      brushmark dataset dalle --out pictures --model gpt-image-2.6-sunburst --price 0.05
      brushmark dataset folder pictures --out pictures/manifest.csv
      brushmark dataset check pictures/manifest.csv
    """


@dataset.command(short_help="Download paintings of The Paintings Dataset.")
@click.option("--out", type=_PATH, required=True, help="Folder for the pictures.")
@click.option("--count", type=click.IntRange(1), default=600, show_default=True)
@click.option(
    "--list", "list_", metavar="URL|FILE", help="The list. Default: as Oxford publishes it."
)
@click.option("--seed", default=0, show_default=True, help="Which paintings are drawn.")
@click.option("--jobs", type=click.IntRange(1, 8), default=4, show_default=True, help="At once.")
@click.pass_context
def paintings(
    ctx: click.Context, out: Path, count: int, list_: str | None, seed: int, jobs: int
) -> None:
    """Download paintings of The Paintings Dataset (VGG, Oxford; pictures by Art UK).

    They go to OUT/human_made/vgg-paintings, with a credits table beside them. Start the
    command again to go on after an interruption: what is there is not fetched twice, and
    dead links are not asked twice. Exit code 1 where the count could not be reached.

    \b
    Example:
      brushmark dataset paintings --out pictures --count 600
    """
    from backend.dataset.painting_list import LIST_KINDS, PUBLISHED_LIST, read_list
    from backend.dataset.paintings import download_paintings, fetch_list
    from backend.dataset.patience import Patience
    from backend.imaging.fetch import Fetcher
    from backend.training.commands import progress_bar

    lists = Fetcher(kinds=LIST_KINDS, timeout_s=60)
    found = read_list(fetch_list(list_ or PUBLISHED_LIST, lists.fetch))
    with progress_bar() as progress:
        done = download_paintings(
            found,
            out,
            count=count,
            seed=seed,
            fetch=Fetcher(timeout_s=30).fetch,
            patience=Patience(),
            jobs=jobs,
            progress=progress,
        )
    _print(done.lines())
    if done.had + done.fetched < count:
        ctx.exit(1)


@dataset.command(short_help="Have pictures made through OpenAI's image API.")
@click.option("--out", type=_PATH, required=True, help="Folder for the pictures.")
@click.option(
    "--model", required=True, help="Name of the image model, e.g. gpt-image-2.6-sunburst."
)
@click.option("--count", type=click.IntRange(1), default=600, show_default=True)
@click.option("--seed", default=0, show_default=True, help="Which prompts are drawn.")
@click.option(
    "--size",
    "sizes",
    multiple=True,
    default=("1024x1024", "1536x1024", "1024x1536"),
    show_default=True,
    help="Sizes that take turns; may be given several times.",
)
@click.option("--quality", help="low, medium, high or what the model knows. Default: its own.")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["png", "jpeg", "webp"]),
    help="Default: its own.",
)
@click.option("--price", type=click.FloatRange(0), help="US dollars for a picture.")
@click.option("--yes", is_flag=True, help="Do not ask before money is spent.")
@click.option("--jobs", type=click.IntRange(1, 8), default=2, show_default=True, help="At once.")
@click.option(
    "--base-url",
    envvar="OPENAI_BASE_URL",
    help="Another server that speaks OpenAI's API. Default: OpenAI's own.",
)
def dalle(
    out: Path,
    model: str,
    count: int,
    seed: int,
    sizes: tuple[str, ...],
    quality: str | None,
    output_format: str | None,
    price: float | None,
    yes: bool,
    jobs: int,
    base_url: str | None,
) -> None:
    """Have pictures made through OpenAI's image API, from varied prompts of our own.

    The key is read from OPENAI_API_KEY. What it will cost is shown and confirmed first.
    Pictures go to OUT/ai_generated/MODEL, with prompts and credits in a table beside them.
    Start the command again to go on: what was made is not paid for twice. DALL·E 2 and 3
    left the API in May 2026, so a model must be named.

    \b
    Example:
      brushmark dataset dalle --out pictures --model gpt-image-2.6-sunburst --price 0.05
    """
    from backend.dataset.dalle import Order, Studio
    from backend.dataset.patience import Patience
    from backend.dataset.prices import price_of
    from backend.training.commands import progress_bar

    api = _api(base_url)
    studio = Studio(out, Order(model, count, seed, sizes, quality, output_format))
    if studio.missing:
        each = price_of(model, quality, sizes) if price is None else price
        _confirm(studio.missing, model, each, yes)
    with progress_bar() as progress:
        made = studio.make(api, Patience(), jobs, progress)
    _print(made.lines())


def _api(base_url: str | None) -> ImagesApi:
    from backend.dataset.openai_images import BASE_URL, ImagesApi
    from backend.errors import Unauthenticated

    key = os.environ.get("OPENAI_API_KEY", "").strip()
    if not key:
        raise Unauthenticated("Set OPENAI_API_KEY to your key for the API first.")
    return ImagesApi(key, base_url or BASE_URL)


def _confirm(missing: int, model: str, each: float, yes: bool) -> None:
    from backend.errors import Conflict

    click.echo(
        f"{missing} pictures by {model} at {each:.3f} US dollars: "
        f"about {missing * each:.2f} US dollars.",
        err=True,
    )
    if not yes and not confirmed("Have them made?"):
        raise Conflict("Nothing was asked for and nothing is paid. --yes does not ask.")


@dataset.command(short_help="Make a manifest of folders of pictures.")
@click.argument("root", type=_PATH)
@click.option("--out", type=_PATH, help="The manifest. Default: ROOT/manifest.csv.")
@click.option("--seed", default=0, show_default=True, help="Which groups go to which split.")
@click.option("--val", default=0.1, show_default=True, type=click.FloatRange(0, 0.9))
@click.option("--test", default=0.2, show_default=True, type=click.FloatRange(0, 0.9))
@click.option(
    "--cosine",
    default=0.95,
    show_default=True,
    type=click.FloatRange(0.5, 1),
    help="From where on features tie pictures together; 1 where they are all alike.",
)
@click.option("--kind", default="unspecified", show_default=True, help="E.g. painting or photo.")
@click.option("--licence", help="Where no credits table and no LICENSE file says it.")
@click.option("--strict", is_flag=True, help="Write nothing where a picture cannot be used.")
@click.option(
    "--redraw", is_flag=True, help="Draw all splits anew, even of pictures that have one."
)
@click.option("--jobs", type=_JOBS, default=usable_cores(), help="Threads. Default: cores.")
@click.pass_context
def folder(
    ctx: click.Context,
    root: Path,
    out: Path | None,
    seed: int,
    val: float,
    test: float,
    cosine: float,
    kind: str,
    licence: str | None,
    strict: bool,
    redraw: bool,
    jobs: int,
) -> None:
    """Make a manifest of ROOT/ai_generated/GENERATOR/… and ROOT/human_made/SOURCE/….

    The folders may also be called ai, generated, fake or synthetic, and human, real or
    authentic; pictures may lie in them directly, and ai_generated/GENERATOR/SOURCE/ names a
    source. A credits.csv beside pictures (column “file”; generator, source, kind, licence
    and others) has the last word on them, then a LICENSE file, then the options.

    Near-duplicates (within 8 bits by perceptual hash, or a cosine of .95 between the served
    model's features) share a group, and no split cuts one. Splits are drawn evenly over
    sources; pictures that the manifest already has stay where they are. What was found out
    is kept in .brushmark/ beside the manifest, so an interrupted run goes on. Exit code 1
    where a picture had to be left out.

    \b
    Example:
      brushmark dataset folder pictures --out pictures/manifest.csv --kind painting
    """
    from backend.dataset.build import build, write_manifest
    from backend.dataset.tree import find_pictures
    from backend.errors import BadInput
    from backend.model.registry import load_judge
    from backend.settings import Settings
    from backend.training.commands import progress_bar

    if val + test >= 1:
        raise click.UsageError("--val and --test together leave nothing to train on.")
    target = out or root / "manifest.csv"
    found, strays = find_pictures(root, kind=kind, licence=licence)
    target.parent.mkdir(parents=True, exist_ok=True)
    judge = load_judge(Settings.from_env())
    try:
        with progress_bar() as progress:
            built = build(
                found,
                target,
                judge=judge,
                shares={"train": 1 - val - test, "val": val, "test": test},
                seed=seed,
                jobs=jobs,
                progress=progress,
                least_cosine=cosine,
                redraw=redraw,
            )
    finally:
        judge.close()
    _tell_left_out(built.refused)
    if strays:
        failures.tell(f"{len(strays)} pictures lie under no label's folder, e.g. {strays[0]}.")
    if strict and built.refused:
        raise BadInput(f"{len(built.refused)} pictures cannot be used, so nothing was written.")
    write_manifest(built.rows, target)
    _print([*built.lines(), f"Written: {target}"])
    if built.refused:
        ctx.exit(1)


def _tell_left_out(left_out: list[LeftOut]) -> None:
    for item in left_out[:_SHOWN]:
        failures.tell(f"left out {item.file}: {item.reason}")
    if len(left_out) > _SHOWN:
        failures.tell(f"left out {len(left_out) - _SHOWN} more.")


@dataset.command()
@click.argument("manifest", type=_PATH)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--strict", is_flag=True, help="Exit code 1 for what wants care, too.")
@click.option("--jobs", type=_JOBS, default=usable_cores(), help="Threads. Default: cores.")
@click.pass_context
def check(ctx: click.Context, manifest: Path, as_json: bool, strict: bool, jobs: int) -> None:
    """Look through a manifest for leaks, copies and damage.

    MEND is what would make figures wrong: rows that training refuses, unreadable pictures,
    a wrong SHA-256, copies and near-duplicates that a split cuts. CARE is what a model can
    learn in place of the question: the label told by size, format or bytes with an AUC of
    .60 or more. Exit code 1 where something must be mended.

    \b
    Example:
      brushmark dataset check ../shared/data/manifest.csv
      brushmark dataset check --json pictures/manifest.csv | jq .findings
    """
    from backend.dataset.check import check_manifest
    from backend.training.commands import progress_bar

    path = manifest / "manifest.csv" if manifest.is_dir() else manifest
    with progress_bar() as progress:
        report = check_manifest(path, jobs=jobs, progress=progress)
    if as_json:
        click.echo(json.dumps(report.document(), indent=2, ensure_ascii=False))
    else:
        _print(report.lines())
    if report.must_be_mended(strict):
        ctx.exit(1)


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(failures.printable(line))
