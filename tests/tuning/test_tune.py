"""Fine-tuning the head on logged vectors: it learns, forgets nothing, and can be interrupted."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backend.errors import BadRun, Conflict
from backend.model.card import GRAPH_BIN, GRAPH_XML, Card, load_card, verify_files
from backend.model.openvino_runtime import OpenVinoJudge
from backend.model.preprocess import to_tensor
from backend.settings import Settings
from backend.storage import open_repository
from backend.storage.repository import PredictionFilter
from backend.storage.tinydb_repository import TinyDBRepository
from backend.tuning.examples import from_log, from_release
from backend.tuning.figures import balanced
from backend.tuning.head import read_head
from backend.tuning.loop import Made, Source, fine_tune
from backend.tuning.regraft import regraft
from tests.pictures import draw
from tests.tuning.planted import QUICK, add, astray, fill_log


def test_the_head_in_numpy_is_the_served_one(parent: Card) -> None:
    """Its logits on the release's own vectors are those that the served graph gave."""
    rows, logits = from_release(parent, "val")
    assert np.abs(read_head(parent).logits(rows.features) - logits).max() < 0.05


def test_a_planted_domain_is_learnt_and_the_rest_is_kept(made: Made, parent: Card) -> None:
    """Errors on unseen vectors of the domain fall by half; the evaluation set loses no point."""
    candidate = load_card(made.folder)
    verify_files(candidate)
    fresh = astray(parent, 200, seed=99)
    before, after = (
        np.mean(
            read_head(card).logits(fresh) * card.calibration.slope + card.calibration.intercept < 0
        )
        for card in (parent, candidate)
    )
    assert before > 0.6
    assert after <= before / 2
    rows, _ = from_release(parent, "val")
    old, new = (
        balanced(
            np.array([card.calibration.apply(x) for x in read_head(card).logits(rows.features)]),
            rows.labels,
            0.5,
        )
        for card in (parent, candidate)
    )
    assert new >= old - 0.01
    assert candidate.parent == parent.ref.version
    assert made.data["examples"]["ai_generated"] > 100


@pytest.mark.parametrize("precision", ["f32", "int8"])
def test_the_candidates_graph_is_what_torch_would_export(
    made: Made, settings: Settings, precision: str
) -> None:
    """Logit, vector and heat map of the changed graph are those of its checkpoint in torch."""
    torch = pytest.importorskip("torch")
    from backend.model.architectures import find_architecture, load_checkpoint

    card = load_card(made.folder)
    if precision == "int8" and not card.has_int8:
        precision = "f32"  # this release came without an 8-bit graph
    architecture = find_architecture(card.architecture)
    network = architecture.build(card.document)
    load_checkpoint(network, card.folder / "checkpoint.safetensors")
    tensor = to_tensor(draw(400, 300, seed=3), card.preprocessing)[None]
    with torch.inference_mode():
        wanted = architecture.serve(network).eval()(torch.from_numpy(tensor))
    out = OpenVinoJudge(card, precision=precision).infer(tensor)
    close = 0.02 if precision == "f32" else 0.8
    assert abs(float(wanted[0][0]) - float(out["logit"][0])) < close
    map_in_torch, served = wanted[2][0].numpy(), out["activation"][0]
    assert np.corrcoef(map_in_torch.ravel(), served.ravel())[0, 1] > (
        0.999 if precision == "f32" else 0.95
    )


def test_killed_on_the_way_it_goes_on_to_the_same_head(
    settings: Settings,
    filled: TinyDBRepository,
    parent: Card,
    made: Made,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Interrupted in the second fold and again while packing, the third call ends alike."""

    class Killed(BaseException):
        pass

    def kill(done: int, total: int, text: str) -> None:
        if done > QUICK.steps:
            raise Killed

    def no_more(*_: object) -> None:
        raise Killed

    def again(**more: Any) -> Made:
        return fine_tune(settings, filled, parent, Source(), recipe=QUICK, version="again", **more)

    with pytest.raises(Killed):
        again(progress=kill)
    (run,) = (settings.home / "tuning").iterdir()
    assert (run / "fold-0.safetensors").exists()
    with monkeypatch.context() as patch:
        patch.setattr("backend.tuning.pack._require_served", no_more)
        with pytest.raises(Killed):
            again()
    assert not (settings.home / "weights" / "again").exists()
    card = load_card(again().folder)
    rows, _ = from_release(parent, "val")
    apart = read_head(card).logits(rows.features) - read_head(load_card(made.folder)).logits(
        rows.features
    )
    assert np.abs(apart).max() < 0.1
    assert not run.exists()


def test_audit_records_are_never_learnt_from(filled: TinyDBRepository, parent: Card) -> None:
    """What was drawn at random when it was logged is held out, every picture of it."""
    data = from_log(filled, parent, [parent])
    audits = {
        record.image.sha256
        for record in filled.list_predictions(PredictionFilter(), limit=200).records
        if record.audit
    }
    assert audits
    assert not audits & set(data.learn.keys)
    assert len(data.learn) + len(data.held_out) == 300


def test_pictures_that_look_alike_are_learnt_and_held_out_together(
    home: Settings, parent: Card
) -> None:
    """Near-duplicates are one group, an audit record's too; with both labels they are left out."""
    repository = open_repository(home)
    vectors = from_release(parent, "train")[0].features[:8]
    far = [0xFFFF << 16 * n for n in range(4)]  # 32 bits apart
    pairs = [value ^ bit for value in far for bit in (0, 0b11 << 60)]
    labels = [1, 1, 0, 0, 1, 0, 1, 1]  # the third pair contradicts itself
    records = add(repository, parent, vectors, labels, None, random.Random(0), pairs, audits=0.0)
    audits = add(
        repository, parent, vectors[:1], [1], None, random.Random(1), [pairs[6]], audits=1.0
    )
    data = from_log(repository, parent, [parent])
    repository.close()
    digests = [r.image.sha256 for r in (*records, *audits)]
    group = dict(zip(data.learn.keys, data.learn.groups, strict=True))
    assert set(group) == set(digests[:4])
    assert group[digests[0]] == group[digests[1]] != group[digests[2]] == group[digests[3]]
    assert set(data.held_out.keys) == {*digests[6:9]}
    assert data.left == {"labelled otherwise than one that looks alike": 2}


def test_without_torch_the_command_makes_a_candidate(tmp_path: Path, parent: Card) -> None:
    """`brushmark train --log` runs where torch cannot be imported, and says what it did and why."""
    settings = Settings(home=tmp_path / "home")
    settings.prepare_home()
    repository = open_repository(settings)
    fill_log(repository, parent)
    repository.close()
    program = (
        "import sys; sys.modules['torch'] = None; sys.modules['sklearn'] = None\n"
        "from backend.tuning import fit, loop\n"
        "loop.TuneRecipe = lambda: fit.TuneRecipe(steps=20, folds=2)\n"
        "from backend.cli import main; main(['train', '--log', '--version', 'mine'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={
            "BRUSHMARK_HOME": str(settings.home),
            "PYTHONPATH": _root(),
            "PATH": "",
            "OPENBLAS_NUM_THREADS": "1",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "Made mine" in done.stdout
    assert "needs no torch" in done.stderr
    card = load_card(settings.home / "weights" / "mine")
    assert card.document["tuning"]["data"]["examples"]["ai_generated"] > 100
    assert not list((settings.home / "tuning").iterdir())


def _root() -> str:
    return str(Path(__file__).parents[2])


def test_a_log_without_labels_is_refused(home: Settings, parent: Card) -> None:
    """There is nothing to learn from: said in a sentence, and nothing is made."""
    repository = open_repository(home)
    with pytest.raises(BadRun, match="0 reviewed pictures"):
        fine_tune(home, repository, parent, Source())
    repository.close()
    assert not list((home.home / "weights").glob("*"))


def test_a_name_that_is_taken_is_refused(
    settings: Settings, filled: TinyDBRepository, parent: Card
) -> None:
    """A version is never overwritten."""
    with pytest.raises(Conflict, match="already"):
        fine_tune(settings, filled, parent, Source(), recipe=QUICK, version=parent.ref.version)


def test_another_seed_is_another_candidate(
    settings: Settings, filled: TinyDBRepository, parent: Card, made: Made
) -> None:
    """What was fine-tuned from the same data with another seed is not taken for this one."""
    with pytest.raises(Conflict, match="already"):
        fine_tune(settings, filled, parent, Source(), recipe=QUICK, version=made.version, seed=123)


def test_a_graph_that_does_not_hold_the_head_is_left_alone(
    tmp_path: Path, parent: Card, made: Made
) -> None:
    """Where the graph's constants are not those of the checkpoint, nothing is written."""
    other = read_head(load_card(made.folder))
    with pytest.raises(BadRun, match="does not hold the head"):
        regraft(
            parent.folder / GRAPH_XML, parent.folder / GRAPH_BIN, tmp_path / "x.bin", other, other
        )
    assert not (tmp_path / "x.bin").exists()
