"""From the shipped weights and a manifest to metrics and a report that needs nothing else."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from backend import cli
from backend.domain import Label
from backend.errors import BadManifest
from backend.model.card import Card
from backend.model.card_judge import CardJudge
from backend.model.preprocess import FloatArray
from backend.model.registry import find_card
from backend.settings import Settings
from backend.training.evaluation import openings
from backend.training.evaluation.assess import Question, assess
from backend.training.evaluation.findings import Findings
from backend.training.evaluation.grid import GRID
from backend.training.evaluation.page import POLICY, render
from backend.training.evaluation.write import write
from backend.training.manifest import Manifest, read_manifest
from tests.training.manifests import write_manifest

HOSTILE = "</script><script>alert(1)</script>"


def _name(rows: list[dict[str, str]]) -> None:
    for row in rows:
        row["source"] += HOSTILE
        row["kind"] += HOSTILE


class CountingJudge(CardJudge):
    """Judges by warmth, with the shipped card; counts its passes, stops as Ctrl-C would."""

    passes = 0
    stop_after: int | None = None
    device = "a fake"

    def infer(self, tensor: FloatArray) -> dict[str, FloatArray]:
        if self.stop_after is not None and self.passes >= self.stop_after:
            raise KeyboardInterrupt
        self.passes += 1
        warmth = tensor[:, 0] - tensor[:, 2] + 2 * np.sin(99 * tensor[:, 1].mean())
        return {
            "logit": 4 * warmth.mean(axis=(1, 2)) - 1.2,
            "features": np.zeros((1, 4), np.float32),
            "activation": warmth[:, ::32, ::32],
        }


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    folder = tmp_path_factory.mktemp("data")
    return read_manifest(write_manifest(folder, per_cell=6, change=_name))


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Card:
    return find_card(Settings(home=tmp_path_factory.mktemp("home")))


@pytest.fixture(scope="module")
def judge(card: Card) -> CountingJudge:
    return CountingJudge(card)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def found(judge: CountingJudge, card: Card, manifest: Manifest, runs: Path) -> Findings:
    return assess(judge, card, manifest, Question("test"), runs)


@pytest.fixture(scope="module")
def page(found: Findings) -> str:
    return render(found)


def test_every_cell_is_scored_ungated_with_its_coverage_apart(found: Findings) -> None:
    """The grid has a line a cell; at a quarter of the size none is served, yet all are scored."""
    assert [line.cell for line in found.grid] == [cell.name for cell in GRID]
    quarter = next(line for line in found.grid if line.cell == "resize-0.25")
    assert quarter.assessed == 0.0
    assert 0 <= quarter.figures["balanced_accuracy"].value <= 1
    assert found.grid[0].assessed == 1.0


def test_a_finished_evaluation_is_not_scored_again(
    found: Findings, judge: CountingJudge, card: Card, manifest: Manifest, runs: Path
) -> None:
    """Started again, scores come from memory (maps are drawn anew) and figures are equal."""
    before = judge.passes
    again = assess(judge, card, manifest, Question("test", leaks=False), runs)
    maps = sum(len(sheet) for sheet in again.mistakes.values())
    assert judge.passes - before <= 2 * maps
    assert again.overall == found.overall
    assert again.grid == found.grid


def test_an_interrupted_grid_goes_on(card: Card, manifest: Manifest, tmp_path: Path) -> None:
    """Stopped in the midst, the next start scores the rest alone and finds the same."""
    question = Question("test", leaks=False, limit=4)
    stopped = CountingJudge(card)
    stopped.stop_after = 30
    with pytest.raises(KeyboardInterrupt):
        assess(stopped, card, manifest, question, tmp_path)
    kept = sum(
        len(file.read_text(encoding="utf-8").splitlines())
        for file in (tmp_path / "scores").glob("*/grid-*.jsonl")
    )
    assert kept > 20
    resumed = CountingJudge(card)
    again = assess(resumed, card, manifest, question, tmp_path)
    # Each mistake shown takes a pass for its map.
    maps = sum(len(sheet) for sheet in again.mistakes.values())
    assert resumed.passes <= len(GRID) * 4 - kept + 2 * maps
    whole = assess(CountingJudge(card), card, manifest, question, tmp_path / "whole")
    assert again.grid == whole.grid


def test_each_look_at_a_sealed_split_is_counted(found: Findings, card: Card, runs: Path) -> None:
    """The ledger names version, split, date and command; metrics and page tell the count."""
    looks = openings.read(runs / "openings.jsonl")
    assert looks[0].version == card.ref.version
    assert (looks[0].split, looks[0].command) == ("test", "brushmark evaluate")
    assert found.openings["test"]["by_evaluate"] == 1
    assert found.to_json()["openings"] == found.openings


def test_metrics_hold_every_figure(found: Findings, tmp_path: Path) -> None:
    """metrics.json is JSON of figures with intervals, grid, controls, tables and parts."""
    path = write(found, tmp_path / "deep" / "report")
    metrics = json.loads(path.with_name("metrics.json").read_text(encoding="utf-8"))
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert {"low", "value", "high"} == set(metrics["overall"]["auc"])
    assert sum(metrics["summary"]["confusion"].values()) == 12
    assert len(metrics["degradation_grid"]) == len(GRID)
    assert set(metrics["leak_controls"]) >= {"file-size", "thumbnail", "shuffled-labels"}
    assert set(metrics["by"]) >= {"generator", "human_source", "family"}
    assert metrics["split"] == "test"
    assert not metrics["limited"]
    assert "NaN" not in path.with_name("metrics.json").read_text(encoding="utf-8")


class _References(HTMLParser):
    """Gather what a page loads, and the data of its charts."""

    LOADING = frozenset({"src", "href", "srcset", "action", "data", "poster", "formaction"})

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.tags: list[str] = []
        self.charts: dict[str, str] = {}
        self.styles = ""
        self._in: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loaded += [value or "" for name, value in attrs if name in self.LOADING]
        self._in = dict(attrs).get("data-chart") or (tag if tag == "style" else None)

    def handle_data(self, data: str) -> None:
        if self._in == "style":
            self.styles += data
        elif self._in:
            self.charts[self._in] = self.charts.get(self._in, "") + data

    def handle_endtag(self, tag: str) -> None:
        self._in = None


def test_the_report_holds_no_external_reference(page: str) -> None:
    """Everything that the page loads is within it, and its policy lets it load nothing else."""
    parsed = _References()
    parsed.feed(page)
    assert parsed.loaded
    assert all(value.startswith("data:image/jpeg;base64,") for value in parsed.loaded)
    assert not {"link", "iframe", "object", "embed", "base"} & set(parsed.tags)
    assert "url(" not in parsed.styles
    assert "@import" not in parsed.styles
    assert "default-src 'none'" in POLICY
    assert f'http-equiv="Content-Security-Policy" content="{POLICY}"' in page


def test_plotly_is_there_once_and_every_chart_has_its_data(page: str) -> None:
    """One copy of plotly.js draws all; each chart's data is JSON, whatever names it holds."""
    parsed = _References()
    parsed.feed(page)
    assert len(re.findall(r"plotly\.js v\d", page)) == 1
    assert {"chart-confusion", "chart-roc", "chart-grid", "chart-leaks"} <= set(parsed.charts)
    for data in parsed.charts.values():
        assert {"data", "layout"} <= set(json.loads(data))


def test_names_from_the_manifest_cannot_break_out_of_the_page(page: str) -> None:
    """A source named like markup is shown as text, in tables and within charts."""
    assert HOSTILE not in page
    assert "&lt;/script&gt;" in page


def test_the_worst_mistakes_are_shown_with_their_maps(found: Findings, page: str) -> None:
    """Each mistake has its picture and its heat map in the page."""
    shown = [m for sheet in found.mistakes.values() for m in sheet]
    assert shown
    assert page.count("data:image/jpeg;base64,") == 2 * len(shown)
    for mistake in shown:
        assert (mistake.score >= 0.5) == (mistake.row.label is Label.HUMAN_MADE)


def test_a_file_that_is_not_the_manifests_is_refused(
    judge: CountingJudge, card: Card, tmp_path: Path
) -> None:
    """A picture changed since the manifest was written is named by its row."""
    manifest = read_manifest(write_manifest(tmp_path / "data", splits=("val",)))
    row = manifest.rows[1]
    row.file.write_bytes(manifest.rows[0].file.read_bytes())
    with pytest.raises(BadManifest, match=rf"Row {row.number}: .*SHA-256"):
        assess(judge, card, manifest, Question("val", grid=False), tmp_path / "runs")


def _run(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["evaluate", *arguments])
    out, err = capsys.readouterr()
    return int(stopped.value.code or 0), out, err


def test_the_command_writes_both_files_and_says_what_it_found(
    manifest: Manifest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The shipped weights score a quick look, which says that it is one, under every cell."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BRUSHMARK_HOME", str(tmp_path / "home"))
    arguments = ["--data", str(manifest.file), "--split", "train", "--limit", "4"]
    code, out, _ = _run([*arguments, "--report", "out"], capsys)
    assert code == 0
    assert "quick look: 4 of 12 originals" in out
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["scored_with"].startswith("OpenVINO")
    assert len(metrics["degradation_grid"]) == len(GRID)
    assert (tmp_path / "out" / "report.html").is_file()
    assert len(list((tmp_path / "runs" / "scores").glob("*/grid-*.jsonl"))) == len(GRID)


def test_bad_input_gets_one_clear_line(
    manifest: Manifest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No manifest, weights, split, view or task of that name: said in a line."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BRUSHMARK_HOME", str(tmp_path / "home"))
    data = ["--data", str(manifest.file)]
    for arguments, code, said in (
        (["--data", "nowhere"], 1, "no manifest"),
        ([*data, "--model", "nobody"], 1, "nobody"),
        ([*data, "--split", "unseen"], 1, "no whole pictures in its split unseen"),
        ([*data, "--task", "foundling"], 1, "“founding”"),
        ([*data, "--task", "founding"], 1, "its own data"),
        ([*data, "--split", "tset"], 2, "train, val, test, unseen"),
        ([*data, "--split", "test", "--view", "sideways"], 1, "sideways"),
    ):
        found, _, err = _run(arguments, capsys)
        assert (found, said in err) == (code, True), err
        assert "Traceback" not in err
    assert not (tmp_path / "runs" / "openings.jsonl").exists()
