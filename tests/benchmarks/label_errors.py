"""How well doubtful labels are found: `python -m tests.benchmarks.label_errors`.

Labels of the validation pictures that ship with the weights are turned over at random, one in
twenty; each way of ranking is asked how well it tells the turned ones from the rest.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from safetensors import safe_open

from backend.measures import auc
from backend.model.card import FEATURES
from backend.model.reference import find_reference
from backend.model.registry import find_card
from backend.settings import Settings

SEEDS = 20
SHARE = 0.05


def main() -> None:
    """Print the mean area under the ROC curve of each way."""
    with tempfile.TemporaryDirectory() as home:
        card = find_card(Settings(home=Path(home)))
        reference = find_reference(Settings(home=Path(home)), card.ref.version)
    assert reference is not None
    with safe_open(card.folder / FEATURES, "numpy") as file:
        vectors = file.get_tensor("val.features").astype(np.float32)
        truth = file.get_tensor("val.labels").astype(bool)
        logits = file.get_tensor("val.logits")
    scores = np.array([card.calibration.apply(float(x)) for x in logits])
    alike = reference.neighbourhood().share_ai(vectors)
    areas: dict[str, list[float]] = {}
    for seed in range(SEEDS):
        turned = np.random.default_rng(seed).random(len(truth)) < SHARE
        label = truth ^ turned
        by_score = np.where(label, 1 - scores, scores)
        unlike = np.where(label, 1 - alike, alike)
        ways = {"score": by_score, "five most alike": unlike, "both": by_score + unlike}
        for way, doubt in ways.items():
            areas.setdefault(way, []).append(auc(doubt, turned).value or 0.0)
    print(f"{card.ref.version}: {len(truth)} pictures, {SHARE:.0%} turned over, {SEEDS} draws")
    for way, found in areas.items():
        print(f"{way:<16} area under the ROC curve {np.mean(found):.3f}")


if __name__ == "__main__":
    main()
