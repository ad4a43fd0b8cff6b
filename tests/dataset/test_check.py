"""`brushmark dataset check`: what it finds, what it lets pass, and its exit code."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backend.dataset.leaks import is_leak, leak_auc
from tests.cli.conftest import Brushmark
from tests.pictures import draw, encode

Row = dict[str, Any]
COLUMNS = ("path", "label", "generator", "kind", "source", "group", "split", "licence", "sha256")


def put(folder: Path, row: Row, data: bytes) -> Row:
    """Write a picture for a row and set its path and SHA-256."""
    path = f"{row['group']}.img"
    (folder / path).write_bytes(data)
    return {**row, "path": path, "sha256": hashlib.sha256(data).hexdigest()}


def write(folder: Path, rows: list[Row]) -> Path:
    names = [*COLUMNS, *sorted({n for row in rows for n in row} - set(COLUMNS))]
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as out:
        table = csv.DictWriter(out, names)
        table.writeheader()
        table.writerows(rows)
    return folder / "manifest.csv"


@cache
def jpeg_of(n: int) -> bytes:
    size = (110, 100) if n // 2 % 2 else (100, 110)
    return encode(draw(*size, seed=n), "JPEG", quality=85)


def good_rows(folder: Path, count: int = 32) -> list[Row]:
    """Return rows of both classes in three splits, alike from outside."""
    rows = []
    for n in range(count):
        label = ("ai_generated", "human_made")[n % 2]
        row = {
            "label": label,
            "generator": "gen" if n % 2 == 0 else "human",
            "kind": "art",
            "source": f"{label}-{n % 6}",
            "group": f"g{n}",
            "split": ("train", "train", "val", "test")[n // 2 % 4],
            "licence": "drawn",
        }
        rows.append(put(folder, row, jpeg_of(n)))
    return rows


@pytest.fixture
def rows(tmp_path: Path) -> list[Row]:
    return good_rows(tmp_path)


def findings(brushmark: Brushmark, file: Path) -> tuple[int, dict[str, Any]]:
    ran = brushmark("dataset", "check", file, "--json")
    return ran.code, {found["code"]: found for found in json.loads(ran.out)["findings"]}


def test_a_good_manifest_passes(brushmark: Brushmark, tmp_path: Path, rows: list[Row]) -> None:
    """Nothing to mend and nothing leaks; that sources have one label is noted."""
    code, found = findings(brushmark, write(tmp_path, rows))
    assert code == 0
    assert set(found) == {"sources-of-one-label"}
    ran = brushmark("dataset", "check", tmp_path)
    assert "32 rows" in ran.out
    assert "MEND" not in ran.out


def _set(index: int, **values: str) -> Callable[[Path, list[Row]], None]:
    def change(_: Path, rows: list[Row]) -> None:
        rows[index].update(values)

    return change


def _copy(source: int, target: int) -> Callable[[Path, list[Row]], None]:
    def change(folder: Path, rows: list[Row]) -> None:
        data = (folder / rows[source]["path"]).read_bytes()
        rows[target].update(put(folder, rows[target], data))

    return change


def _near(source: int, target: int) -> Callable[[Path, list[Row]], None]:
    def change(folder: Path, rows: list[Row]) -> None:
        image = draw(100, 110, seed=source).resize((90, 99))
        rows[target].update(put(folder, rows[target], encode(image, "JPEG", quality=70)))

    return change


def _damage(folder: Path, rows: list[Row]) -> None:
    data = (folder / rows[0]["path"]).read_bytes()[:400]
    rows[0].update(put(folder, rows[0], data))


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("manifest", _set(0, label="nobody")),
        ("manifest", _set(0, path="gone.jpg")),
        ("manifest", _set(0, group="g4")),
        ("unreadable", _damage),
        ("sha256", _set(0, sha256="0" * 64)),
        ("copies-labels", _copy(0, 1)),
        ("copies-splits", _copy(0, 4)),
        ("copies-groups", _copy(0, 2)),
        ("near-splits", _near(0, 4)),
        ("unseen-known", _set(6, split="unseen")),
    ],
)
def test_what_must_be_mended(
    brushmark: Brushmark,
    tmp_path: Path,
    rows: list[Row],
    code: str,
    change: Callable[[Path, list[Row]], None],
) -> None:
    """Each fault that would make figures wrong is found, counted, shown, and exits with 1."""
    change(tmp_path, rows)
    exit_code, found = findings(brushmark, write(tmp_path, rows))
    assert exit_code == 1
    assert found[code]["weight"] == "mend"
    assert found[code]["count"] >= 1
    assert found[code]["examples"]


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("near-groups", _near(0, 2)),
        ("near-labels", _near(0, 1)),
        ("copies", _copy(0, 2)),
        ("sha256-missing", _set(0, sha256="")),
    ],
)
def test_what_wants_care(
    brushmark: Brushmark,
    tmp_path: Path,
    rows: list[Row],
    code: str,
    change: Callable[[Path, list[Row]], None],
) -> None:
    """Lesser faults are named; --strict exits with 1 for them too."""
    change(tmp_path, rows)
    file = write(tmp_path, rows)
    _, found = findings(brushmark, file)
    assert found[code]["weight"] == "care"
    assert brushmark("dataset", "check", file, "--strict").code == 1


def test_leaks_are_said_aloud(brushmark: Brushmark, tmp_path: Path) -> None:
    """Where size, format and bytes tell the label, each is named with its AUC."""
    rows = good_rows(tmp_path, count=48)
    for n, row in enumerate(rows):
        image = draw(128, 128, n) if n % 2 == 0 else draw(110 + n, 100, n)
        data = encode(image, "PNG") if n % 2 == 0 else encode(image, "JPEG", quality=60)
        row.update(put(tmp_path, row, data))
    code, found = findings(brushmark, write(tmp_path, rows))
    assert code == 0
    assert {"leak-size", "leak-format", "leak-bytes", "leak-outside"} <= set(found)
    assert "0.60" in found["leak-size"]["message"]
    assert brushmark("dataset", "check", tmp_path, "--strict").code == 1


def test_the_originals_leak_through_their_columns(brushmark: Brushmark, tmp_path: Path) -> None:
    """Pictures made alike still tell the label by the size that their originals had."""
    rows = good_rows(tmp_path)
    for n, row in enumerate(rows):
        side = 1024 if n % 2 == 0 else 1500 + 13 * n
        row |= {"original_width": side, "original_height": side, "original_format": "PNG"}
    _, found = findings(brushmark, write(tmp_path, rows))
    assert "leak-original_size" in found
    assert "leak-original_format" not in found
    assert "leak-size" not in found


def test_nothing_to_look_through_is_one_line(brushmark: Brushmark, tmp_path: Path) -> None:
    """No file, or a table without the columns, gives one line and exit code 1."""
    ran = brushmark("dataset", "check", tmp_path)
    assert (ran.code, ran.out) == (1, "")
    assert "no manifest" in ran.err.splitlines()[-1]
    (tmp_path / "manifest.csv").write_text("path,label\na,b\n", encoding="utf-8")
    assert "the header lacks" in brushmark("dataset", "check", tmp_path).err


def test_the_auc_is_of_groups_not_seen() -> None:
    """What is learned by heart of a group does not count, what carries over does."""
    rng = np.random.default_rng(0)
    targets = np.arange(2000) % 2
    named = [f"g{n // 20}" for n in range(2000)]
    noise = rng.normal(size=2000)
    assert abs(leak_auc([noise], targets, named) - 0.5) < 0.05
    assert leak_auc([noise + 2 * targets], targets, named) > 0.9
    common = np.where(targets == 1, 1024.0, rng.integers(900, 1100, 2000))
    assert leak_auc([common], targets, named) > 0.95  # no threshold parts 1024 from its like


def test_few_pictures_are_not_accused() -> None:
    """An AUC of .65 means nothing of forty pictures and something of four hundred."""
    assert not is_leak(0.65, np.arange(40) % 2)
    assert is_leak(0.65, np.arange(400) % 2)
    assert not is_leak(0.59, np.arange(100_000) % 2)
