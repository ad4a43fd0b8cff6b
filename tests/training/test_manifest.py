"""A manifest is read whole, or refused with the row's number."""

from pathlib import Path

import pytest

from backend.domain import Label
from backend.errors import BadManifest
from backend.training.manifest import counts, open_picture, read_manifest, survey
from tests.training.manifests import Row, write_manifest


def test_a_good_manifest_is_read(tmp_path: Path) -> None:
    """Rows keep their order, number, label, view and further columns."""
    manifest = read_manifest(write_manifest(tmp_path))
    assert len(manifest.rows) == 12
    first = manifest.rows[0]
    assert (first.number, first.label, first.target, first.view) == (
        2,
        Label.AI_GENERATED,
        1,
        "whole",
    )
    assert counts(manifest.of("train")) == {"ai_generated": 2, "human_made": 2}
    assert open_picture(first).size == (300, 260)


def _set(index: int, **values: str):  # type: ignore[no-untyped-def]
    def change(rows: list[Row]) -> None:
        rows[index].update(values)

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set(3, label="robot"), r"row 5: the label is “robot”"),
        (_set(1, split="holdout"), r"row 3: the split is “holdout”"),
        (_set(2, path="images/none.jpg"), r"row 4: there is no file images/none\.jpg"),
        (_set(2, path="../../etc/hostname"), r"row 4: .* outside"),
        (_set(4, group=""), r"row 6: no group"),
        (_set(11, group="g0"), r"row 13: group g0 is cut by a split \(test here, train in row 2\)"),
        (
            lambda rows: [r.update(label="human_made") for r in rows[:4]],
            r"train holds human_made alone",
        ),
        (lambda rows: [r.pop("licence") for r in rows], r"lacks licence"),
    ],
)
def test_what_cannot_be_trained_on_is_refused_by_row(
    tmp_path: Path, change: object, message: str
) -> None:
    """Each fault is one sentence that names the file's row."""
    with pytest.raises(BadManifest, match=message):
        read_manifest(write_manifest(tmp_path, change=change))  # type: ignore[arg-type]


def test_a_missing_manifest_is_named(tmp_path: Path) -> None:
    """No file, one sentence."""
    with pytest.raises(BadManifest, match="There is no manifest"):
        read_manifest(tmp_path / "manifest.csv")


def test_an_unreadable_picture_names_its_row(tmp_path: Path) -> None:
    """A picture that is none is refused by its row when it is opened."""
    manifest = read_manifest(write_manifest(tmp_path))
    manifest.rows[4].file.write_bytes(b"\xff\xd8\xff\xe0 no picture at all")
    with pytest.raises(BadManifest, match="Row 6"):
        open_picture(manifest.rows[4])


def test_a_survey_names_every_fault(tmp_path: Path) -> None:
    """`survey` goes on after a bad row and lists what `read_manifest` stops at, in its order."""

    def spoil(rows: list[Row]) -> None:
        rows[0]["label"] = "unknown"
        rows[1]["path"] = "images/gone.jpg"
        rows[-1]["group"] = rows[2]["group"]

    file = write_manifest(tmp_path, change=spoil)
    manifest, faults = survey(file)
    assert len(manifest.rows) == 10
    assert ["row 2" in str(faults[0]), "row 3" in str(faults[1]), "cut" in str(faults[2])] == [
        True,
        True,
        True,
    ]
    with pytest.raises(BadManifest, match="row 2"):
        read_manifest(file)
