"""Go on with a released network, trunk and head, on the pictures of an export.

From top to bottom: pictures are unpacked, joined with those to replay, what the release says of
the held-out ones is noted, the network is fine-tuned with care (`fine_tuning`), and measured. The
run is one that `release` takes. Needs torch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.numpy import load_file, save_file

from backend.domain import Label
from backend.errors import BadInput, BadManifest, BadRun
from backend.model.architectures import (
    OF_STAGES,
    WIDTHS,
    find_architecture,
    load_checkpoint,
    save_checkpoint,
)
from backend.model.card import CHECKPOINT, Card
from backend.model.openvino_runtime import OpenVinoJudge
from backend.model.preprocess import to_tensor
from backend.model.stage_network import StageNetwork
from backend.training.evaluate import score_rows
from backend.training.export_pictures import unpack
from backend.training.fine_tuning import fine_tune
from backend.training.folds import source_weights
from backend.training.full_disk import told_when_full
from backend.training.manifest import SEALED, Manifest, Row, counts, open_picture, read_manifest
from backend.training.metrics import roc_auc
from backend.training.recipes import TrunkRecipe
from backend.training.run import Run
from backend.training.screen import balanced
from backend.training.train import Progress

REPLAY_SHARE = 0.5
"""Of each class's patches that come from pictures to replay, where there are any."""
METHOD = "the whole network on pictures"
_PARENT_LOGITS = "parent-val.safetensors"
_REPLAYED = "replay/"


@dataclass(frozen=True, slots=True)
class Pictures:
    """What the network learns from and is measured on: of an export, and to replay."""

    export: Path
    replay: Path | None = None
    """A manifest; its `train` is replayed, its `val` measures, nothing else is opened."""


def train_whole(
    card: Card,
    pictures: Pictures,
    run: Run,
    *,
    command: str,
    recipe: TrunkRecipe | None = None,
    seed: int = 0,
    progress: Progress = lambda done, total, text: None,
) -> dict[str, Any]:
    """Fine-tune trunk and head, or go on with an interrupted run; returns its history entry.

    Raises:
        BadRun: the release has another network, or the folder holds another run.
        BadInput, BadManifest: the export or the manifest will not do, or a class is missing.
    """
    _require_stages(card)
    recipe = recipe or TrunkRecipe()
    manifest = unpack(pictures.export, run.folder / _folder_of(pictures.export))
    config = _configuration(card, manifest, pictures, recipe, seed, command)
    run.start(config)
    if run.history():
        return run.history()[0]
    with told_when_full(run.folder):
        return _train(card, config, run, recipe, seed, progress)


def _train(
    card: Card,
    config: Mapping[str, Any],
    run: Run,
    recipe: TrunkRecipe,
    seed: int,
    progress: Progress,
) -> dict[str, Any]:
    joined = read_data(config["data"])
    view = config["recipe"]["view"]
    learn, held = joined.of("train", view=view), joined.of("val", view=view)
    _note_parent(card, held, run, progress)
    network = find_architecture(card.architecture).build(card.document)
    load_checkpoint(network, card.folder / CHECKPOINT)
    network = fine_tune(
        network,
        learn,
        recipe,
        card.preprocessing,
        run.folder,
        weights=_weights(learn, recipe),
        seed=seed,
        progress=progress,
    )
    save_checkpoint(network, run.best_path)
    entry = {"epoch": 0, "steps": recipe.steps, **_validation(network, held, card)}
    run.write_history([entry])
    (run.folder / "trunk.safetensors").unlink()
    return entry


def _folder_of(export: Path) -> str:
    try:
        with export.open("rb") as file:
            return f"pictures-{hashlib.file_digest(file, 'sha256').hexdigest()[:16]}"
    except OSError as error:
        raise BadInput(f"The export {export} cannot be read: {error.strerror}.") from error


def _require_stages(card: Card) -> None:
    if card.architecture not in OF_STAGES:
        raise BadRun(
            f"{card.ref.version} is a {card.architecture}; --full goes on with "
            f"{' and '.join(OF_STAGES)} alone. Train from a manifest instead: brushmark train "
            "--recipe."
        )


def _configuration(
    card: Card, manifest: Path, pictures: Pictures, recipe: TrunkRecipe, seed: int, command: str
) -> dict[str, Any]:
    parent = card.document.get("recipe") or {}
    data: dict[str, Any] = read_manifest(manifest, lone_classes=True).described()
    if pictures.replay is not None:
        data["replay"] = read_manifest(pictures.replay).described()
    joined = read_data(data)
    view = parent.get("view") or "whole"
    return {
        "recipe": {
            "name": f"{parent.get('name', 'network')}-full",
            "view": view,
            "trunk": asdict(recipe),
            "replay_share": REPLAY_SHARE,
        },
        "architecture": card.architecture,
        **{name: card.document[name] for name in WIDTHS if name in card.document},
        "preprocessing": card.preprocessing.to_json(),
        "epochs": 1,
        "seed": seed,
        "select_by": "auc",
        "initialisation": card.ref.version,
        "data": data,
        "rows": {split: counts(joined.of(split, view=view)) for split in ("train", "val")},
        "parent": {
            "version": card.ref.version,
            "sha256": card.ref.sha256,
            "calibration": asdict(card.calibration),
            "root_thresholds": card.root_thresholds,
        },
        "command": command,
    }


def read_data(described: Mapping[str, Any]) -> Manifest:
    """Read what a run's configuration says of its data: a manifest, and one to replay.

    Pictures that the replayed manifest holds out are never learnt from, wherever they come from;
    of pictures in both, the export's label stands.

    Raises:
        BadManifest: a manifest cannot be read or is no longer the one that it was.
        BadInput: a split that is needed lacks a class.
    """
    own = _same(described)
    replay = described.get("replay")
    joined = own if replay is None else _join(own, _same(replay))
    for split in ("train", "val"):
        absent = [label for label, n in counts(joined.of(split)).items() if not n]
        if absent:
            raise BadInput(
                f"There is no {' and no '.join(absent)} picture in `{split}`. Label some of both "
                "classes, export with --split 80/10/10, or give more pictures with --replay."
            )
    return joined


def _same(described: Mapping[str, Any]) -> Manifest:
    found = read_manifest(Path(described["manifest"]), lone_classes=True)
    if found.sha256 != described["sha256"]:
        raise BadManifest(f"{found.file} is no longer the manifest that the run was trained on.")
    return found


def _join(own: Manifest, replay: Manifest) -> Manifest:
    held = {row.sha256 for row in replay.of("val", *SEALED)}
    mine = tuple(row for row in own.rows if row.sha256 not in held)
    known = {row.sha256 for row in mine}
    theirs = tuple(
        replace(row, group=f"{_REPLAYED}{row.group}")
        for row in replay.of("train", "val")
        if row.sha256 not in known
    )
    digest = hashlib.sha256(f"{own.sha256} {replay.sha256}".encode()).hexdigest()
    return Manifest(own.file, digest, mine + theirs)


def _is_replayed(row: Row) -> bool:
    return row.group.startswith(_REPLAYED)


def _weights(rows: tuple[Row, ...], recipe: TrunkRecipe) -> npt.NDArray[np.float64]:
    """Return how often each row is drawn: by its source, and half of each class replayed."""
    weights = source_weights(rows, recipe.source_power)
    replayed = np.array([_is_replayed(row) for row in rows])
    targets = np.array([row.target for row in rows])
    for target in (0, 1):
        for mask, share in ((replayed, REPLAY_SHARE), (~replayed, 1 - REPLAY_SHARE)):
            part = mask & (targets == target)
            if part.any():
                weights[part] *= share / weights[part].sum()
    return weights


def _note_parent(card: Card, held: tuple[Row, ...], run: Run, progress: Progress) -> None:
    """Keep what the release says of the held-out pictures: its scale is carried over by them."""
    path = run.folder / _PARENT_LOGITS
    if not path.exists():
        scored = score_rows(OpenVinoJudge(card, precision="f32"), held, progress)
        fresh = path.with_suffix(".new")
        save_file({"logits": scored.logits}, fresh)
        fresh.replace(path)


def parent_logits(run: Run) -> npt.NDArray[np.float64]:
    """Return what the release said of the run's held-out pictures, in their order.

    Raises:
        BadRun: that file is not there.
    """
    path = run.folder / _PARENT_LOGITS
    if not path.exists():
        raise BadRun(f"{run.folder} lacks {path.name}: start the same command again.")
    return np.asarray(load_file(path)["logits"], np.float64)


def _validation(network: StageNetwork, held: tuple[Row, ...], card: Card) -> dict[str, float]:
    logits = _logits(network, held, card)
    targets = np.array([row.target for row in held], np.int64)
    return {
        "accuracy": float(np.mean((logits >= 0) == (targets == 1))),
        "balanced-accuracy": balanced(logits, targets),
        "auc": roc_auc(logits, targets),
    }


@torch.inference_mode()
def _logits(network: StageNetwork, rows: tuple[Row, ...], card: Card) -> npt.NDArray[np.float64]:
    device = next(network.parameters()).device
    said = []
    for row in rows:
        image = torch.from_numpy(to_tensor(open_picture(row), card.preprocessing))[None]
        said.append(float(network(image.to(device))[0]))
    return np.array(said)


def described(config: Mapping[str, Any], manifest: Manifest) -> dict[str, Any]:
    """Return what a card says of how such a run came about, as for a fine-tuned head."""
    recipe = config["recipe"]
    learnt = [r for r in manifest.of("train", view=recipe["view"]) if not _is_replayed(r)]
    has_replay = "replay" in config["data"]
    return {
        "method": METHOD,
        "command": config["command"],
        "recipe": recipe["trunk"],
        "seed": config["seed"],
        "data": {
            "sha256": config["data"]["sha256"],
            "examples": {label.value: sum(r.label is label for r in learnt) for label in Label},
            "groups": len({row.group for row in learnt}),
        },
        "replay": {
            "share": recipe["replay_share"] if has_replay else 0.0,
            "file": "manifest.csv",
            "sha256": config["data"]["replay"]["sha256"] if has_replay else "",
        },
        "root_thresholds": config["parent"]["root_thresholds"],
    }
