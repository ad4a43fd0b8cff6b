"""`brushmark dataset folder`: from folders to a manifest that training takes."""

from __future__ import annotations

import csv
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from PIL import Image

from backend.dataset.build import CACHE
from backend.training.manifest import Manifest, read_manifest
from tests.cli.conftest import Brushmark
from tests.dataset.conftest import ColourJudge
from tests.pictures import draw, encode


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Two generators and two human sources of ten pictures each."""
    root = tmp_path / "pictures"
    for number, place in enumerate(
        ("ai_generated/gen-1/site", "ai_generated/gen-2", "human_made/museum", "human_made/blog")
    ):
        hang(root / place, range(100 * number, 100 * number + 10))
    return root


@cache
def jpeg_of(seed: int) -> bytes:
    return encode(small(seed), "JPEG", quality=85)


def small(seed: int) -> Image.Image:
    return draw(160, 130, seed)


def hang(folder: Path, seeds: range) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        (folder / f"{seed}.jpg").write_bytes(jpeg_of(seed))


def manifest_of(root: Path) -> Manifest:
    return read_manifest(root / "manifest.csv")


def by_name(manifest: Manifest) -> dict[str, dict[str, str]]:
    rows = {}
    for row in manifest.rows:
        known = {n: getattr(row, n) for n in ("generator", "source", "kind", "licence", "group")}
        rows[row.file.name] = {**row.more, **known, "split": row.split}
    return rows


def test_folders_become_a_manifest(brushmark: Brushmark, judge: ColourJudge, tree: Path) -> None:
    """Labels, generators and sources come from the folders, and training takes the result."""
    ran = brushmark("dataset", "folder", tree, "--kind", "art", "--licence", "CC0")
    assert ran.code == 0, ran.err
    assert "40 pictures in 40 groups" in ran.out
    manifest = manifest_of(tree)
    assert {row.split for row in manifest.rows} == {"train", "val", "test"}
    rows = by_name(manifest)
    assert (rows["3.jpg"]["generator"], rows["3.jpg"]["source"]) == ("gen-1", "site")
    assert (rows["103.jpg"]["generator"], rows["103.jpg"]["source"]) == ("gen-2", "gen-2")
    assert (rows["203.jpg"]["generator"], rows["203.jpg"]["source"]) == ("human", "museum")
    assert {(r["kind"], r["licence"]) for r in rows.values()} == {("art", "CC0")}
    assert rows["3.jpg"]["original_width"] == "160"


def test_near_duplicates_share_a_group(
    brushmark: Brushmark, judge: ColourJudge, tree: Path
) -> None:
    """Smaller and brighter copies join their original, by hash or by embedding."""
    smaller = small(205).resize((100, 81))
    (tree / "human_made/blog/smaller.png").write_bytes(encode(smaller, "PNG"))
    cropped = small(206).crop((3, 3, 160, 130))
    (tree / "human_made/blog/cropped.png").write_bytes(encode(cropped, "PNG"))
    assert brushmark("dataset", "folder", tree).code == 0
    rows = by_name(manifest_of(tree))
    assert rows["smaller.png"]["group"] == rows["205.jpg"]["group"]
    assert rows["cropped.png"]["group"] == rows["206.jpg"]["group"]
    assert rows["smaller.png"]["group"] != rows["cropped.png"]["group"]


def test_unreadable_pictures_are_named(
    brushmark: Brushmark, judge: ColourJudge, tree: Path
) -> None:
    """A damaged file is left out with a line and exit code 1; --strict writes nothing."""
    (tree / "human_made/blog/bad.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    ran = brushmark("dataset", "folder", tree, "--strict")
    assert ran.code == 1
    assert not (tree / "manifest.csv").exists()
    ran = brushmark("dataset", "folder", tree)
    assert ran.code == 1
    assert "bad.jpg" in ran.err
    assert len(manifest_of(tree).rows) == 40


def test_equal_files_are_kept_once(brushmark: Brushmark, judge: ColourJudge, tree: Path) -> None:
    """A copy is left out without harm; a file that both classes claim is left out as wrong."""
    same = (tree / "human_made/museum/200.jpg").read_bytes()
    (tree / "human_made/blog/copy.jpg").write_bytes(same)
    ran = brushmark("dataset", "folder", tree)
    assert (ran.code, len(manifest_of(tree).rows)) == (0, 40)
    assert "Copies left out: 1" in ran.out
    (tree / "ai_generated/gen-2/copy.jpg").write_bytes(same)
    ran = brushmark("dataset", "folder", tree)
    assert ran.code == 1
    assert "Both classes claim it" in ran.err
    assert len(manifest_of(tree).rows) == 39


def test_credits_and_licence_files(brushmark: Brushmark, judge: ColourJudge, tree: Path) -> None:
    """A credits table has the last word, then the nearest LICENSE file, then the option."""
    (tree / "LICENSE").write_text("\n  All rights reserved\n(c) nobody\n", encoding="utf-8")
    (tree / "human_made/museum/LICENCE.txt").write_text("CC BY 4.0\n", encoding="utf-8")
    with (tree / "ai_generated/gen-2/credits.csv").open("w", newline="", encoding="utf-8") as out:
        table = csv.DictWriter(
            out, ["file", "generator", "kind", "licence", "prompt", "label", "split"]
        )
        table.writeheader()
        said = {"generator": "gen-2.5", "kind": "photo", "licence": "own", "prompt": "a, “b”\nc"}
        table.writerow({"file": "101.jpg", **said, "label": "human_made", "split": "unseen"})
    assert brushmark("dataset", "folder", tree, "--licence", "from the option").code == 0
    rows = by_name(manifest_of(tree))
    mine = rows["101.jpg"]
    assert (mine["generator"], mine["kind"], mine["licence"]) == ("gen-2.5", "photo", "own")
    assert mine["prompt"] == "a, “b” c"
    assert mine["split"] != "unseen"
    assert rows["102.jpg"]["generator"] == "gen-2"
    assert rows["200.jpg"]["licence"] == "CC BY 4.0"
    assert rows["300.jpg"]["licence"] == "All rights reserved"


def test_a_second_run_looks_at_new_pictures_alone(
    brushmark: Brushmark, judge: ColourJudge, tree: Path
) -> None:
    """What was found out is kept by SHA-256, and pictures stay in their splits."""
    brushmark("dataset", "folder", tree)
    before = by_name(manifest_of(tree))
    assert judge.calls == 40
    hang(tree / "human_made/museum", range(210, 216))
    (tree / "human_made/museum/200.jpg").rename(tree / "human_made/blog/renamed.jpg")
    assert brushmark("dataset", "folder", tree, "--seed", "5").code == 0
    assert judge.calls == 46
    after = by_name(manifest_of(tree))
    assert after["renamed.jpg"]["split"] == before["200.jpg"]["split"]
    assert all(after[n]["split"] == before[n]["split"] for n in before if n in after)
    assert brushmark("dataset", "folder", tree, "--seed", "5", "--redraw").code == 0
    redrawn = by_name(manifest_of(tree))
    assert any(redrawn[n]["split"] != after[n]["split"] for n in after)


def test_an_interrupted_run_goes_on(
    brushmark: Brushmark, judge: ColourJudge, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was looked at before an interruption is not looked at again."""
    score = judge.score

    def break_off(image):  # type: ignore[no-untyped-def]
        if judge.calls >= 20:
            raise KeyboardInterrupt
        return score(image)

    monkeypatch.setattr(judge, "score", break_off)
    assert brushmark("dataset", "folder", tree, "--jobs", "1").code == 130
    assert not (tree / "manifest.csv").exists()
    monkeypatch.setattr(judge, "score", score)
    assert brushmark("dataset", "folder", tree).code == 0
    assert judge.calls <= 45
    assert len(manifest_of(tree).rows) == 40


def test_another_model_means_other_embeddings(
    brushmark: Brushmark, judge: ColourJudge, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Embeddings of other weights are not mixed with today's."""
    brushmark("dataset", "folder", tree)
    newer = ColourJudge("fake-2")
    monkeypatch.setattr("backend.model.registry.load_judge", lambda *_: newer)
    brushmark("dataset", "folder", tree)
    assert newer.calls == 40


@pytest.mark.parametrize(
    ("ai", "human"), [("ai", "real"), ("Fake", "Human"), ("AI-generated", "human made")]
)
def test_other_names_of_folders(
    brushmark: Brushmark, judge: ColourJudge, tmp_path: Path, ai: str, human: str
) -> None:
    """Common names do as well, and pictures may lie in them directly."""
    hang(tmp_path / ai, range(10))
    hang(tmp_path / human, range(100, 110))
    hang(tmp_path / "other", range(200, 201))
    ran = brushmark("dataset", "folder", tmp_path)
    assert ran.code == 0
    assert "1 pictures lie under no label's folder" in ran.err
    rows = by_name(manifest_of(tmp_path))
    assert (rows["1.jpg"]["generator"], rows["1.jpg"]["source"]) == ("unspecified", ai)
    assert (rows["101.jpg"]["generator"], rows["101.jpg"]["source"]) == ("human", human)


def test_refusals_are_one_line(brushmark: Brushmark, judge: ColourJudge, tmp_path: Path) -> None:
    """No folder, no pictures, a manifest elsewhere, too few pictures: one line that says so."""
    empty = tmp_path / "empty"
    empty.mkdir()
    few = tmp_path / "few"
    hang(few / "ai", range(1))
    hang(few / "human", range(10, 11))
    for arguments, words in (
        ((tmp_path / "none",), "no folder"),
        ((empty,), "no pictures"),
        ((few, "--out", tmp_path / "elsewhere" / "m.csv"), "outside"),
        ((few,), "too few groups"),
    ):
        ran = brushmark("dataset", "folder", *arguments)
        assert (ran.code, ran.out) == (1, "")
        assert words in ran.err.splitlines()[-1]
    assert brushmark("dataset", "folder", few, "--val", "0.6", "--test", "0.5").code == 2


def test_no_torch_is_needed(tree: Path, tmp_path: Path) -> None:
    """`folder`, with the served graph, and `check` run where torch cannot be imported."""
    program = (
        "import sys\n"
        "sys.modules.update(torch=None, torchvision=None, sklearn=None)\n"
        "from backend.cli import main\n"
        "main(sys.argv[1:])"
    )
    for arguments in (["folder", str(tree), "--cosine", "1"], ["check", str(tree)]):
        done = subprocess.run(
            [sys.executable, "-c", program, "dataset", *arguments],
            env={"BRUSHMARK_HOME": str(tmp_path / "home"), "PATH": "/usr/bin"},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert (tree / CACHE).is_file()
