"""An export holds what curators decided, loads where it says it does, and is the same each time."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import signal
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import jsonschema
import numpy as np
import pytest
from safetensors.numpy import load

from backend.dataset.check import check_manifest
from backend.domain import Outcome
from backend.errors import Busy, NothingToExport, OutOfSpace
from backend.exporting.request import ExportFormat, ExportRequest, Shares
from backend.settings import KeepImages
from backend.storage.repository import PredictionFilter
from backend.training.manifest import read_manifest
from tests.dashboard.filling import SITES
from tests.exporting.homes import (
    AI,
    HUMAN,
    REVIEWER,
    UNSURE,
    Home,
    copy_of,
    document,
    drawn,
    manifest,
    names,
    open_home,
    quiet,
    read,
    sha256,
)
from tests.records import extras, record, review

STOCK = 60


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """Sixty reviewed pictures, copies of some of them, and some that are not to be exported."""
    with open_home(tmp_path_factory.mktemp("stocked") / "home") as home:
        home.stock(STOCK)
        for number in range(0, 10):
            home.log(copy_of(number), AI if number % 2 else HUMAN, site=SITES[number % 3])
        home.log(drawn(100))
        home.log(drawn(101), UNSURE)
        yield home


@pytest.fixture(scope="module")
def zipped(stocked: Home, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("export") / "export.zip"
    stocked.export(target, ExportRequest(split=Shares(0.6, 0.2, 0.2)))
    return target


@pytest.fixture(scope="module")
def unpacked(zipped: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(zipped) as archive:
        archive.extractall(folder)
    return folder


def test_labels_are_the_latest_reviews(tmp_path: Path) -> None:
    """The latest review labels a picture; cannot tell, undone and no review are left out."""
    with open_home(tmp_path / "home") as home:
        changed = home.log(drawn(1), AI)
        home.service.submit_review(changed.id, HUMAN, "another curator")
        home.log(drawn(2), UNSURE)
        home.log(drawn(3))
        undone = home.log(drawn(4))
        review_ = home.service.submit_review(undone.id, AI, "a curator")
        home.service.undo_review(review_.id, "a curator")
        home.log(drawn(5), AI)
        home.log(drawn(5))  # the same bytes again: one example, with the label of its bytes
        made = home.export(tmp_path / "a.zip")
    rows = {row["sha256"]: row["label"] for row in manifest(tmp_path / "a.zip")}
    assert rows == {sha256(drawn(1)): "human_made", sha256(drawn(5)): "ai_generated"}
    assert (made.left_out.unreviewed, made.left_out.cannot_tell) == (2, 1)
    assert os.name != "posix" or (tmp_path / "a.zip").stat().st_mode & 0o777 == 0o600


def test_the_filter_is_that_of_the_log(stocked: Home, tmp_path: Path) -> None:
    """What `GET /predictions` lists under a filter, and nobody else, is in the export."""
    where = PredictionFilter(site=SITES[1], outcome=Outcome.HUMAN_MADE)
    stocked.export(tmp_path / "a.zip", ExportRequest(where))
    listed, _ = stocked.service.list(where, sort="-created_at", limit=200, cursor=None)
    assert {row["sha256"] for row in manifest(tmp_path / "a.zip")} == {
        checked.record.image.sha256 for checked in listed if checked.review
    }
    assert {row["source"] for row in manifest(tmp_path / "a.zip")} == {SITES[1]}


def test_near_duplicates_share_group_and_split(zipped: Path, unpacked: Path) -> None:
    """Copies get the group of their original and its split, and every split has both labels."""
    rows = {row["sha256"]: row for row in manifest(zipped)}
    for number in range(10):
        first, second = rows[sha256(drawn(number))], rows[sha256(copy_of(number))]
        assert (first["group"], first["split"]) == (second["group"], second["split"])
    cells = {(row["split"], row["label"]) for row in rows.values()}
    assert len(cells) == 6
    report = check_manifest(unpacked / "manifest.csv", jobs=2, progress=quiet)
    assert not report.must_be_mended(), report.lines()


def test_labels_that_contradict_are_left_out(tmp_path: Path) -> None:
    """Near-duplicates with two labels are on neither side of the export, and are named."""
    with open_home(tmp_path / "home") as home:
        home.stock(4)
        home.log(copy_of(0), AI)  # the original was called human-made
        made = home.export(tmp_path / "a.zip")
    assert dict(made.left_out.contradicting) == {
        sha256(drawn(0)): "human_made",
        sha256(copy_of(0)): "ai_generated",
    }
    assert {row["sha256"] for row in manifest(tmp_path / "a.zip")} == {
        sha256(drawn(n)) for n in (1, 2, 3)
    }


def test_it_loads_as_an_image_folder(unpacked: Path, tmp_path: Path) -> None:
    """Hugging Face's imagefolder finds the splits, the pictures and every column."""
    loaded = datasets.load_dataset(
        "imagefolder", data_dir=str(unpacked), cache_dir=str(tmp_path / "cache")
    )
    rows = manifest_of(unpacked)
    assert {name: len(part) for name, part in loaded.items()} == {
        {"val": "validation"}.get(split, split): sum(r["split"] == split for r in rows)
        for split in ("train", "val", "test")
    }
    first = loaded["train"][0]
    assert first["image"].size == (first["width"], first["height"])
    assert first["label"] in {"ai_generated", "human_made"}


def manifest_of(folder: Path) -> list[dict[str, str]]:
    return [
        {"split": r.split, "sha256": r.sha256} for r in read_manifest(folder / "manifest.csv").rows
    ]


def test_vectors_travel_as_a_release_names_them(zipped: Path, stocked: Home) -> None:
    """The safetensors file has each picture's logged vector, label, group and model."""
    raw = read(zipped, "features.safetensors")
    tensors = load(raw)
    header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
    assert header["__metadata__"]["model_version"] == "fake-1"
    rows = {row["sha256"]: row for row in manifest(zipped)}
    groups = json.loads(header["__metadata__"]["group"])
    seen = 0
    for split in ("train", "val", "test"):
        for i, digest in enumerate(tensors[f"{split}.sha256"]):
            row = rows[digest.tobytes().hex()]
            vector = stocked.repository.get_extras(row["record"]).features
            assert vector is not None
            assert tensors[f"{split}.features"][i].tobytes() == vector
            assert row["split"] == split
            assert tensors[f"{split}.labels"][i] == (row["label"] == "ai_generated")
            assert groups[tensors[f"{split}.group"][i]] == row["group"]
            assert tensors[f"{split}.scores"][i] == np.float32(float(row["score"])) or (
                abs(tensors[f"{split}.scores"][i] - float(row["score"])) < 1e-5
            )
            seen += 1
    assert seen == len(rows)


def test_each_model_has_a_file_of_vectors(tmp_path: Path) -> None:
    """Vectors of two models are never mixed: the commoner's file has the plain name."""
    with open_home(tmp_path / "home") as home:
        home.stock(3)
        other = record(7, model=replace(record(7).model, version="other-2"))  # type: ignore[type-var]
        home.repository.append_prediction(other, extras(7))
        home.repository.append_review(review(7, other))
        made = home.export(tmp_path / "a.zip")
    files = [entry["file"] for entry in made.document["vectors"]]
    assert files == ["features.safetensors", f"features-{'5' * 12}.safetensors"]
    assert [entry["count"] for entry in made.document["vectors"]] == [3, 1]
    assert load(read(tmp_path / "a.zip", files[1]))["train.features"].shape == (1, 512)


LABEL_STUDIO = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["data"],
        "properties": {
            "data": {
                "type": "object",
                "required": ["image"],
                "properties": {"image": {"type": "string"}},
            },
            "annotations": {"$ref": "#/$defs/results"},
            "predictions": {"$ref": "#/$defs/results"},
        },
    },
    "$defs": {
        "results": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["result"],
                "properties": {
                    "model_version": {"type": "string"},
                    "score": {"type": "number", "minimum": 0, "maximum": 1},
                    "result": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["from_name", "to_name", "type", "value"],
                            "properties": {
                                "from_name": {"const": "label"},
                                "to_name": {"const": "image"},
                                "type": {"const": "choices"},
                                "value": {
                                    "type": "object",
                                    "required": ["choices"],
                                    "properties": {
                                        "choices": {
                                            "type": "array",
                                            "items": {"enum": ["ai_generated", "human_made"]},
                                        }
                                    },
                                },
                            },
                        },
                    },
                },
            },
        }
    },
}
"""Of tasks with annotations and predictions of type choices, as Label Studio documents them."""


def test_label_studio_tasks_follow_its_format(zipped: Path) -> None:
    """Each kept picture is a task whose annotation is its label and whose file is in the zip."""
    tasks = json.loads(read(zipped, "label_studio.json"))
    jsonschema.Draft202012Validator(LABEL_STUDIO).validate(tasks)
    files = {task["data"]["image"].removeprefix("/data/local-files/?d=") for task in tasks}
    assert files == {row["path"] for row in manifest(zipped)} <= set(names(zipped))
    assert b'toName="image"' in read(zipped, "label_config.xml")


def test_checksums_hold_for_every_file(zipped: Path) -> None:
    """SHA256SUMS names every other file with its hash, and pictures are the original bytes."""
    sums = dict(
        reversed(line.split("  ", 1)) for line in read(zipped, "SHA256SUMS").decode().splitlines()
    )
    assert set(sums) == set(names(zipped)) - {"SHA256SUMS"}
    for name, expected in sums.items():
        assert hashlib.sha256(read(zipped, name)).hexdigest() == expected
        if name.endswith(".jpg"):
            assert name.rpartition("/")[2] == f"{expected}.jpg"


def test_the_same_log_gives_the_same_bytes(stocked: Home, zipped: Path, tmp_path: Path) -> None:
    """Two exports of one log are equal byte for byte."""
    stocked.export(tmp_path / "again.zip", ExportRequest(split=Shares(0.6, 0.2, 0.2)))
    assert (tmp_path / "again.zip").read_bytes() == zipped.read_bytes()


@pytest.mark.parametrize("form", ExportFormat)
def test_formats_hold_their_parts(stocked: Home, tmp_path: Path, form: ExportFormat) -> None:
    """Each format has its own files; card, report and checksums are in all of them."""
    target = tmp_path / "a.zip"
    stocked.export(target, ExportRequest(PredictionFilter(site=SITES[0]), form))
    held = {n for n in names(target) if "/" not in n}
    parts = {
        ExportFormat.CSV: {"manifest.csv"},
        ExportFormat.LABEL_STUDIO: {"label_studio.json", "label_config.xml"},
        ExportFormat.IMAGEFOLDER: set(),
    }
    parts[ExportFormat.ALL] = set().union(*parts.values()) | {
        "records.jsonl",
        "features.safetensors",
    }
    assert held == parts[form] | {"README.md", "export.json", "SHA256SUMS"}
    pictures = [n for n in names(target) if n.endswith((".jpg", ".webp"))]
    assert bool(pictures) == form.has_pictures
    has_metadata = "train/metadata.jsonl" in names(target)
    assert has_metadata == (form in {ExportFormat.ALL, ExportFormat.IMAGEFOLDER})


def test_pictures_not_kept_are_counted(tmp_path: Path) -> None:
    """Without its file a picture keeps record, label and vector, and the export says how many."""
    with open_home(tmp_path / "home", KeepImages.NONE) as home:
        home.stock(3)
        made = home.export(tmp_path / "a.zip")
        assert (made.document["examples"], made.document["not_kept"]) == (3, 3)
        assert manifest(tmp_path / "a.zip") == []
        assert load(read(tmp_path / "a.zip", "features.safetensors"))["train.features"].size
        assert "of 0 are kept, of 3 not" in read(tmp_path / "a.zip", "README.md").decode()
        with pytest.raises(NothingToExport, match="3 reviewed, but their files were not kept"):
            home.export(tmp_path / "b.zip", ExportRequest(format=ExportFormat.IMAGEFOLDER))


def test_a_damaged_picture_does_not_stop_an_export(tmp_path: Path) -> None:
    """A picture whose bytes on disk changed is counted among those not kept."""
    with open_home(tmp_path / "home") as home:
        first, *_ = home.stock(3)
        (damaged,) = home.settings.images_path.rglob(first.image.sha256)
        damaged.write_bytes(b"\0" * 100)
        made = home.export(tmp_path / "a.zip")
    assert (made.document["pictures"], made.document["not_kept"]) == (2, 1)


HOSTILE = '=HYPERLINK(1)\r\n../../etc/passwd,"<script>"|`x`\x00\u202e'


def test_text_from_outside_is_harmless(tmp_path: Path) -> None:
    """Sites, titles and notes that try formulas, paths or markup stay data, or stay out."""
    with open_home(tmp_path / "home") as home:
        for number in range(4):
            home.log(
                drawn(number),
                AI if number % 2 else HUMAN,
                site="=cmd|'..%2f..",
                title=HOSTILE,
                client=HOSTILE,
                note=HOSTILE,
            )
        home.export(tmp_path / "a.zip")
    rows = manifest(tmp_path / "a.zip")
    assert {row["source"] for row in rows} == {"'=cmd|'..%2f.."}
    assert all(cell[:1] not in tuple("=+-@\t\r") for row in rows for cell in row.values())
    everything = b"".join(
        read(tmp_path / "a.zip", n)
        for n in names(tmp_path / "a.zip")
        if n.endswith(("l", "n", "d", "v"))
    )
    assert b"etc/passwd" not in everything  # titles, notes and clients are not exported at all
    assert REVIEWER.encode() not in everything
    assert r"\|'..%2f.." in read(tmp_path / "a.zip", "README.md").decode()
    for name in names(tmp_path / "a.zip"):
        assert not name.startswith("/")
        assert ".." not in name


def test_nothing_to_export_says_why(tmp_path: Path) -> None:
    """An export of nothing is refused with the reason, and leaves nothing behind."""
    with open_home(tmp_path / "home") as home:
        with pytest.raises(NothingToExport, match="no prediction matches"):
            home.export(tmp_path / "a.zip")
        home.log(drawn(1))
        home.log(drawn(2), UNSURE)
        with pytest.raises(NothingToExport, match="1 not reviewed, 1 labelled “cannot tell”"):
            home.export(tmp_path / "a.zip")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["home"]


def test_a_full_disk_is_survived(
    stocked: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With too little room it is refused before, and where the disk fills later, cleared up."""
    with monkeypatch.context() as patch:
        patch.setattr("backend.storage.failures._is_full", lambda *_: True)
        with pytest.raises(OutOfSpace):
            stocked.export(tmp_path / "a.zip")
    real = zipfile.ZipFile.writestr
    written = 0

    def fill_up(self: zipfile.ZipFile, *args: object) -> None:
        nonlocal written
        written += 1
        if written == 20:
            raise OSError(28, "No space left on device")
        real(self, *args)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(zipfile.ZipFile, "writestr", fill_up)
        with pytest.raises(OutOfSpace):
            stocked.export(tmp_path / "a.zip")
    assert list(tmp_path.iterdir()) == []
    stocked.export(tmp_path / "a.zip")


def test_what_a_killed_export_left_is_cleared(stocked: Home, tmp_path: Path) -> None:
    """The next export to the same place removes the leftovers; two at once are refused."""
    left = tmp_path / ".exporting-a.zip"
    left.mkdir()
    (left / "zip").write_bytes(b"half a zip")
    made: list[object] = []

    def while_writing(done: int, total: int, text: str) -> None:
        if not made and text == "writing pictures":
            made.append(done)
            with pytest.raises(Busy):
                stocked.export(tmp_path / "a.zip")

    from backend.exporting.make import make_export

    make_export(
        stocked.repository, stocked.images, ExportRequest(), tmp_path / "a.zip", while_writing
    )
    assert made
    assert [p.name for p in tmp_path.iterdir()] == ["a.zip"]


def export_slowly(home_path: Path, target: Path, pipe: Any) -> None:
    """Export, and say when half of the pictures are written."""

    def slow(done: int, total: int, text: str) -> None:
        if text == "writing pictures" and done == 5:
            pipe.send("now")
            time.sleep(60)

    from backend.exporting.make import make_export

    with open_home(home_path) as home:
        make_export(home.repository, home.images, ExportRequest(), target, slow)


def test_a_killed_export_leaves_no_zip_and_is_made_again(tmp_path: Path) -> None:
    """After kill -9 there is no file; the same command gives the bytes of an undisturbed one."""
    with open_home(tmp_path / "home") as home:
        home.stock(10)
        home.export(tmp_path / "undisturbed.zip")
    context = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
    ours, theirs = context.Pipe()
    target = tmp_path / "out" / "a.zip"
    target.parent.mkdir()
    child = context.Process(target=export_slowly, args=(tmp_path / "home", target, theirs))
    child.start()
    assert ours.poll(60)
    os.kill(child.pid or 0, signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
    child.join()
    assert not target.exists()
    with open_home(tmp_path / "home") as home:
        home.export(target)
    assert target.read_bytes() == (tmp_path / "undisturbed.zip").read_bytes()
    assert [path.name for path in target.parent.iterdir()] == ["a.zip"]


def test_the_card_tells_what_is_in_it(zipped: Path) -> None:
    """The data card has the counts, the rules, the findings and the sources."""
    card = read(zipped, "README.md").decode()
    found = document(zipped)
    assert card.startswith("---\ntask_categories:")
    for split, counts in found["splits"].items():
        assert f"| {split} | {counts['ai_generated']} | {counts['human_made']} |" in card
    assert "no split cuts\n  a group" in card
    for finding in found["leakage"]["findings"]:
        assert finding["weight"] in card
    assert found["leakage"]["auc"]["size"]


def test_shares_are_looked_at() -> None:
    """Shares that do not add up to one, or are negative or infinite, are refused."""
    for shares in ((0.5, 0.1, 0.1), (1.2, -0.1, -0.1), (float("nan"), 0.5, 0.5)):
        with pytest.raises(Exception, match="share"):
            Shares(*shares)
