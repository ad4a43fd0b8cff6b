"""The probe that a release is held against, and the vectors that it learns from."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from backend.domain import Activation
from backend.errors import BadRun
from backend.model.judge import Scored
from backend.training import probe
from backend.training.evaluate import Scores
from backend.training.feature_file import released_vectors, write_features
from backend.training.manifest import Row, read_manifest
from tests.training.manifests import write_manifest


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> tuple[Row, ...]:
    file = write_manifest(tmp_path_factory.mktemp("data"), per_cell=8, splits=("train", "val"))
    return read_manifest(file).rows


def _scores(rows: tuple[Row, ...]) -> Scores:
    number = np.arange(len(rows), dtype=np.float64)
    vectors = np.stack([np.full(4, n) for n in number]).astype(np.float16)
    return Scores(rows, number, number, vectors, np.array([r.target for r in rows]))


def test_a_releases_vectors_are_found_by_the_pictures_hash(
    rows: tuple[Row, ...], tmp_path: Path
) -> None:
    """In whatever order rows are asked for, each gets its own vector; an unknown one is refused."""
    parts = {s: tuple(r for r in rows if r.split == s) for s in ("train", "val")}
    path = tmp_path / "features.safetensors"
    write_features(path, {split: _scores(part) for split, part in parts.items()})
    asked = (parts["val"][3], parts["train"][5])
    assert released_vectors(path, asked)[:, 0].tolist() == [3, 5]
    stranger = replace(rows[0], sha256="00" * 32)
    with pytest.raises(BadRun, match=f"row {stranger.number}"):
        released_vectors(path, [stranger])


def test_the_probe_learns_a_line(rows: tuple[Row, ...]) -> None:
    """Classes that one statistic parts are told apart; views of an original are averaged."""
    rng = np.random.default_rng(0)
    statistics = rng.normal(size=(len(rows), 6)).astype(np.float32)
    statistics[:, 0] += [10 * r.target for r in rows]
    learnt = probe.Probe(rows, statistics)
    auc, accuracy = probe.figures(rows, learnt.logits(statistics), 0.0)
    assert (auc, accuracy) == (1.0, 1.0)
    pair = [replace(rows[0], path="a-whole.jpg"), replace(rows[0], path="a-crop.jpg"), rows[-1]]
    found = probe.figures(pair, np.array([3.0, -1.0, -2.0]), 0.0)
    assert found == (1.0, 1.0)


class CountingJudge:
    """A judge whose score is the picture's mean brightness."""

    device, ref = "none", SimpleNamespace(sha256="0")

    def __init__(self) -> None:
        self.seen = 0

    def score(self, image: Image.Image) -> Scored:
        self.seen += 1
        mean = float(np.asarray(image).mean()) / 255
        vector = np.full(4, mean, "<f2").tobytes()
        return Scored(mean, 0.0, Activation(((0.0,),), (0.0, 0.0, 1.0, 1.0)), vector)


def test_what_was_passed_is_not_passed_again(rows: tuple[Row, ...], tmp_path: Path) -> None:
    """Each copy of a picture is passed once; scores and statistics come back in order."""
    judge = CountingJudge()

    def passed(variant: int) -> probe.Passed:
        return probe.cached_passes(judge, rows, variant, tmp_path, lambda done, of, text: None)  # type: ignore[arg-type]

    first, again = passed(0), passed(0)
    assert judge.seen == len(rows)
    np.testing.assert_array_equal(first.scores, again.scores)
    np.testing.assert_allclose(first.statistics[:, 0], first.scores, atol=1e-3)
    copies = passed(1)
    assert judge.seen == 2 * len(rows)
    assert not np.array_equal(copies.scores, first.scores)
