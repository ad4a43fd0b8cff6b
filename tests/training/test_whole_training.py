"""The whole network on an export's pictures: it learns, goes on after a kill, and is guarded."""

from __future__ import annotations

import random
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from backend.errors import BadInput, BadRun, WorseThanServed
from backend.exporting.request import ExportRequest, Shares
from backend.model.card import CHECKPOINT, Card, load_card, verify_files
from backend.model.judge import Judge
from backend.model.openvino_runtime import OpenVinoJudge
from backend.model.registry import find_card
from backend.releasing import Releases
from backend.service import Service
from backend.settings import KeepImages, Settings
from backend.training.commands import _whole_command
from backend.training.commands import train_whole as by_command
from backend.training.export_pictures import unpack
from backend.training.manifest import read_manifest
from backend.training.recipes import TrunkRecipe
from backend.training.release import release
from backend.training.run import Run
from backend.training.whole_training import Pictures, read_data, train_whole
from tests.exporting.homes import AI, HUMAN, Home, drawn, open_home
from tests.fakes import FakeJudge
from tests.training.manifests import write_manifest

TINY = TrunkRecipe(steps=4, batch_size=4, patch_px=64, lr=1e-3)
SPLIT = ExportRequest(split=Shares(0.6, 0.3, 0.1))
_ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def parent() -> Card:
    return find_card(Settings(home=Path("/nonexistent")))


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real export of 24 drawn pictures, labelled."""
    folder = tmp_path_factory.mktemp("export")
    with open_home(folder / "home") as home:
        drawing(home, FakeJudge(), 0.99).stock(24)
        home.export(folder / "export.zip", SPLIT)
    return folder / "export.zip"


class Drawn(random.Random):
    """Always draws the same number: at 0 every check is an audit record, at 0.99 none."""

    def __init__(self, value: float) -> None:
        super().__init__(0)
        self.value = value

    def random(self) -> float:
        return self.value


def drawing(home: Home, judge: Judge, value: float) -> Home:
    """Return a home whose checks are judged so, and drawn for the audit so."""
    service = Service(home.settings, home.repository, home.images, judge, draw=Drawn(value))
    return replace(home, service=service)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, parent: Card, export: Path) -> Run:
    """A run that was killed after its first save, and started again."""

    class Killed(BaseException):
        pass

    def kill(done: int, total: int, text: str) -> None:
        if text.startswith("trunk") and done == 3:
            raise Killed

    run = Run(tmp_path_factory.mktemp("run") / "whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("backend.training.fine_tuning._SAVE_EVERY", 2)
        with pytest.raises(Killed):
            train(run, parent, export, progress=kill)
        assert (run.folder / "trunk-last.pt").exists()
        assert not run.best_path.exists()
        steps: list[int] = []
        train(run, parent, export, progress=lambda done, total, text: steps.append(done))
    assert steps == [3, 4]
    return run


def train(run: Run, card: Card, export: Path, **more: object) -> dict[str, object]:
    recipe = more.pop("recipe", TINY)
    command = _whole_command(card, export, None, TINY.steps, 0)
    return train_whole(card, Pictures(export), run, command=command, recipe=recipe, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings(home=tmp_path_factory.mktemp("home"), keep_images=KeepImages.ALL)
    settings.prepare_home()
    return settings


@pytest.fixture(scope="module")
def candidate(home: Settings, finished: Run, parent: Card, export: Path) -> Card:
    """The run's release in a home's weights: killed before it is whole, then by the command."""

    class Killed(BaseException):
        pass

    def kill(done: int, total: int, text: str) -> None:
        raise Killed

    weights = home.home / "weights"
    weights.mkdir()
    with pytest.raises(Killed):
        release(finished, "whole-1", weights, progress=kill)
    assert list(weights.iterdir()) == []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("backend.training.recipes.TrunkRecipe", lambda steps: TINY)
        asked = {"steps": TINY.steps, "seed": 0, "run_folder": finished.folder}
        made = by_command(parent, export, None, version="whole-1", weights=weights, **asked)
        again = by_command(parent, export, None, version="whole-2", weights=weights, **asked)
    assert made == again == "whole-1"  # the run was done already
    return load_card(weights / made)


def test_trunk_and_head_move_and_the_rest_stands(candidate: Card, parent: Card) -> None:
    """Convolutions and head learnt; batch norm and the head's standardisation are the parent's."""
    verify_files(candidate)
    before, after = (load_file(card.folder / CHECKPOINT) for card in (parent, candidate))
    moved = {name for name in before if (before[name] != after[name]).any()}
    assert {"conv1.weight", "layer3.0.conv1.weight", "head.hidden.weight"} <= moved
    assert not {n for n in moved if "bn" in n or n in {"head.mean", "head.scale"}}


def test_the_candidate_says_where_it_comes_from(
    candidate: Card, parent: Card, home: Settings, finished: Run
) -> None:
    """Card and run tell parent, data, recipe and command; it is not served by being newest."""
    tuning = candidate.document["tuning"]
    assert candidate.parent == parent.ref.version
    assert tuning["method"] == "the whole network on pictures"
    assert tuning["recipe"]["steps"] == 4
    assert sum(tuning["data"]["examples"].values()) > 10
    assert tuning["data"]["sha256"] == finished.config()["data"]["sha256"]
    assert candidate.policy.ai_at_least >= parent.policy.ai_at_least
    assert find_card(home).ref == parent.ref


def test_it_is_compared_on_the_records_pictures(
    candidate: Card, home: Settings, parent: Card
) -> None:
    """Networks that differ are shown the same kept pictures.

    Too few of them guard nothing: without a reason it is not served, and what is served stays.
    """
    with open_home(home.home) as parts:
        logged = drawing(parts, OpenVinoJudge(parent), 0.0)
        for number in range(6):
            logged.log(drawn(300 + number), AI if number % 2 else HUMAN)
        releases = Releases(home, parts.repository)
        found = releases.compare(parent.ref.version, candidate.ref.version)
        (audits,) = found.hold_outs
        assert (audits.ai_generated, audits.human_made) == (3, 3)
        assert not audits.figures[0].guarded
        assert found.looked_at == 6
        assert "no evaluation rows in common" in found.notes[0]
        with pytest.raises(WorseThanServed, match="nothing that both could be measured on"):
            releases.activate(candidate.ref.version, "me")
        assert find_card(home).ref == parent.ref


def test_replayed_pictures_are_half_of_what_is_drawn(
    export: Path, parent: Card, tmp_path: Path
) -> None:
    """Replayed rows have half the weight of each class, and what they hold out is never learnt."""
    from backend.training.whole_training import _weights

    own = unpack(export, tmp_path / "own")
    replay = write_manifest(tmp_path / "replay", per_cell=3)
    learnt = read_manifest(own).of("train")[0]
    text = replay.read_text().splitlines()
    held = next(i for i, line in enumerate(text) if ",val," in line and f",{learnt.label}," in line)
    text[held] = text[held].rsplit(",", 2)[0] + f",{learnt.sha256},whole"
    replay.write_text("\n".join(text) + "\n")
    described = {
        **read_manifest(own).described(),
        "replay": read_manifest(replay).described(),
    }
    joined = read_data(described)
    rows = joined.of("train")
    assert learnt.sha256 not in {row.sha256 for row in rows}
    assert {row.split for row in joined.rows if row.group.startswith("replay/")} == {"train", "val"}
    weights = _weights(rows, TINY)
    for target in (0, 1):
        parts = [
            sum(
                w
                for w, r in zip(weights, rows, strict=True)
                if r.target == target and r.group.startswith("replay/") is replayed
            )
            for replayed in (True, False)
        ]
        assert parts == pytest.approx([0.5, 0.5])


def test_a_folder_with_another_run_is_refused(finished: Run, parent: Card, export: Path) -> None:
    """Another number of steps in the same folder is an error that says what differs."""
    with pytest.raises(BadRun, match="recipe"):
        train(finished, parent, export, recipe=replace(TINY, steps=9))


def rewritten(source: Path, target: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    """Copy a zip; `change` gives each file's new bytes, or None to leave it out."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            data = change(name, old.read(name))
            if data is not None:
                new.writestr(name, data)
    return target


def _other_bytes(name: str, data: bytes) -> bytes:
    return b"x" + data[1:] if name.endswith(".jpg") else data


def _both_labels(name: str, data: bytes) -> bytes:
    if not is_manifest(name):
        return data
    lines = data.decode().splitlines()
    other = {"ai_generated": "human_made", "human_made": "ai_generated"}
    parts = lines[1].split(",")
    parts[1] = other[parts[1]]
    return "\n".join([*lines, ",".join(parts)]).encode()


def _all_audits(name: str, data: bytes) -> bytes:
    return re.sub(rb",(False|True),", b",True,", data, flags=re.I) if is_manifest(name) else data


def is_manifest(name: str) -> bool:
    return name == "manifest.csv"


BAD: dict[str, tuple[Callable[[str, bytes], bytes | None], str]] = {
    "no pictures": (lambda n, d: None if n.endswith(".jpg") else d, "holds no pictures"),
    "foreign": (lambda n, d: None if n == "manifest.csv" else d, r"no manifest\.csv"),
    "swapped": (_other_bytes, "is not the picture that was exported"),
    "both labels": (_both_labels, "both labels"),
    "audits alone": (_all_audits, "no pictures but audit records"),
}


@pytest.mark.parametrize("kind", BAD)
def test_exports_that_will_not_do_are_refused(export: Path, tmp_path: Path, kind: str) -> None:
    """Foreign, damaged, hostile, contradicting zips: a sentence, and nothing to learn from."""
    change, words = BAD[kind]
    bad = rewritten(export, tmp_path / "bad.zip", change)
    with pytest.raises(BadInput, match=words):
        unpack(bad, tmp_path / "pictures")
    assert not (tmp_path / "pictures" / "manifest.csv").exists()


def test_a_bomb_is_not_unpacked(
    export: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture that unpacks to more than the limit is refused by its size alone."""
    monkeypatch.setattr("backend.training.export_pictures.MAX_PICTURE_BYTES", 1000)
    with pytest.raises(BadInput, match="unpacks to more than"):
        unpack(export, tmp_path / "pictures")
    assert not list((tmp_path / "pictures").iterdir())


def test_a_torn_zip_is_refused(export: Path, tmp_path: Path) -> None:
    """Half a file is no zip."""
    torn = tmp_path / "torn.zip"
    torn.write_bytes(export.read_bytes()[:9000])
    with pytest.raises(BadInput, match="no whole zip"):
        unpack(torn, tmp_path / "pictures")


def test_names_in_a_zip_never_become_paths(export: Path, tmp_path: Path) -> None:
    """A picture that calls itself ../../x lies under its hash like any other."""

    def climb(name: str, data: bytes) -> bytes:
        return data.replace(b"train/", b"../../") if name == "manifest.csv" else data

    with zipfile.ZipFile(export) as old, zipfile.ZipFile(tmp_path / "up.zip", "w") as new:
        for name in old.namelist():
            new.writestr(name.replace("train/", "../../"), climb(name, old.read(name)))
    manifest = unpack(tmp_path / "up.zip", tmp_path / "a" / "b")
    assert {path.parent for path in tmp_path.rglob("*.jpg")} == {manifest.parent}
    assert len(read_manifest(manifest, lone_classes=True).rows) == 24


def test_one_class_is_not_enough(tmp_path: Path, parent: Card) -> None:
    """A split without one of the classes is refused with what to do about it."""
    with open_home(tmp_path / "home") as home:
        home = drawing(home, FakeJudge(), 0.99)
        for number in range(6):
            home.log(drawn(number), AI)
        home.export(tmp_path / "one.zip", SPLIT)
    with pytest.raises(BadInput, match="no human_made picture in `train`"):
        train(Run(tmp_path / "run"), parent, tmp_path / "one.zip")


@pytest.mark.parametrize(
    ("arguments", "without_torch", "words"),
    [
        (
            ["--full", "--init", "active", "--data", "EXPORT"],
            True,
            "pip install 'brushmark[train]'",
        ),
        (["--full", "--init", "active", "--log"], False, "brushmark export export.zip"),
        (["--full", "--init", "active", "--data", "CSV"], False, "holds no pictures"),
        (["--replay", "x", "--log"], False, "--replay goes with --full"),
        (["--full", "--init", "active", "--data", "EXPORT", "--version", "A B"], False, "letters"),
        (["--full"], False, "name it with --init"),
    ],
)
def test_the_command_refuses_in_a_sentence(
    arguments: list[str], without_torch: bool, words: str, export: Path, tmp_path: Path
) -> None:
    """Without torch, pictures or a release to go on from it says so, and nothing is made."""
    csv = rewritten(export, tmp_path / "csv.zip", lambda n, d: None if n.endswith(".jpg") else d)
    given = [{"EXPORT": str(export), "CSV": str(csv)}.get(a, a) for a in arguments]
    program = (
        "import sys\n"
        + ("sys.modules['torch'] = None\n" if without_torch else "")
        + f"from backend.cli import main; main({['train', *given]!r})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"BRUSHMARK_HOME": str(tmp_path / "home"), "PYTHONPATH": str(_ROOT), "PATH": ""},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode in {1, 2}
    assert words in " ".join(done.stderr.split()), done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "home" / "weights").exists() or not list(
        (tmp_path / "home" / "weights").iterdir()
    )
