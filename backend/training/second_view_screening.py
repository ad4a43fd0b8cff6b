"""`python -m backend.training.second_view_screening`: does a native crop pay, and where?

The served recipe looks at the whole view alone. Here a second head learns from the native crops
(the most detailed 256 x 256 pixels of an original whose short side has 400 or more), and its logit
is averaged with the whole view's: nowhere, everywhere, or only where the whole view is unsure.
Logits are out of fold, as in `screening`; each way gets a calibration and thresholds of its own, as
a release does. Statistics are cached, so that an interrupted run goes on.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from backend.training.calibrate import Origins, Thresholds, apply, fit_platt, usual_thresholds
from backend.training.commands import SHARED_DATA
from backend.training.idea_fit import IdeaFit
from backend.training.ideas import AS_SERVED
from backend.training.manifest import Row, read_manifest
from backend.training.metrics import Array
from backend.training.screen import Logits, Screened, original_of, screen
from backend.training.screening import JUDGED, SEEDS, Statistics

NATIVE = replace(AS_SERVED, views=("crop",), learn=(0, 1))
WAYS = ("whole view alone", "native crop where unsure", "native crop everywhere")


def main(arguments: Sequence[str] | None = None) -> None:
    """Extract, fit, judge, print."""
    argparse.ArgumentParser(description=__doc__).parse_args(arguments)
    rows = read_manifest(SHARED_DATA / "manifest.csv").of("train", "val")
    parts = [tuple(r for r in rows if r.view == view) for view in ("whole", "crop")]
    statistics = [Statistics(part) for part in parts]
    found: dict[str, list[list[float]]] = {way: [] for way in WAYS}
    for seed in SEEDS:
        whole, native = (
            screen(
                part,
                read.first(JUDGED),
                IdeaFit(idea, part, read.first(max(idea.learn) + 1), seed),
                seed=seed,
            )
            for part, read, idea in zip(parts, statistics, (AS_SERVED, NATIVE), strict=True)
        )
        second = [aligned(parts[0], w, parts[1], n) for w, n in zip(whole, native, strict=True)]
        origins = Origins.of([parts[0][i] for i in whole[0].originals], JUDGED)
        for way in WAYS:
            found[way].append(figures(whole, combine(way, whole, second, origins), origins))
    print(table(found))  # noqa: T201


@dataclass(frozen=True, slots=True)
class Combined:
    """Logits of each variant, (variants, n), and where a second pass was needed."""

    logits: Logits
    second: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


def aligned(
    rows: Sequence[Row], whole: Screened, others: Sequence[Row], native: Screened
) -> Logits:
    """Return the native logit of each original of `whole`, NaN where it has no native crop."""
    known = {
        original_of(others[i]): logit
        for i, logit in zip(native.originals, native.logits, strict=True)
    }
    return np.array([known.get(original_of(rows[i]), np.nan) for i in whole.originals])


def combine(
    way: str, whole: Sequence[Screened], second: Sequence[Logits], origins: Origins
) -> Combined:
    """Average the two views' logits as the way says.

    Unsure is what lies between the thresholds that the whole view alone would get.
    """
    first, other = np.stack([w.logits for w in whole]), np.stack(second)
    wanted = np.isfinite(other)
    if way == WAYS[0]:
        wanted &= False
    elif way == WAYS[1]:
        scores, thresholds = scaled(first, whole, origins)
        wanted &= (scores > thresholds.human_at_most) & (scores < thresholds.ai_at_least)
    return Combined(np.where(wanted, (first + np.nan_to_num(other)) / 2, first), wanted)


def scaled(logits: Logits, whole: Sequence[Screened], origins: Origins) -> tuple[Array, Thresholds]:
    """Calibrate all variants' logits together and set thresholds, as a release does."""
    targets = np.tile(whole[0].targets, len(logits))
    scores = apply(fit_platt(logits.ravel(), targets), logits.ravel())
    return scores.reshape(logits.shape), usual_thresholds(scores, targets, origins)


def figures(whole: Sequence[Screened], combined: Combined, origins: Origins) -> list[float]:
    """Return share of second passes, AUC of each variant, decided, right of those, accused."""
    scores, thresholds = scaled(combined.logits, whole, origins)
    targets = np.broadcast_to(whole[0].targets, scores.shape)
    ai, human = scores >= thresholds.ai_at_least, scores <= thresholds.human_at_most
    decided = ai | human
    return [
        float(np.mean(combined.second)),
        *(replace(w, logits=logits).auc for w, logits in zip(whole, combined.logits, strict=True)),
        float(np.mean(decided)),
        float(np.mean((ai == (targets == 1))[decided])),
        float(np.mean(ai[targets == 0])),
    ]


def table(found: dict[str, list[list[float]]]) -> str:
    """Write each way's figures, one list a seed, as a Markdown table of means."""
    lines = [
        "| way | second passes | clean AUC | web copy AUC | decided | right of those | accused "
        "| AUC, seeds apart |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for way, seeds in found.items():
        second, clean, web, *rest = np.mean(seeds, axis=0)
        apart = np.max(np.ptp(np.array(seeds)[:, 1:3], axis=0))
        shares = " | ".join(f"{share:.1%}" for share in rest)
        lines.append(f"| {way} | {second:.0%} | {clean:.3f} | {web:.3f} | {shares} | {apart:.3f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
