"""Draw the founding project's own task: DALL·E's pictures against paintings, classes equal.

The list is frozen in `founding.csv`. `make founding-task` writes it anew from the data; a test
holds the two together.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np

from backend.domain import Label
from backend.training.manifest import SPLITS, Manifest, Row, counts, read_manifest
from backend.training.tasks.task import FROZEN, frozen_values

GENERATORS = frozenset({"dalle2", "bing-dalle2", "dalle3"})
KIND = "painting"


def draw(manifest: Manifest, seed: int = 0) -> tuple[Row, ...]:
    """Draw, in every split, as many whole views of both classes as the smaller class has.

    What the larger class has beyond that is left out at random by the seed. Groups stay within
    their split, as they do in the manifest.
    """
    rng = np.random.default_rng(seed)
    chosen: list[Row] = []
    for split in SPLITS:
        rows = manifest.of(split, view="whole")
        classes = [[r for r in rows if _belongs(r) and r.label is label] for label in Label]
        size = min(len(members) for members in classes)
        for members in classes:
            members.sort(key=lambda row: row.path)
            picked = np.sort(rng.permutation(len(members))[:size])
            chosen += [members[i] for i in picked]
    return tuple(chosen)


def _belongs(row: Row) -> bool:
    if row.label is Label.AI_GENERATED:
        return row.generator in GENERATORS
    return row.kind == KIND


def as_csv(rows: Sequence[Row]) -> str:
    """Write rows as a frozen list."""
    text = io.StringIO()
    writer = csv.DictWriter(text, FROZEN, lineterminator="\n")
    writer.writeheader()
    writer.writerows(frozen_values(row) for row in rows)
    return text.getvalue()


@click.command()
@click.argument("manifest", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--seed", default=0, show_default=True, help="Decides which surplus rows go.")
def main(manifest: Path, seed: int) -> None:
    """Write the founding task's list to stdout and its counts to stderr."""
    rows = draw(read_manifest(manifest), seed)
    for split in SPLITS:
        click.echo(f"{split}: {counts([r for r in rows if r.split == split])}", err=True)
    click.echo(as_csv(rows), nl=False)


if __name__ == "__main__":
    main()
