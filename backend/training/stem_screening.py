"""`python -m backend.training.stem_screening`: does a stem of stride 1 on small patches pay?

The first convolution halves the picture before anything is looked at. With stride 1 it sees every
pixel's neighbours: here on the centre patch of half a side, for the same number of multiplications.
Heads are fitted and judged as in `screening`, on the same folds; the last line averages the logits
of both, which costs two passes. Statistics are cached, so that an interrupted run goes on.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from backend.model.architectures import load_initialisation
from backend.model.preprocess import FloatArray
from backend.model.stage_network import StageNetwork
from backend.training.commands import SHARED_DATA, progress_bar
from backend.training.features import Variant, cached
from backend.training.idea_fit import IdeaFit
from backend.training.ideas import BASE
from backend.training.manifest import Row, read_manifest
from backend.training.screen import Screened, averaged, figures_of, screen
from backend.training.screening import CACHE, INIT, JUDGED, SEEDS, SPEC, Statistics

PATCH = replace(SPEC, crop_px=SPEC.crop_px // 2)


def main(arguments: Sequence[str] | None = None) -> None:
    """Extract, fit, judge, print."""
    argparse.ArgumentParser(description=__doc__).parse_args(arguments)
    rows = read_manifest(SHARED_DATA / "manifest.csv").of("train", "val", view="whole")
    whole, patches = Statistics(rows).first(JUDGED), _patches(rows)
    print("| stem | clean AUC | bal. acc. | web copy AUC | bal. acc. |")  # noqa: T201
    print("|---|---|---|---|---|")  # noqa: T201
    found: dict[str, list[list[float]]] = {}
    for seed in SEEDS:
        served, fine = (_judge(rows, each, seed) for each in (whole, patches))
        both = averaged(served, fine)
        for name, judged in (
            ("stride 2, 256 pixels (served)", served),
            ("stride 1, the centre's 128 pixels", fine),
            ("both, logits averaged", both),
        ):
            found.setdefault(name, []).append(figures_of(judged))
    for name, seeds in found.items():
        print(f"| {name} | {' | '.join(f'{v:.3f}' for v in np.mean(seeds, axis=0))} |")  # noqa: T201


def _patches(rows: tuple[Row, ...]) -> list[FloatArray]:
    network = StageNetwork()
    load_initialisation(network, SHARED_DATA / INIT)
    network.conv1.stride = (1, 1)
    with progress_bar() as bar:
        return [
            cached(CACHE, network, rows, Variant(n), PATCH, bar, about="stem of stride 1")
            for n in range(JUDGED)
        ]


def _judge(
    rows: tuple[Row, ...], variants: Sequence[FloatArray], seed: int
) -> tuple[Screened, ...]:
    return screen(rows, variants, IdeaFit(BASE, rows, variants, seed), seed=seed)


if __name__ == "__main__":
    main()
