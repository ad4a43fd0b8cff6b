"""From a finished run to `weights/<version>/`: graph, checkpoint, card, metrics, features."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import torch
from safetensors.numpy import save_file

from backend.domain import utc_now
from backend.errors import BadManifest, BadRun, Conflict
from backend.model.architectures import (
    Architecture,
    find_architecture,
    load_checkpoint,
    save_checkpoint,
)
from backend.model.card import (
    CARD_FORMAT,
    CARD_NAME,
    CHECKPOINT,
    CLASSES,
    GRAPH_BIN,
    GRAPH_XML,
    Calibration,
    load_card,
)
from backend.model.network import Served
from backend.model.openvino_runtime import OpenVinoJudge
from backend.model.preprocess import Preprocessing
from backend.model.processor import this_processor
from backend.training import card_text
from backend.training.calibrate import Thresholds, choose_thresholds, fit_platt
from backend.training.calibrate import apply as calibrated
from backend.training.evaluate import Scores, report, score_rows
from backend.training.manifest import Manifest, counts, read_manifest
from backend.training.run import Run, write_json, write_text
from backend.training.train import Progress

MIN_SHORT_SIDE_PX = 200
FALSE_POSITIVE_RATE = 0.05
"""Share of held-out human pictures that may reach the verdict `ai_generated`."""
FALSE_NEGATIVE_RATE = 0.10
"""Share of held-out generated pictures that may get the verdict `human_made`."""
FEATURES_NAME, METRICS_NAME, README_NAME = "features.safetensors", "metrics.json", "README.md"
_VERSION = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}\Z")


def release(
    run: Run,
    version: str,
    weights: Path,
    *,
    progress: Progress = lambda done, total, text: None,
) -> Path:
    """Write a version from a run and its data; returns its folder.

    `val` calibrates and sets the thresholds; `test` and `unseen`, where the manifest has
    them, are opened once, for the figures, and the opening is counted. The folder appears
    whole or not at all.

    Raises:
        BadRun: the run has not finished, or its data is no longer what it was trained on.
        Conflict: that version exists.
        BadInput: the version's name will not do.
    """
    if not _VERSION.match(version):
        raise BadRun("A version's name has small letters, digits, dots and hyphens.")
    target = weights / version
    if target.exists():
        raise Conflict(f"The version {version} exists already: {target}.")
    config, manifest = _finished(run)
    fresh = weights / f".{version}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    try:
        _fill(fresh, run, config, manifest, version, progress)
        fresh.replace(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return target


def _finished(run: Run) -> tuple[dict[str, Any], Manifest]:
    config = run.config()
    recipe = config["recipe"]
    wanted = recipe["frozen_epochs"] + recipe["unfrozen_epochs"]
    if len(run.history()) < wanted or not run.best_path.exists():
        raise BadRun(
            f"{run.folder} has done {len(run.history())} of {wanted} epochs. "
            "Start the same `brushmark train` again to finish it."
        )
    manifest = read_manifest(Path(config["data"]["manifest"]))
    if manifest.sha256 != config["data"]["sha256"]:
        raise BadManifest(
            f"{manifest.file} is no longer the manifest that {run.folder} was trained on."
        )
    return config, manifest


def _fill(
    folder: Path,
    run: Run,
    config: dict[str, Any],
    manifest: Manifest,
    version: str,
    progress: Progress,
) -> None:
    architecture = find_architecture(config["architecture"])
    network = architecture.build()
    load_checkpoint(network, run.best_path)
    spec = Preprocessing.from_json(config["preprocessing"])
    save_checkpoint(network, folder / CHECKPOINT, half=True)
    export_graph(architecture, network, folder / GRAPH_XML, spec.crop_px)
    card = _card(folder, run, config, manifest, version)
    write_json(folder / CARD_NAME, card)
    # Calibration and thresholds from `val`, scored by the very graph that will serve.
    view = config["recipe"]["view"]
    judge = OpenVinoJudge(load_card(folder), precision="f32")
    val = score_rows(judge, manifest.of("val", view=view), progress)
    calibration = fit_platt(val.logits, val.targets)
    thresholds = choose_thresholds(
        calibrated(calibration, val.logits),
        val.targets,
        false_positive_rate=FALSE_POSITIVE_RATE,
        false_negative_rate=FALSE_NEGATIVE_RATE,
    )
    card["calibration"] = {**asdict(calibration), "method": "Platt scaling", "fitted_on": "val"}
    card["thresholds"] = {**asdict(thresholds), "set_on": "val"}
    write_json(folder / CARD_NAME, card)
    train = score_rows(judge, manifest.of("train", view=view), progress)
    _write_features(folder / FEATURES_NAME, {"train": train, "val": val})
    metrics = _measure(judge, run, manifest, view, calibration, thresholds, val, progress)
    metrics["history"] = run.history()
    write_json(folder / METRICS_NAME, metrics)
    card["figures"] = {
        name: {k: split[k] for k in ("n", "accuracy", "balanced_accuracy", "auc", "confusion")}
        | {"served": split["served"], "ece": split["ece"]}
        for name, split in metrics["splits"].items()
    }
    card["data"]["openings"] = run.openings()
    write_text(folder / README_NAME, card_text.render(card))
    names = (GRAPH_XML, GRAPH_BIN, CHECKPOINT, METRICS_NAME, FEATURES_NAME, README_NAME)
    card["files"] = {name: _sha256(folder / name) for name in names}
    write_json(folder / CARD_NAME, card)


def export_graph(architecture: Architecture, network: Any, path: Path, crop_px: int) -> None:
    """Write the served graph as OpenVINO IR, its constants in 16 bits.

    One input (n, 3, crop, crop); outputs `logit`, `features`, `activation`.
    """
    served = architecture.serve(network).eval().requires_grad_(False)
    # Two example pictures: with one, the exporter takes the batch for a constant.
    example = torch.zeros(2, 3, crop_px, crop_px)
    batch = torch.export.Dim("n", min=1, max=1024)
    program = torch.export.export(served, (example,), dynamic_shapes={"x": {0: batch}})
    model = ov.convert_model(program)
    model.reshape([-1, 3, crop_px, crop_px])
    model.inputs[0].get_tensor().set_names({"image"})
    for output, name in zip(model.outputs, Served._fields, strict=True):
        output.get_tensor().set_names({name})
    ov.save_model(model, path, compress_to_fp16=True)


def _card(
    folder: Path, run: Run, config: dict[str, Any], manifest: Manifest, version: str
) -> dict[str, Any]:
    used = manifest.of("train", "val", view=config["recipe"]["view"])
    best = max(run.history(), key=lambda e: (e[config["select_by"]], -e["epoch"]))
    return {
        "format": CARD_FORMAT,
        "version": version,
        "released_at": utc_now().isoformat(timespec="seconds"),
        "architecture": config["architecture"],
        "feature_size": find_architecture(config["architecture"]).feature_size,
        "classes": list(CLASSES),
        "preprocessing": config["preprocessing"],
        "scope": {"min_short_side_px": MIN_SHORT_SIDE_PX},
        "calibration": asdict(Calibration()),
        "thresholds": asdict(Thresholds(0.4, 0.6, 0.0, 0.0)),
        "recipe": config["recipe"],
        "seed": config["seed"],
        "select_by": config["select_by"],
        "epoch_kept": best["epoch"] + 1,
        "initialisation": Path(config["initialisation"]).name,
        "trained_on": this_processor().summary,
        "data": {
            "manifest_sha256": manifest.sha256,
            "rows": config["rows"],
            "sources": _sources(used),
        },
        "files": dict.fromkeys((GRAPH_XML, GRAPH_BIN, CHECKPOINT), ""),
        **card_text.STATEMENTS,
    }


def _sources(rows: Sequence[Any]) -> list[dict[str, Any]]:
    tally = Counter((r.source, r.label.value, r.licence) for r in rows)
    return [
        {"source": source, "label": label, "licence": licence, "pictures": n}
        for (source, label, licence), n in sorted(tally.items())
    ]


def _write_features(path: Path, parts: dict[str, Scores]) -> None:
    """Write pooled vectors with labels, groups and sources of `train` and `val` alone.

    Group and source are indices into the name lists of the file's metadata.
    """
    tensors: dict[str, np.ndarray[Any, Any]] = {}
    metadata: dict[str, str] = {}
    for field in ("group", "source", "kind", "generator"):
        names = sorted({getattr(r, field) for part in parts.values() for r in part.rows})
        metadata[field] = json.dumps(names)
        index = {name: i for i, name in enumerate(names)}
        for split, part in parts.items():
            column = [index[getattr(r, field)] for r in part.rows]
            tensors[f"{split}.{field}"] = np.array(column, np.int32)
    for split, part in parts.items():
        tensors[f"{split}.features"] = part.features
        tensors[f"{split}.logits"] = part.logits.astype(np.float32)
        tensors[f"{split}.labels"] = part.targets.astype(np.int8)
        digests = [bytes.fromhex(r.sha256) for r in part.rows]
        tensors[f"{split}.sha256"] = np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 32)
    save_file(tensors, path, metadata=metadata)


def _measure(
    judge: OpenVinoJudge,
    run: Run,
    manifest: Manifest,
    view: str,
    calibration: Calibration,
    thresholds: Thresholds,
    val: Scores,
    progress: Progress,
) -> dict[str, Any]:
    splits = {}
    for split in ("val", "test", "unseen"):
        rows = manifest.of(split, view=view)
        if not rows:
            continue
        run.count_opening(split)
        scored = val if split == "val" else score_rows(judge, rows, progress)
        final = Scores(
            scored.rows,
            scored.logits,
            calibrated(calibration, scored.logits),
            scored.features,
            scored.targets,
        )
        splits[split] = report(final, low=thresholds.human_at_most, high=thresholds.ai_at_least)
        splits[split]["rows"] = counts(rows)
    return {
        "command": "brushmark release",
        "scored_with": f"{judge.device}, view {view}",
        "manifest_sha256": manifest.sha256,
        "openings": run.openings(),
        "splits": splits,
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
