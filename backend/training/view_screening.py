"""`python -m backend.training.view_screening`: what does a smaller view cost?

A pass costs in proportion to its view's pixels. Heads are fitted and judged as in `screening`, on
the same folds, with the served recipe's copies and consistency; every line is another view of the
same pictures. Statistics are cached, so that an interrupted run goes on.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from backend.model.architectures import load_initialisation
from backend.model.preprocess import FloatArray, Preprocessing
from backend.model.stage_network import StageNetwork
from backend.training.commands import SHARED_DATA, progress_bar
from backend.training.features import Variant, cached
from backend.training.idea_fit import IdeaFit
from backend.training.ideas import AS_SERVED
from backend.training.manifest import Row, read_manifest
from backend.training.screen import Screened, figures_of, screen, seeds_line
from backend.training.screening import CACHE, INIT, JUDGED, SEEDS

VIEWS = ((256, 256), (256, 224), (224, 224), (256, 192))
"""Short side after resizing, and the centre square cut out of that."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Extract, fit, judge, print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--view", action="append", help="RESIZED:CROP; by default all of them")
    given = options.parse_args(arguments)
    views = [tuple(map(int, view.split(":"))) for view in given.view or ()] or VIEWS
    rows = read_manifest(SHARED_DATA / "manifest.csv").of("train", "val", view="whole")
    print("| resized, cut | clean AUC | bal. acc. | web copy AUC | bal. acc. | seeds apart |")  # noqa: T201
    print("|---|---|---|---|---|---|")  # noqa: T201
    for resized, crop in views:
        variants = _statistics(rows, Preprocessing(resized, crop, "bicubic"))
        seeds = [figures_of(_judge(rows, variants, seed)) for seed in SEEDS]
        print(seeds_line(f"{resized}, {crop}", seeds), flush=True)  # noqa: T201


def _statistics(rows: tuple[Row, ...], spec: Preprocessing) -> list[FloatArray]:
    network = StageNetwork()
    load_initialisation(network, SHARED_DATA / INIT)
    with progress_bar() as bar:
        return [cached(CACHE, network, rows, Variant(n), spec, bar) for n in AS_SERVED.learn]


def _judge(
    rows: tuple[Row, ...], variants: Sequence[FloatArray], seed: int
) -> tuple[Screened, ...]:
    return screen(rows, variants[:JUDGED], IdeaFit(AS_SERVED, rows, variants, seed), seed=seed)


if __name__ == "__main__":
    main()
