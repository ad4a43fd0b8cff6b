"""Classical models on raw pixels: right answers, honest costs, nothing lost or hidden."""

from __future__ import annotations

import json
import multiprocessing
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from backend.cli import root
from backend.errors import BadRun, OutOfSpace, UnknownField
from backend.training.baselines import classifiers, figures, pairs, pixels, sweep, table, tuning
from backend.training.baselines.cells import WHOLE, Cell, draw, plan
from backend.training.baselines.classifiers import KINDS, find_kind
from backend.training.baselines.measure import Job, fit_here, measured
from backend.training.baselines.pixels import Pixels, cached_pixels, flatten
from backend.training.baselines.results import Results
from backend.training.baselines.sweep import Limits, pictures_of
from backend.training.degrade import seeded_web_copy
from backend.training.manifest import open_picture, read_manifest
from backend.training.tasks.task import Task, task_of
from tests.pictures import draw as draw_picture
from tests.training.manifests import Row, write_manifest

QUIET = lambda done, total, text: None  # noqa: E731
RNG = np.random.default_rng(5)


def noise(folder: Path, count: int = 60, px: int = 6, lift: int = 25) -> Pixels:
    """Write random pictures as a sweep would; the second half is brighter by `lift`."""
    values = RNG.integers(0, 255 - lift, (count, px * px * 3))
    values[count // 2 :] += lift
    file = folder / "noise.rgb"
    file.write_bytes(values.astype(np.uint8).tobytes())
    return Pixels(file, px, count)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a few pictures, so that sums go over several of them."""
    monkeypatch.setattr(pixels, "BLOCK_BYTES", 4 * 108 * 7)


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    def sources(rows: list[Row]) -> None:
        for row in rows:
            row["source"] = f"{row['label']}-{row['group']}"

    file = write_manifest(
        tmp_path_factory.mktemp("data"),
        per_cell=6,
        splits=("train", "val", "test", "unseen"),
        change=sources,
    )
    return task_of(read_manifest(file), "full")


EVERY = np.arange(60, dtype=np.int64)
LEARN, JUDGE = EVERY[::2], EVERY[1::2]
TARGETS = (EVERY >= 30).astype(np.int64)


def test_a_picture_becomes_its_rgb_bytes(tmp_path: Path, task: Task) -> None:
    """Pictures are squeezed to a square, at every size; behind them lie copies of the judged."""
    found = cached_pixels(pictures_of(task), (8, 20), tmp_path, "key", QUIET)
    assert found[20].features == 1200
    wanted = flatten(Image.open(task.rows[3].file), 20)
    assert found[20].rows([3]).tobytes() == wanted
    copies = len(task.rows) + 3
    assert found[20].count == len(task.rows) + sum(map(len, task.judged.values()))
    judged = next(iter(task.judged.values()))[3]
    copy = seeded_web_copy(open_picture(judged), 1, judged.sha256)
    assert found[20].rows([copies]).tobytes() == flatten(copy, 20)
    square = np.asarray(Image.frombytes("RGB", (8, 8), found[8].rows([3]).tobytes()), np.float64)
    assert np.abs(square.mean() - np.asarray(Image.open(task.rows[3].file)).mean()) < 2


def test_pictures_are_flattened_once(tmp_path: Path, task: Task) -> None:
    """What lies in the cache is not decoded again; a file cut short is made anew."""
    first = cached_pixels(pictures_of(task), (8,), tmp_path, "key", QUIET)[8]
    whole = first.file.read_bytes()
    stopped: list[str] = []
    cached_pixels(pictures_of(task), (8,), tmp_path, "key", lambda *told: stopped.append(told[2]))
    assert stopped == []
    first.file.write_bytes(whole[:100])
    cached_pixels(pictures_of(task), (8,), tmp_path, "key", QUIET)
    assert first.file.read_bytes() == whole


def test_a_place_without_a_picture_is_refused(tmp_path: Path) -> None:
    """Reading past the last picture raises rather than answering with what memory held."""
    with pytest.raises(IndexError, match="no picture 60 among 60"):
        noise(tmp_path).rows([60])


@pytest.mark.usefixtures("small_blocks")
def test_distances_in_blocks_are_the_plain_ones(tmp_path: Path) -> None:
    """Summed block by block, distances and variance are those of all pixels at once."""
    data = noise(tmp_path)
    values = data.floats(EVERY).astype(np.float64)
    plain = ((values[:, None] - values[None]) ** 2).sum(-1)
    assert pairs.distances_among(data, EVERY) == pytest.approx(plain, rel=1e-4, abs=1e-3)
    across = pairs.squared_distances(data, LEARN, JUDGE)
    assert across == pytest.approx(plain[np.ix_(LEARN, JUDGE)], rel=1e-4, abs=1e-3)
    assert pairs.pixel_variance(data, LEARN) == pytest.approx(values[LEARN].var(), rel=1e-5)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("gamma", [0.3, 1.0])
def test_the_support_vector_machine_is_scikit_learns(tmp_path: Path, gamma: float) -> None:
    """The machine on block-wise distances answers as `SVC` does on all pixels at once."""
    data = noise(tmp_path)
    ours = classifiers.SupportVectors(0, C=10.0, gamma=gamma)
    ours.fit(data, LEARN, TARGETS[LEARN])
    values = data.floats(EVERY)
    scale = gamma / (data.features * values[LEARN].astype(np.float64).var())
    theirs = SVC(C=10.0, gamma=scale).fit(values[LEARN], TARGETS[LEARN])
    answers = ours.predict(JUDGE)
    assert set(answers) == {0, 1}
    assert np.array_equal(answers, theirs.predict(values[JUDGE]))


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("k", [1, 4, 9])
def test_neighbours_are_scikit_learns(tmp_path: Path, k: int, weights: str) -> None:
    """Votes, ties included, fall as `KNeighborsClassifier`'s do."""
    data = noise(tmp_path)
    ours = classifiers.Neighbours(0, k=k, weights=weights)
    ours.fit(data, LEARN, TARGETS[LEARN])
    values = data.floats(EVERY)
    theirs = KNeighborsClassifier(k, weights=weights).fit(values[LEARN], TARGETS[LEARN])
    assert np.array_equal(ours.predict(JUDGE), theirs.predict(values[JUDGE]))


def test_the_founding_settings_are_the_founding_projects() -> None:
    """SVM of C 10, four neighbours, default tree, forest of leaves of ten and ten features."""
    assert {name: dict(kind.founding) for name, kind in KINDS.items()} == {
        "svm": {"C": 10.0},
        "knn": {"k": 4},
        "tree": {},
        "forest": {"min_samples_leaf": 10, "max_features": 10},
        "kmeans": {"n_init": 10},
    }
    forest = KINDS["forest"].make(3, **KINDS["forest"].founding).model  # type: ignore[attr-defined]
    assert (forest.min_samples_leaf, forest.max_features, forest.random_state) == (10, 10, 3)
    assert KINDS["svm"].settings()[0] == {"C": 10.0}


def test_clusters_are_named_by_their_majority(tmp_path: Path) -> None:
    """Two means find dark and bright without labels and take the names of most of their members."""
    file = tmp_path / "two.rgb"
    values = np.repeat([20, 220], 20)[:, None] + RNG.integers(0, 15, (40, 12))
    file.write_bytes(values.astype(np.uint8).tobytes())
    data, all_of_them = Pixels(file, 2, 40), np.arange(40)
    targets = np.repeat([1, 0], 20)
    targets[:6] = 0
    model = find_kind("kmeans").make(0, n_init=2)
    model.fit(data, all_of_them, targets)
    assert np.array_equal(model.predict(all_of_them), np.repeat([1, 0], 20))


def test_unknown_names_are_refused_with_the_nearest() -> None:
    """A misspelt classifier is named beside the one that was meant."""
    with pytest.raises(UnknownField, match="“forest”"):
        Cell("forrest", False, 30, WHOLE, 0)


def test_a_draw_is_even_and_nests() -> None:
    """Both classes are drawn alike, a smaller draw lies within a larger one, seeds differ."""
    targets = np.repeat([1, 0], [80, 100]).astype(np.int64)
    whole, half = draw(targets, WHOLE, 1), draw(targets, WHOLE // 2, 1)
    assert np.bincount(targets[whole]).tolist() == [80, 80]
    assert np.bincount(targets[half]).tolist() == [40, 40]
    assert set(half) <= set(whole)
    assert not np.array_equal(whole, draw(targets, WHOLE, 2))
    assert len(draw(targets, WHOLE, 1, at_most=11)) == 10


def test_the_plan_holds_both_axes_and_ends_with_the_dearest() -> None:
    """Each size on all pictures, each share at one size; k-means has nothing to tune."""
    cells = plan(KINDS, (30, 240), 30, range(2))
    assert len(cells) == len(set(cells)) == (5 + 4) * 2 * 5
    assert {(c.px, c.eighths) for c in cells} == {(30, 1), (30, 2), (30, 4), (30, 8), (240, 8)}
    assert not any(c.tuned for c in cells if c.kind == "kmeans")
    assert {(c.kind, c.px) for c in cells[-4:]} == {("tree", 240)}
    assert cells[0].cost() <= cells[-1].cost()


def test_no_fold_of_tuning_cuts_a_source_or_a_group(task: Task) -> None:
    """Rows tied by source or group, through others too, are one unit."""
    rows = [replace(row, source=f"s{n}", group=f"g{n}") for n, row in enumerate(task.learnt[:5])]
    rows[1] = replace(rows[1], source="s0")
    rows[2] = replace(rows[2], group="g1")
    units = tuning.units_of(rows)
    assert len(set(units[:3])) == 1
    assert len(set(units)) == 3


def test_tuning_keeps_what_is_better_on_unseen_units(tmp_path: Path) -> None:
    """Where one neighbour is misled by copies of noise and a broad vote is not, the vote wins."""
    rng = np.random.default_rng(1)
    targets = np.repeat([1, 0], 45).astype(np.int64)
    values = 100 + 12 * targets[:, None] + rng.normal(0, 40, (90, 12))
    file = tmp_path / "t.rgb"
    file.write_bytes(np.clip(values, 0, 255).astype(np.uint8).tobytes())
    data, places = Pixels(file, 2, 90), np.arange(90)
    chosen = tuning.choose(find_kind("knn"), data, places, targets, places, 0)
    assert chosen["k"] > 4


def test_tuning_without_folds_keeps_the_founding_settings(tmp_path: Path) -> None:
    """Where all pictures are of one source there is nothing to choose by."""
    data = noise(tmp_path)
    units = np.zeros(60, np.int64)
    chosen = tuning.choose(find_kind("knn"), data, EVERY, TARGETS, units, 0)
    assert chosen == {"k": 4}


def job_of(data: Pixels, kind: str = "forest", *, tuned: bool = False) -> Job:
    return Job(
        cell=Cell(kind, tuned, 6, WHOLE, 0),
        pixels=data,
        small=data,
        learn=LEARN,
        tune_on=LEARN,
        targets=TARGETS,
        units=EVERY,
        judged={"test": JUDGE},
    )


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_is_fitted_and_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Each tells bright from dark the right way about, and gives its settings and costs."""
    few = {name: values[:1] for name, values in KINDS[kind].grid.items()}
    monkeypatch.setitem(KINDS, kind, replace(KINDS[kind], grid=few))
    bright = noise(tmp_path, lift=120)
    found = fit_here(job_of(bright, kind, tuned=bool(KINDS[kind].grid)))
    assert sum(found["judged"]["test"].values()) == len(JUDGE)
    assert table.accuracy(found["judged"]["test"]) > 0.7
    assert found["learnt"] == len(LEARN)
    assert found["fit_s"] >= 0
    assert found["peak_mib"] > 0
    assert (found["tune_s"] is not None) == bool(KINDS[kind].grid)


def test_what_is_judged_never_steers_tuning(tmp_path: Path) -> None:
    """Spoilt labels of the judged pictures change the figures alone, not the settings."""
    data = noise(tmp_path)
    job = job_of(data, "knn", tuned=True)
    spoilt = TARGETS.copy()
    spoilt[JUDGE] = 1 - spoilt[JUDGE]
    one, other = fit_here(job), fit_here(replace(job, targets=spoilt))
    assert one["settings"] == other["settings"]
    cells, flipped = one["judged"]["test"], other["judged"]["test"]
    assert cells["ai_as_ai"] == flipped["human_as_ai"]


def test_each_fit_has_a_process_and_a_peak_of_its_own(tmp_path: Path) -> None:
    """A fit that holds a hundred megabytes shows them in its peak, and the next one does not."""
    px = 240
    file = tmp_path / "large.rgb"
    file.write_bytes(RNG.integers(0, 255, 160 * px * px * 3, dtype=np.uint8).tobytes())
    large = replace(job_of(Pixels(file, px, 160)), small=noise(tmp_path), learn=np.arange(10, 160))
    large = replace(
        large, targets=np.arange(160) % 2, tune_on=LEARN, judged={"test": np.arange(10)}
    )
    costly = measured(large, 120)
    cheap = measured(replace(large, learn=np.arange(10, 20)), 120)
    assert costly["learnt"] == 150
    assert costly["peak_mib"] - cheap["peak_mib"] > 60


def test_a_fit_beyond_its_time_is_ended(tmp_path: Path) -> None:
    """At the time limit the child is ended, and the reason is given instead of figures."""
    assert "time limit" in measured(job_of(noise(tmp_path)), 0)["failed"]


class _Ended:
    """A classifier whose process is ended from outside, as the system does without memory."""

    def __init__(self, seed: int) -> None:
        os.kill(os.getpid(), 9)


def _without_memory(seed: int) -> classifiers.Classifier:
    raise MemoryError


@pytest.mark.parametrize(
    ("make", "reason"), [(_Ended, "ended from outside"), (_without_memory, "out of memory")]
)
def test_a_fit_that_dies_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: object, reason: str
) -> None:
    """Out of memory, politely or not, is a result and no crash of the sweep."""
    context = multiprocessing.get_context("fork")
    monkeypatch.setattr("backend.training.baselines.measure._context", lambda: context)
    monkeypatch.setitem(KINDS, "forest", replace(KINDS["forest"], make=make, founding={}))
    assert reason in measured(job_of(noise(tmp_path)), 60)["failed"]


def test_a_bug_in_a_fit_is_not_passed_over(tmp_path: Path) -> None:
    """Another failure than memory or time is raised with the child's own trace."""
    broken = replace(job_of(noise(tmp_path)), judged={"test": np.array([10_000])})
    with pytest.raises(RuntimeError, match="no picture 10000"):
        measured(broken, 60)


CELLS = plan(("knn", "kmeans"), (8,), 8, range(2))


def test_a_sweep_counts_openings_and_goes_on(tmp_path: Path, task: Task) -> None:
    """Every fit opens test and unseen once; what is on disk is not fitted again."""
    first = sweep.sweep(task, CELLS[:3], tmp_path, Limits(), QUIET)
    assert first.openings() == {"test": 3, "unseen": 3}
    told: list[int] = []
    second = sweep.sweep(
        task, CELLS, tmp_path, Limits(), lambda done, total, text: told.append(total)
    )
    assert told[-1] == len(CELLS) - 3
    assert second.openings() == {"test": len(CELLS), "unseen": len(CELLS)}
    document = json.loads((tmp_path / "results.json").read_text())
    assert document["openings"] == second.openings()
    assert document["counts"]["learnt"] == {"ai_generated": 12, "human_made": 12}


def test_cells_beyond_a_limit_are_named(tmp_path: Path, task: Task) -> None:
    """What would hold too much, or comes after the time is up, stands in the report as not run."""
    heavy = Cell("tree", False, 240, WHOLE, 0)
    results = sweep.sweep(task, (*CELLS[:1], heavy), tmp_path, Limits(memory_gib=0.01), QUIET)
    assert "GiB" in results.left_out[heavy]
    late = sweep.sweep(task, CELLS, tmp_path / "late", Limits(minutes=0), QUIET)
    assert set(late.left_out) == set(CELLS)
    assert "knn, founding settings, 8 px, 8/8 (seed 0, 1)" in table.markdown(late)
    assert late.openings() == {}


def test_memory_is_estimated_before_it_is_asked_for() -> None:
    """Trees hold every pixel as 32 bits, machines of distances the pairs: 5,000 at 240 px."""
    tree, svm = (Cell(kind, False, 240, WHOLE, 0).needed_bytes(5000) for kind in ("tree", "svm"))
    assert tree > 3.2 * 2**30
    assert svm < 0.6 * 2**30


def test_results_of_other_pictures_are_not_mixed(tmp_path: Path, task: Task) -> None:
    """A folder that holds results of other rows is refused, in a sentence."""
    sweep.sweep(task, CELLS[:1], tmp_path, Limits(), QUIET)
    other = replace(task, learnt=task.learnt[:-1])
    with pytest.raises(BadRun, match=r"differ in counts, rows_sha256"):
        sweep.sweep(other, CELLS[:1], tmp_path, Limits(), QUIET)
    (tmp_path / "results.json").write_text("[]")
    with pytest.raises(BadRun, match="holds no results"):
        Results.open(tmp_path / "results.json", {})


def test_a_full_disk_stops_cleanly(
    tmp_path: Path, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No space left becomes one sentence that says how to go on."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sweep, "cached_pixels", full)
    with pytest.raises(OutOfSpace, match="Make room"):
        sweep.sweep(task, CELLS[:1], tmp_path, Limits(), QUIET)


def test_the_report_gives_each_figure_it_promises(tmp_path: Path, task: Task) -> None:
    """Accuracy, both recalls, a confusion matrix, and costs along both axes; a page of its own."""
    cells = plan(("knn", "kmeans"), (8, 16), 8, range(1))
    results = sweep.sweep(task, cells, tmp_path, Limits(), QUIET)
    text = table.markdown(results)
    assert "| learnt | 12 | 12 |" in text
    assert "**Judged on `test`**, 16 px" in text
    assert "**Judged on `unseen`**" in text
    assert "**Judged on `test, web copies`**, 16 px" in text
    assert "| classifier | 8 px | 16 px |" in text
    assert "| classifier | 2 pictures | 6 pictures | 12 pictures | 24 pictures |" in text
    assert "Every fit that was asked for was made." in text
    page = figures.page(results)
    # Copies of a judged picture are judged apart, and are no further opening of its split.
    assert results.openings() == {"test": len(cells), "unseen": len(cells)}
    assert page.count('class="plotly-graph-div"') == 3
    assert 'src="http' not in page


def test_intervals_and_recalls_are_the_textbooks() -> None:
    """Wilson's interval of 8 out of 10 is .490 to .943, and recalls go by the true class."""
    assert table.half_width(0.8, 10) == pytest.approx((0.9433 - 0.4902) / 2, abs=1e-3)
    cells = {"ai_as_ai": 3, "ai_as_human": 1, "human_as_human": 1, "human_as_ai": 1}
    assert table.recalls(cells) == (0.75, 0.5)
    assert table.accuracy(cells) == pytest.approx(4 / 6)


def test_the_command_writes_table_and_page(
    tmp_path: Path, task: Task, capsys: pytest.CaptureFixture[str]
) -> None:
    """`brushmark baselines` prints counts and tables, and leaves results, table and page."""
    data = task.rows[0].file.parents[2] / "manifest.csv"
    options = ("--task", "full", "--px", "8", "--share-px", "8", "--seeds", "1", "--only", "knn")
    arguments = ["baselines", "--data", str(data), *options, "--out", str(tmp_path)]
    root.main(arguments, standalone_mode=False)
    out = capsys.readouterr().out
    assert "learnt: 12 ai_generated, 12 human_made" in out
    assert "| k nearest neighbours, tuned |" in out
    written = {path.name for path in tmp_path.iterdir()}
    assert {"results.json", "table.md", "report.html"} <= written


def test_a_picture_of_any_shape_and_mode_is_squeezed() -> None:
    """Grey and translucent, wide or tall: three bytes a pixel."""
    for mode in ("L", "RGBA"):
        assert len(flatten(draw_picture(300, 90, mode=mode), 12)) == 432
