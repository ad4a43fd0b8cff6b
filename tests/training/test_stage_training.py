"""Our own recipe on small drawn data: folds, joined heads, release, serving."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from backend.dataset.picture_facts import look_at
from backend.errors import BadManifest
from backend.imaging.decode import decode
from backend.model import registry
from backend.model.architectures import find_architecture, load_checkpoint, save_checkpoint
from backend.model.card import load_card
from backend.model.preprocess import Preprocessing, to_tensor
from backend.model.stage_network import FEATURE_SIZE, StageHead, StageNetwork
from backend.model.texture_network import TextureNetwork
from backend.settings import Settings
from backend.training import features
from backend.training.compiled import FEW, looking
from backend.training.evaluation.leave_out import read_vault
from backend.training.feature_file import released_vectors
from backend.training.folds import make_folds, source_weights
from backend.training.manifest import Manifest, read_manifest
from backend.training.recipes import HeadRecipe, StageRecipe
from backend.training.release import release
from backend.training.run import Run
from backend.training.stage_heads import advised, join_heads
from backend.training.stage_training import OOF_NAME, average_views, train_stages
from backend.training.texture_screening import Textures
from backend.tuning.head import read_head
from tests.training.manifests import Row, write_manifest

TINY = StageRecipe(
    "tiny-stages",
    head=HeadRecipe(hidden=8, epochs=30, drop_hidden=0.1),
    heads=2,
    web_copies=2,
    preprocessing=Preprocessing(64, 64, "bicubic", native_from_short_side_px=400),
)


def _families(rows: list[Row]) -> None:
    for number, row in enumerate(rows):
        kind = "fam" if row["label"] == "ai_generated" else "src"
        row["family"] = f"{kind}-{number % 6}" if kind == "fam" else "human"
        row["source"] = f"{row['label']}-{number % 6}"


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    folder = tmp_path_factory.mktemp("data")
    return read_manifest(write_manifest(folder, per_cell=12, change=_families))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, manifest: Manifest) -> Run:
    torch.manual_seed(4)
    init = tmp_path_factory.mktemp("init") / "init.safetensors"
    trunk = StageNetwork(4)
    state = {k: v for k, v in trunk.state_dict().items() if not k.startswith("head.")}
    save_checkpoint(_Bare(state), init)
    run = Run(tmp_path_factory.mktemp("run") / "tiny")
    train_stages(TINY, manifest, run, init=init)
    return run


class _Bare(torch.nn.Module):
    """A module whose state is exactly what it was given."""

    def __init__(self, state: dict[str, torch.Tensor]) -> None:
        super().__init__()
        self._given = state

    def state_dict(self, *args: object, **kwargs: object) -> dict[str, torch.Tensor]:  # type: ignore[override]
        return self._given


def test_too_few_families_are_told_before_anything_is_extracted(tmp_path: Path) -> None:
    """The founding task has one family: its folds cannot be judged, and that is said at once."""

    def one_family(rows: list[Row]) -> None:
        _families(rows)
        for row in rows:
            row["family"] = "dalle" if row["label"] == "ai_generated" else "human"

    lone = read_manifest(write_manifest(tmp_path / "data", per_cell=12, change=one_family))
    with pytest.raises(BadManifest, match="at least 5 of each"):
        train_stages(TINY, lone, Run(tmp_path / "run"))
    assert not (tmp_path / "cache").exists()


def test_no_fold_learns_what_it_is_judged_on(manifest: Manifest) -> None:
    """Held-out sources, families and groups never occur in what a fold learns from."""
    rows = manifest.of("train", "val")
    folds = make_folds(rows)
    for fold in folds:
        learn = [rows[i] for i in np.flatnonzero(fold.learn)]
        held = [rows[i] for i in np.flatnonzero(fold.held_out)]
        assert {r.target for r in held} == {0, 1}
        for what in ("source", "group"):
            assert not {getattr(r, what) for r in learn} & {getattr(r, what) for r in held}
        ai = [{r.more["family"] for r in part if r.target} for part in (learn, held)]
        assert not ai[0] & ai[1]
    assert np.sum([f.held_out for f in folds], axis=0).tolist() == [1] * len(rows)


def test_small_sources_weigh_more_and_classes_the_same(manifest: Manifest) -> None:
    """A picture of a rare source weighs more than one of a heavy source; classes are equal."""
    rows = [replace(r, source="rare" if i == 0 else r.label) for i, r in enumerate(manifest.rows)]
    weights = source_weights(rows, 0.5)
    targets = np.array([r.target for r in rows])
    assert weights[targets == 1].sum() == pytest.approx(weights[targets == 0].sum())
    assert weights[0] > 2 * weights[1]


def test_joined_heads_give_the_mean_of_their_logits() -> None:
    """An ensemble of heads is one head, to rounding."""
    torch.manual_seed(0)
    heads = [StageHead(5).eval() for _ in range(3)]
    statistics = torch.randn(4, 2048)
    with torch.inference_mode():
        mean = torch.stack([h(statistics) for h in heads]).mean(dim=0)
        torch.testing.assert_close(join_heads(heads)(statistics), mean)


def test_a_head_says_the_mean_of_its_own_and_the_advisers_logit() -> None:
    """An opinion that is read as one more number counts half, also in 16 bits."""
    torch.manual_seed(1)
    head = StageHead(5).eval()
    statistics, opinion = torch.randn(4, 2048), 3 * torch.randn(4, 1)
    joined = advised(head)
    with torch.inference_mode():
        mean = (head(statistics) + opinion[:, 0]) / 2
        vectors = torch.cat([statistics, opinion], dim=1)
        torch.testing.assert_close(joined(vectors), mean, atol=1e-5, rtol=1e-5)
        halved = joined.half().float()
        torch.testing.assert_close(halved(vectors), mean, atol=5e-3, rtol=5e-3)


def test_an_adviser_is_trained_released_and_served(
    finished: Run, manifest: Manifest, tmp_path: Path
) -> None:
    """The served graph says what the joined heads were judged by, and its vector says it too."""
    recipe = replace(TINY, name="tiny-advised", advisers=2)
    run = Run(tmp_path / "runs" / "advised")
    train_stages(recipe, manifest, run, init=Path(finished.config()["initialisation"]))
    assert run.history()[0]["auc"] > 0.9
    folder = release(run, "advised-1", tmp_path / "weights")
    card = load_card(folder)
    assert (card.architecture, card.feature_size) == ("resnet18-textures", 2049)
    network = find_architecture(card.architecture).build(card.document)
    load_checkpoint(network, run.best_path)
    judge = registry.load_judge(Settings(home=tmp_path / "home"), str(folder))
    row = manifest.of("test")[0]
    scored = judge.score(decode(row.file.read_bytes()).image)
    view = to_tensor(decode(row.file.read_bytes()).image, TINY.preprocessing)
    with torch.inference_mode():
        wanted = float(network.eval()(torch.from_numpy(view)[None]))
    assert scored.logit == pytest.approx(wanted, rel=0.05)  # in 8 bits, perhaps
    vector = np.frombuffer(scored.features, "<f2")[None]
    assert read_head(card).logits(vector)[0] == pytest.approx(scored.logit, abs=0.02)
    kept = load_file(folder / "features.safetensors")
    again = read_head(card).logits(kept["val.features"])
    np.testing.assert_allclose(again, kept["val.logits"], atol=0.02)
    np.testing.assert_allclose(
        read_head(card).logits(kept["train.features"]), kept["train.logits"], atol=0.05
    )
    # What names and labels the adviser has learnt must not come back through its opinion.
    rows = manifest.of("train", "val")
    unmet = load_file(run.folder / OOF_NAME)["opinions"][[r.split == "train" for r in rows]]
    np.testing.assert_allclose(kept["train.features"][:, -1], unmet, rtol=2e-3)
    assert read_vault(folder / "features.safetensors").features.shape[1] == FEATURE_SIZE
    assert released_vectors(folder / "features.safetensors", rows[:3]).shape == (3, FEATURE_SIZE)
    assert len(look_at(row.file.read_bytes(), judge).embedding or b"") == 2 * FEATURE_SIZE


def test_out_of_fold_logits_cover_every_original_once(finished: Run, manifest: Manifest) -> None:
    """Clean and web copies of each original are scored by a head that saw no kin of it."""
    tensors = load_file(finished.folder / OOF_NAME)
    rows = manifest.of("train", "val")
    assert tensors["logits"].shape == (1 + TINY.web_copies, len(rows))
    assert np.isfinite(tensors["logits"]).all()
    assert [rows[i].target for i in tensors["first_row"]] == tensors["targets"].tolist()


def test_an_interrupted_run_goes_on_from_its_statistics(
    finished: Run, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Started again after its history was lost, nothing is extracted anew and the head is equal."""
    before = load_file(finished.best_path)
    finished.history_path.unlink()

    monkeypatch.setattr(features, "extract", None)
    config = finished.config()
    train_stages(TINY, manifest, finished, init=Path(config["initialisation"]))
    for name, tensor in load_file(finished.best_path).items():
        np.testing.assert_array_equal(tensor, before[name])


def test_statistics_are_the_networks_own(manifest: Manifest) -> None:
    """A plain processor computes by OpenVINO what torch does, to half precision."""
    torch.manual_seed(6)
    network = StageNetwork(4).eval()
    look = looking(network, "statistics", TINY.preprocessing.crop_px, pictures=FEW + 1)
    rows = manifest.rows[:3]
    found = features.extract(look, rows, features.Variant(), TINY.preprocessing)
    images = torch.stack(
        [
            features.VariantViews(rows, features.Variant(), TINY.preprocessing)[i][0]
            for i in range(3)
        ]
    )
    with torch.inference_mode():
        wanted = network.statistics(images).numpy()
    np.testing.assert_allclose(found, wanted, atol=2e-2)


def test_runs_of_one_trunk_share_statistics_and_others_do_not(
    manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is cached is found under another head, never under other weights or another shape."""
    extracted = []

    def extract(look: object, rows: tuple[object, ...], *_: object) -> object:
        extracted.append(len(rows))
        return np.zeros((len(rows), 2048), np.float16)

    monkeypatch.setattr(features, "extract", extract)
    torch.manual_seed(7)
    one, other = StageNetwork(4), StageNetwork(8)
    rows, spec = manifest.rows[:3], TINY.preprocessing
    copies = {k: v for k, v in one.state_dict().items() if not k.startswith("head.")}
    for network, about, wanted in (
        (one, "", 1),
        (one, "", 1),
        (other, "", 2),
        (one, "another stem", 3),
    ):
        features.cached(tmp_path, network, rows, features.Variant(), spec, about=about)
        assert len(extracted) == wanted
    other.load_state_dict(copies, strict=False)
    features.cached(tmp_path, other, rows, features.Variant(), spec)
    assert len(extracted) == 3
    advised, told = TextureNetwork(4, 4), Textures(4, 4)
    told.load_state_dict(advised.state_dict())
    for network in (advised, told):  # one trunk, of which another method is asked
        features.cached(tmp_path, network, rows, features.Variant(), spec)
    assert len(extracted) == 5


def test_it_releases_and_serves(finished: Run, manifest: Manifest, tmp_path: Path) -> None:
    """The released version is calibrated out of fold and tells the drawn classes apart."""
    folder = release(finished, "stages-1", tmp_path)
    judge = registry.load_judge(Settings(home=tmp_path / "home"), str(folder))
    rows = manifest.of("test")
    scores = np.array([judge.score(decode(r.file.read_bytes()).image).score for r in rows])
    targets = np.array([r.target for r in rows])
    assert scores[targets == 1].mean() > scores[targets == 0].mean() + 0.2
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    assert "out-of-fold" in card["calibration"]["fitted_on"]
    assert load_file(folder / "features.safetensors")["val.features"].shape == (24, 2048)


def test_views_of_one_original_are_averaged(manifest: Manifest) -> None:
    """Whole and crop of one picture count once, with the mean of their logits."""
    one, two = manifest.rows[0], manifest.rows[1]
    rows = [
        replace(one, path="a-whole.jpg"),
        replace(one, path="a-crop.jpg"),
        replace(two, path="b-whole.jpg"),
    ]
    logits, targets = average_views(rows, np.array([1.0, 3.0, -1.0]))
    assert logits.tolist() == [2.0, -1.0]
    assert targets.tolist() == [one.target, two.target]
