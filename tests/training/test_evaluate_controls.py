"""Leak controls find what they are meant to find; leaving one out leaves it out."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from backend.domain import Label
from backend.errors import WeightsDamaged, WeightsMissing
from backend.training.evaluation import leave_out
from backend.training.evaluation.leaks import Control, controls, facts_of, one_an_original
from backend.training.evaluation.sentences import alarms
from backend.training.manifest import Row, read_manifest
from tests.pictures import draw, encode
from tests.training.manifests import write_manifest


def _silent(done: int, total: int, text: str) -> None:
    pass


def _sizes(leaking: bool) -> Callable[[list[dict[str, str]]], None]:
    def change(rows: list[dict[str, str]]) -> None:
        for n, row in enumerate(rows):
            large = row["label"] == "human_made" if leaking else n % 2 == 0
            row["original_width"] = row["original_height"] = "3000" if large else "1024"
            row["original_format"] = "JPEG"

    return change


def _controls(folder: Path, leaking: bool) -> dict[str, Control]:
    file = write_manifest(folder, per_cell=10, splits=("train", "val"), change=_sizes(leaking))
    manifest = read_manifest(file)
    found = controls(manifest.of("train"), manifest.of("val"), folder / "memory", _silent)
    return {control.name: control for control in found}


@pytest.fixture(scope="module")
def leaking(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Control]:
    return _controls(tmp_path_factory.mktemp("leaking"), leaking=True)


def test_a_size_that_tells_the_class_raises_the_alarm(leaking: dict[str, Control]) -> None:
    """Where human-made originals alone are large, size reaches AUC 1 and a sentence says so."""
    assert leaking["original-size"].auc.value == 1.0
    assert leaking["original-size"].alarms
    said = alarms([leaking["original-size"], leaking["original-format"]])
    assert len(said) == 1
    assert "not equalised" in said[0]
    assert "1.000" in said[0]


def test_what_is_alike_in_both_classes_raises_none(leaking: dict[str, Control]) -> None:
    """Every file has one size and every original one format: those controls are at chance."""
    for name in ("file-size", "original-format"):
        assert leaking[name].auc.value == 0.5
        assert not leaking[name].alarms


def test_a_thumbnail_may_tell_the_class_without_alarm(leaking: dict[str, Control]) -> None:
    """Content tells warm from cool pictures, which is no leak; shuffled labels tell nothing."""
    assert leaking["thumbnail"].auc.value > 0.9
    assert not leaking["thumbnail"].alarms
    assert leaking["shuffled-labels"].auc.value < 0.75


def test_controls_on_originals_need_their_columns(tmp_path: Path) -> None:
    """A manifest that does not know its originals gets the controls on files alone."""
    manifest = read_manifest(write_manifest(tmp_path, per_cell=4, splits=("train", "val")))
    found = controls(manifest.of("train"), manifest.of("val"), tmp_path, _silent)
    assert [control.name for control in found] == [
        "file-size",
        "file-format",
        "thumbnail",
        "shuffled-labels",
    ]


def test_the_packing_of_a_file_is_read_and_remembered(tmp_path: Path) -> None:
    """Lower JPEG quality has larger quantiser steps; a second reading opens no file."""
    manifest = read_manifest(write_manifest(tmp_path, per_cell=1, splits=("train",)))
    rows = list(manifest.rows)
    rows[0].file.write_bytes(encode(draw(64, 48), "JPEG", quality=30, subsampling=2))
    rows[1].file.write_bytes(encode(draw(64, 48), "PNG"))
    first = facts_of(rows, tmp_path / "memory", _silent)
    assert (first[0]["format"], first[0]["width"], first[0]["height"]) == ("JPEG", 64, 48)
    assert first[0]["quantiser"] > 20
    assert first[0]["subsampling"] == 2
    assert (first[1]["format"], first[1]["quantiser"]) == ("PNG", 0.0)
    for row in rows:
        row.file.unlink()
    assert facts_of(rows, tmp_path / "memory", _silent) == first


def test_an_original_is_taken_once_by_its_whole_view(tmp_path: Path) -> None:
    """Of crop and whole view of an original, the whole one speaks for it."""

    def two_views(rows: list[dict[str, str]]) -> None:
        for row, view in zip(rows, ("crop", "whole"), strict=False):
            path = Path(f"a-{view}.jpg")
            (tmp_path / row["path"]).rename(tmp_path / path)
            row.update(path=str(path), view=view, label="human_made")

    manifest = read_manifest(
        write_manifest(tmp_path, per_cell=2, splits=("train",), change=two_views_and(two_views))
    )
    chosen: list[Row] = one_an_original(manifest.rows)
    assert [r.path for r in chosen if r.path.startswith("a-")] == ["a-whole.jpg"]


def two_views_and(first: Callable[[list[dict[str, str]]], None]) -> Any:
    """Give the rows that `first` left alone the other class, so that both are there."""

    def change(rows: list[dict[str, str]]) -> None:
        first(rows)
        for row in rows[2:]:
            row["label"] = "ai_generated"

    return change


def _vault(path: Path, size: int = 24) -> Path:
    """Write vectors in which every generator has a direction of its own but one shares none."""
    rng = np.random.default_rng(0)
    names = ["alike-1", "alike-2", "human", "strange"]
    sources = [f"source-{n}" for n in range(8)]
    tensors: dict[str, Any] = {}
    for split, many in (("train", 40), ("val", 20)):
        generator = np.repeat([0, 1, 3, 2, 2, 2], many)
        labels = (generator != 2).astype(np.int8)
        vectors = rng.normal(0, 1, (len(generator), size))
        vectors[np.isin(generator, [0, 1]), 0] += 4
        vectors[generator == 3, 1] += 4
        tensors |= {
            f"{split}.features": vectors.astype(np.float16),
            f"{split}.labels": labels,
            f"{split}.generator": generator.astype(np.int32),
            f"{split}.source": (generator * 2 + np.arange(len(generator)) % 2).astype(np.int32),
            f"{split}.group": np.arange(len(generator), dtype=np.int32)
            + (0 if split == "train" else 1000),
        }
    groups = [f"g{n}" for n in range(2000)]
    meta = {"generator": names, "source": sources, "group": groups}
    save_file(tensors, path, metadata={k: json.dumps(v) for k, v in meta.items()})
    return path


def test_a_strange_generator_left_out_is_missed(tmp_path: Path) -> None:
    """One like the others is found unseen; one like none is not; human is no generator."""
    vault = leave_out.read_vault(_vault(tmp_path / "features.safetensors"))
    found = {f.name: f for f in leave_out.leave_one_out(vault, "generator", tmp_path, _silent)}
    assert set(found) == {"alike-1", "alike-2", "strange"}
    assert found["alike-1"].recall.value > 0.7
    assert found["strange"].recall.value < 0.5
    assert found["strange"].originals == 60
    assert found["alike-1"].auc.value > 0.9
    assert vault.classifier == "a logistic regression"


def test_sources_of_both_classes_are_left_out(tmp_path: Path) -> None:
    """Each source is judged as the class that it holds, worst recall first."""
    vault = leave_out.read_vault(_vault(tmp_path / "features.safetensors"))
    found = leave_out.leave_one_out(vault, "source", tmp_path, _silent)
    assert {f.label for f in found} == set(Label)
    assert len(found) == 8
    assert [f.recall.value for f in found] == sorted(f.recall.value for f in found)


def test_an_interrupted_round_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was fitted before the interruption is not fitted again, and the result is the same."""
    vault = leave_out.read_vault(_vault(tmp_path / "features.safetensors"))
    whole = leave_out.leave_one_out(vault, "generator", tmp_path / "whole", _silent)

    def stop(done: int, total: int, text: str) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        leave_out.leave_one_out(vault, "generator", tmp_path / "parts", stop)
    fitted = []
    fit = leave_out._fit
    monkeypatch.setattr(leave_out, "_fit", lambda *given: fitted.append(1) or fit(*given))
    assert leave_out.leave_one_out(vault, "generator", tmp_path / "parts", _silent) == whole
    assert len(fitted) == 1


def test_near_duplicates_of_the_left_out_are_not_learnt_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A training picture that shares a group with the left-out name is left out with it."""
    vault = leave_out.read_vault(_vault(tmp_path / "features.safetensors"))
    vault.group[vault.generator == "human"] = "g0"  # the group of one picture of alike-1
    seen: list[int] = []
    fit = leave_out._fit

    def watched(given: Any, learn: Any) -> Any:
        seen.append(int(np.sum(learn & (given.generator == "human"))))
        return fit(given, learn | (given.learnt & (given.generator == "human")))

    monkeypatch.setattr(leave_out, "_fit", watched)
    leave_out.leave_one_out(vault, "generator", tmp_path, _silent)
    assert seen == [0, 120, 120]


def test_weights_without_vectors_are_told_in_a_line(tmp_path: Path) -> None:
    """Missing and damaged vectors are told apart."""
    with pytest.raises(WeightsMissing, match=r"features\.safetensors"):
        leave_out.read_vault(tmp_path / "features.safetensors")
    (tmp_path / "features.safetensors").write_bytes(b"no vectors")
    with pytest.raises(WeightsDamaged):
        leave_out.read_vault(tmp_path / "features.safetensors")


def test_stage_statistics_are_fitted_by_our_own_head(tmp_path: Path) -> None:
    """Vectors of every stage's statistics get the head of our recipe."""
    vault = leave_out.read_vault(_vault(tmp_path / "features.safetensors", size=2048))
    assert "hidden layer" in vault.classifier
    found = leave_out.leave_one_out(vault, "generator", tmp_path, _silent)
    assert len(found) == 3
