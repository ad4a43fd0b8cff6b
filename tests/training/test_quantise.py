"""The gate between the full graph and its 8-bit copy, with judges whose logits are known."""

import numpy as np
import pytest
from PIL import Image

from backend.domain import Activation
from backend.model.card import Calibration
from backend.model.judge import Scored
from backend.training.manifest import Row, read_manifest
from backend.training.quantise import CELLS_EACH, gate
from tests.training.manifests import write_manifest


class ColourJudge:
    """Takes warm pictures for generated, as the drawn ones are; wrong on small ones if asked."""

    def __init__(self, at_most_px: int | None = None) -> None:
        self.at_most_px, self.seen = at_most_px, 0

    def score(self, image: Image.Image) -> Scored:
        self.seen += 1
        red, _, blue = np.asarray(image, np.float64).mean(axis=(0, 1))
        turned = self.at_most_px is not None and min(image.size) <= self.at_most_px
        logit = (red - blue) / 10 * (-1 if turned else 1)
        return Scored(0.5, logit, Activation(((0.0,),), (0, 0, 1, 1)), b"")


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> tuple[Row, ...]:
    file = write_manifest(tmp_path_factory.mktemp("data"), per_cell=9, splits=("val",))
    return read_manifest(file).rows


def _gate(full: ColourJudge, small: ColourJudge, rows: tuple[Row, ...]) -> dict[str, object]:
    return gate(full, small, rows, Calibration())  # type: ignore[arg-type]


def test_a_copy_that_judges_alike_passes(rows: tuple[Row, ...]) -> None:
    """Both look at every picture as it is and in six of the grid's cells."""
    full, small = ColourJudge(), ColourJudge()
    found = _gate(full, small, rows)
    assert found["accepted"] is True
    assert found["grid"]["full"] == found["grid"]["int8"]  # type: ignore[index]
    assert full.seen == small.seen == len(rows) * (1 + CELLS_EACH)


def test_a_copy_that_fails_on_small_copies_alone_is_refused(rows: tuple[Row, ...]) -> None:
    """Right on every picture as it is, wrong where the grid reduced it: that is no equal judge."""
    found = _gate(ColourJudge(), ColourJudge(at_most_px=150), rows)
    assert found["clean"]["full"] == found["clean"]["int8"]  # type: ignore[index]
    assert found["accepted"] is False
