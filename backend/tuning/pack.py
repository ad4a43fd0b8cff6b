"""Make a fine-tuned head into weights that can be served, from its parent's files."""

from __future__ import annotations

import copy
import hashlib
import re
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from backend.domain import utc_now
from backend.errors import BadRun
from backend.model.card import (
    CARD_NAME,
    CHECKPOINT,
    FEATURES,
    GRAPH_BIN,
    GRAPH_XML,
    INT8_BIN,
    INT8_XML,
    METRICS,
    Card,
    load_card,
)
from backend.model.new_version import filling, new_folder
from backend.model.openvino_runtime import OpenVinoJudge
from backend.training.calibrate import apply
from backend.training.metrics import summary
from backend.training.run import write_json, write_text
from backend.tuning.examples import from_release
from backend.tuning.head import LEARNT, TENSORS, Head, read_head
from backend.tuning.regraft import regraft
from backend.tuning.scale import SET_ON
from backend.tuning.tune import Tuned

METHOD = "head on logged feature vectors"
README_NAME = "README.md"
_CLOSE = 0.05
"""How far the served graph's logit may lie from the head's own, which 16 bits explain."""


def next_version(parent: Card, weights: Path, taken: set[str]) -> str:
    """Return the first free name: the first release's, `-tuned-` and a number."""
    root = re.sub(r"-tuned-\d+\Z", "", parent.ref.version)
    number = 1
    while f"{root}-tuned-{number}" in taken or (weights / f"{root}-tuned-{number}").exists():
        number += 1
    return f"{root}-tuned-{number}"


def pack(parent: Card, tuned: Tuned, version: str, weights: Path, command: str) -> Path:
    """Write a version whose head is the tuned one; the folder appears whole or not at all.

    Raises:
        BadRun: the name will not do, or the parent's graph does not take another head.
        Conflict: that version exists.
    """
    target = new_folder(version, weights)
    with filling(target) as fresh:
        _fill(fresh, parent, tuned, version, command)
    return target


def _fill(folder: Path, parent: Card, tuned: Tuned, version: str, command: str) -> None:
    before = read_head(parent)
    for xml, weights in ((GRAPH_XML, GRAPH_BIN), (INT8_XML, INT8_BIN)):
        if xml in parent.files and weights in parent.files:
            shutil.copyfile(parent.folder / xml, folder / xml)
            regraft(
                parent.folder / xml, parent.folder / weights, folder / weights, before, tuned.head
            )
    _write_checkpoint(parent.folder / CHECKPOINT, folder / CHECKPOINT, tuned.head)
    _write_features(parent.folder / FEATURES, folder / FEATURES, tuned.head)
    metrics = _metrics(parent, tuned, command)
    write_json(folder / METRICS, metrics)
    card = _card(parent, tuned, version, metrics, command)
    write_text(folder / README_NAME, _readme(card))
    card["files"] = {path.name: _sha256(path) for path in sorted(folder.iterdir())}
    write_json(folder / CARD_NAME, card)
    _require_served(load_card(folder), tuned.head)


def _write_checkpoint(source: Path, target: Path, head: Head) -> None:
    tensors = load_file(source)
    for field in LEARNT:
        name = TENSORS[field]
        tensors[name] = getattr(head, field).astype(tensors[name].dtype)
    save_file(tensors, target)


def _write_features(source: Path, target: Path, head: Head) -> None:
    """Copy the vectors with the logits that the new head gives them."""
    with safe_open(source, "numpy") as file:
        metadata = file.metadata()
    tensors = load_file(source)
    for name in [n for n in tensors if n.endswith(".logits")]:
        vectors = tensors[name.replace(".logits", ".features")]
        tensors[name] = head.logits(vectors).astype(np.float32)
    save_file(tensors, target, metadata=metadata)


def _metrics(parent: Card, tuned: Tuned, command: str) -> dict[str, Any]:
    val, _ = from_release(parent, "val")
    found = summary(
        apply(tuned.calibration, tuned.head.logits(val.features)),
        val.labels,
        low=tuned.thresholds.human_at_most,
        high=tuned.thresholds.ai_at_least,
    )
    return {
        "command": command,
        "scored_with": "the head, on the release's own vectors",
        "splits": {"val": found},
        "history": tuned.history,
    }


def _card(
    parent: Card, tuned: Tuned, version: str, metrics: dict[str, Any], command: str
) -> dict[str, Any]:
    document = copy.deepcopy(dict(parent.document))
    val = metrics["splits"]["val"]
    kept = ("n", "accuracy", "balanced_accuracy", "auc", "confusion", "served", "ece")
    document.update(
        version=version,
        released_at=utc_now().isoformat(timespec="seconds"),
        calibration={
            **asdict(tuned.calibration),
            "method": "the parent's Platt scaling, carried over by a line through the val rows",
            "fitted_on": parent.document["calibration"].get("fitted_on", "val"),
        },
        thresholds={**asdict(tuned.thresholds), "set_on": SET_ON},
        figures={"val": {name: val[name] for name in kept}},
        parent={"version": parent.ref.version, "sha256": parent.ref.sha256},
        tuning={
            "method": METHOD,
            "command": command,
            "recipe": asdict(tuned.recipe),
            "seed": tuned.seed,
            "data": tuned.data,
            "replay": {
                "share": tuned.recipe.replay_share,
                "file": FEATURES,
                "sha256": parent.files.get(FEATURES, ""),
            },
            "root_thresholds": parent.root_thresholds,
        },
        limits=[*document.get("limits", []), _limit(tuned)],
    )
    if "int8" in document:
        document["int8"] = {**document["int8"], "inherited_from": parent.ref.version}
    return document


def _limit(tuned: Tuned) -> str:
    counts = tuned.data["examples"]
    return (
        f"Its head was fine-tuned on {counts['ai_generated']} AI-generated and "
        f"{counts['human_made']} human-made pictures that curators of one installation labelled: "
        "what they got wrong, it learnt."
    )


def _readme(card: dict[str, Any]) -> str:
    tuning, val = card["tuning"], card["figures"]["val"]
    data = tuning["data"]
    return "\n".join(
        [
            f"# Weights {card['version']}",
            "",
            f"Fine-tuned from {card['parent']['version']} (card SHA-256 "
            f"`{card['parent']['sha256']}`): {tuning['method']}, {tuning['recipe']['steps']} "
            f"steps, seed {tuning['seed']}, {tuning['replay']['share']:.0%} of every batch "
            "replayed from the parent's own rows.",
            "",
            f"Learnt from {data['examples']['ai_generated']} AI-generated and "
            f"{data['examples']['human_made']} human-made pictures in {data['groups']} groups "
            f"(data SHA-256 `{data['sha256']}`).",
            "",
            f"On the parent's `val` rows: balanced accuracy {val['balanced_accuracy']:.3f}, AUC "
            f"{val['auc']:.3f}, calibration error {val['ece']:.3f}; of human pictures "
            f"{val['served']['human_called_ai']:.3f} are called AI-generated.",
            "",
            "**Limits:**",
            "",
            *[f"- {line}" for line in card["limits"]],
            "",
            f"Made with `{tuning['command']}`.",
            "",
        ]
    )


def _require_served(card: Card, head: Head) -> None:
    """Return if every graph of a release answers with this head.

    Raises:
        BadRun: a graph says something else than its head does on its own vector.
    """
    crop_px = card.preprocessing.crop_px
    noise = np.random.default_rng(0).normal(size=(1, 3, crop_px, crop_px)).astype(np.float32)
    for precision in ("f32", "int8") if card.has_int8 else ("f32",):
        out = OpenVinoJudge(card, precision=precision).infer(noise)
        own = float(head.logits(out["features"])[0])
        served = float(out["logit"][0])
        if abs(own - served) > _CLOSE * (1 + abs(own)):
            raise BadRun(
                f"The graph of {card.ref.version} ({precision}) does not answer with the new head "
                f"({served:.3f}, wanted {own:.3f}); nothing was released."
            )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
