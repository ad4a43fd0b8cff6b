"""From a finished run to `weights/<version>/`: graph, checkpoint, card, metrics, features."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from backend.domain import utc_now
from backend.errors import BadManifest, BadRun
from backend.model.architectures import (
    WIDTHS,
    find_architecture,
    load_checkpoint,
    save_checkpoint,
)
from backend.model.card import (
    CARD_FORMAT,
    CARD_NAME,
    CHECKPOINT,
    CLASSES,
    FEATURES,
    GRAPH_BIN,
    GRAPH_XML,
    INT8_BIN,
    INT8_XML,
    METRICS,
    Calibration,
    load_card,
)
from backend.model.new_version import filling, new_folder
from backend.model.openvino_runtime import OpenVinoJudge
from backend.model.preprocess import Preprocessing
from backend.model.reference import ORIGINALS_NAME
from backend.training import card_text
from backend.training.calibrate import Origins, Scale, Thresholds, align, fit_scale, held_tight
from backend.training.calibrate import apply as calibrated
from backend.training.evaluate import Scores, report, score_rows
from backend.training.evaluation.findings import overall
from backend.training.feature_file import write_features
from backend.training.full_disk import told_when_full
from backend.training.graph import export_graph
from backend.training.head import head_logits
from backend.training.manifest import Manifest, read_manifest
from backend.training.originals import count_originals
from backend.training.quantise import gate, quantise
from backend.training.run import Run, kept_epoch, write_json, write_text
from backend.training.stage_training import OOF_NAME
from backend.training.tasks.task import FULL, restrict
from backend.training.train import Progress
from backend.training.whole_training import described, parent_logits, read_data

MIN_SHORT_SIDE_PX = 200
LEAST_TO_QUANTISE = 20
"""Training pictures below which no 8-bit graph is made."""
README_NAME = "README.md"


def release(
    run: Run,
    version: str,
    weights: Path,
    *,
    progress: Progress = lambda done, total, text: None,
) -> Path:
    """Write a version from a run and its data; returns its folder.

    Out-of-fold logits calibrate and set the thresholds where the run has them, `val` elsewhere;
    `test` and `unseen`, where the manifest has
    them, are opened once, for the figures, and the opening is counted. The folder appears
    whole or not at all.

    Raises:
        BadRun: the run has not finished, its data is no longer what it was trained on, or the
            version's name will not do.
        Conflict: that version exists.
    """
    target = new_folder(version, weights)
    config, manifest = finished(run)
    with told_when_full(weights), filling(target) as fresh:
        _fill(fresh, run, config, manifest, version, progress)
    return target


def finished(run: Run) -> tuple[dict[str, Any], Manifest]:
    """Return the configuration and data of a run that is done. Raises `BadRun`, `BadManifest`."""
    config = run.config()
    wanted = config["epochs"]
    if len(run.history()) < wanted or not run.best_path.exists():
        raise BadRun(
            f"{run.folder} has done {len(run.history())} of {wanted} epochs. "
            "Start the same `brushmark train` again to finish it."
        )
    if "parent" in config:
        return config, read_data(config["data"])
    manifest = read_manifest(Path(config["data"]["manifest"]))
    if manifest.sha256 != config["data"]["sha256"]:
        raise BadManifest(
            f"{manifest.file} is no longer the manifest that {run.folder} was trained on."
        )
    return config, restrict(manifest, config["data"].get("task", FULL))


def _fill(
    folder: Path,
    run: Run,
    config: dict[str, Any],
    manifest: Manifest,
    version: str,
    progress: Progress,
) -> None:
    architecture = find_architecture(config["architecture"])
    network = architecture.build(config)
    load_checkpoint(network, run.best_path)
    spec = Preprocessing.from_json(config["preprocessing"])
    save_checkpoint(network, folder / CHECKPOINT, half=True)
    export_graph(architecture, network, folder / GRAPH_XML, spec.crop_px)
    card = _card(folder, run, config, manifest, version)
    write_json(folder / CARD_NAME, card)
    # Everything below is scored by the very graph that will serve.
    judge = OpenVinoJudge(load_card(folder), precision="f32")
    view = config["recipe"].get("view")
    scored = {
        split: score_rows(judge, manifest.of(split, view=view), progress)
        for split in ("train", "val")
    }
    scale = _scale(run, config, manifest, scored["val"])
    card["calibration"] = {
        **asdict(scale.calibration),
        "method": "Platt scaling",
        "fitted_on": scale.fitted_on,
    }
    card["thresholds"] = {
        **asdict(scale.thresholds),
        "set_on": scale.fitted_on,
        **scale.evidence,
    }
    card["limits"] = card_text.limits(scale.fitted_on, native=spec.native_from_short_side_px > 0)
    write_json(folder / CARD_NAME, card)
    parts = {**scored, "train": _as_unmet(scored["train"], network, run, manifest, view)}
    write_features(folder / FEATURES, {k: v.of_view("whole") for k, v in parts.items()})
    originals = count_originals(manifest)
    if originals is not None:
        write_json(folder / ORIGINALS_NAME, originals)
    metrics = _measure(judge, run, manifest, view, scale, scored["val"], progress)
    metrics["history"] = run.history()
    write_json(folder / METRICS, metrics)
    card["figures"] = {
        name: {k: split[k] for k in ("n", "accuracy", "balanced_accuracy", "auc", "confusion")}
        | {"served": split["served"], "ece": split["ece"], "intervals": split["intervals"]}
        for name, split in metrics["splits"].items()
    }
    card["data"]["openings"] = run.openings()
    card["int8"] = _try_int8(folder, judge, manifest, view, scale, spec)
    write_text(folder / README_NAME, card_text.render(card))
    card["files"] = {
        path.name: _sha256(path) for path in sorted(folder.iterdir()) if path.name != CARD_NAME
    }
    write_json(folder / CARD_NAME, card)


def _as_unmet(
    train: Scores, network: Any, run: Run, manifest: Manifest, view: str | None
) -> Scores:
    """Return the scores of training pictures as if their adviser had not met them.

    Their own adviser has learnt them by heart; who learns from its opinions would trust it more
    than pictures from elsewhere bear out. So each gets the opinion of the fold that held it out.
    """
    path = run.folder / OOF_NAME
    opinions = load_file(path).get("opinions") if path.exists() else None
    if opinions is None:
        return train
    rows = manifest.of("train", "val", view=view)
    by_row = {row.number: opinion for row, opinion in zip(rows, opinions, strict=True)}
    vectors = train.features.astype(np.float32)
    vectors[:, -1] = [by_row[row.number] for row in train.rows]
    logits = head_logits(network.head.eval(), vectors)
    return replace(train, features=vectors.astype(train.features.dtype), logits=logits)


def _try_int8(
    folder: Path,
    judge: OpenVinoJudge,
    manifest: Manifest,
    view: str | None,
    scale: Scale,
    spec: Preprocessing,
) -> dict[str, Any]:
    """Make an 8-bit graph and keep it if it judges as well; returns what the gate found."""
    if len(manifest.of("train", view=view)) < LEAST_TO_QUANTISE:
        return {"accepted": False, "split": "val", "reason": "too few pictures to calibrate it"}
    quantise(folder, folder / INT8_XML, spec, manifest.of("train", view=view))
    small = OpenVinoJudge(load_card(folder), precision="int8")
    found = gate(judge, small, manifest.of("val", view=view), scale.calibration)
    if not found["accepted"]:
        for name in (INT8_XML, INT8_BIN):
            (folder / name).unlink()
    return found


def _card(
    folder: Path, run: Run, config: dict[str, Any], manifest: Manifest, version: str
) -> dict[str, Any]:
    used = manifest.of("train", "val", view=config["recipe"].get("view"))
    best = kept_epoch(run.history(), config["select_by"])
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
        "thresholds": asdict(Thresholds(0.4, 0.6, 0.0, 0.0, 0.0)),
        "recipe": config["recipe"],
        **{name: config[name] for name in WIDTHS if name in config},
        "seed": config["seed"],
        "select_by": config["select_by"],
        "epoch_kept": best["epoch"] + 1,
        "initialisation": Path(config["initialisation"]).name,
        "trained_on": run.environment()["processor"],
        "data": {
            "manifest_sha256": manifest.sha256,
            **({"task": manifest.task} if manifest.task else {}),
            "rows": config["rows"],
            "sources": _sources(used),
        },
        "files": dict.fromkeys((GRAPH_XML, GRAPH_BIN, CHECKPOINT), ""),
        **_descent(config, manifest),
        **card_text.STATEMENTS,
    }


def _descent(config: dict[str, Any], manifest: Manifest) -> dict[str, Any]:
    """Return which release a run went on from, and how: such a version is served when chosen."""
    if "parent" not in config:
        return {}
    parent = {name: config["parent"][name] for name in ("version", "sha256")}
    return {"parent": parent, "tuning": described(config, manifest)}


def _sources(rows: Sequence[Any]) -> list[dict[str, Any]]:
    tally = Counter((r.source, r.label.value, r.licence) for r in rows)
    return [
        {"source": source, "label": label, "licence": licence, "pictures": n}
        for (source, label, licence), n in sorted(tally.items())
    ]


def _scale(run: Run, config: dict[str, Any], manifest: Manifest, val: Scores) -> Scale:
    """Calibrate on out-of-fold logits of unseen sources where the run has them, else on `val`.

    A run that went on from a release keeps that one's scale.
    """
    if "parent" in config:
        return _carried_over(run, config["parent"], val)
    path = run.folder / OOF_NAME
    if not path.exists():
        originals = val.originals()
        return fit_scale(
            originals.logits,
            originals.targets,
            Origins.of(originals.rows),
            card_text.VALIDATION,
        )
    tensors = load_file(path)
    rows = manifest.of("train", "val", view=run.config()["recipe"].get("view"))
    held_out = [rows[int(i)] for i in tensors["first_row"]]
    copies = len(tensors["logits"])
    return fit_scale(
        tensors["logits"].ravel(),
        np.tile(tensors["targets"], copies),
        Origins.of(held_out, copies),
        "out-of-fold logits of unseen sources and generator families",
    )


def _carried_over(run: Run, parent: dict[str, Any], val: Scores) -> Scale:
    """Bring the new logits onto the parent's scale by a line through `val`.

    The parent's calibration was fitted on sources that it had not met, which no run that goes on
    from it can repeat. Thresholds are never looser than those of the first release.
    """
    calibration = align(val.logits, parent_logits(run)).over(Calibration(**parent["calibration"]))
    thresholds = held_tight(
        calibrated(calibration, val.logits),
        val.targets,
        Origins.of(val.rows),
        parent["root_thresholds"],
    )
    return Scale(calibration, thresholds, card_text.VALIDATION)


def _measure(
    judge: OpenVinoJudge,
    run: Run,
    manifest: Manifest,
    view: str | None,
    scale: Scale,
    val: Scores,
    progress: Progress,
) -> dict[str, Any]:
    splits = {}
    for split in ("val", "test", "unseen"):
        rows = manifest.of(split, view=view)
        if not rows:
            continue
        run.count_opening(split)
        scored = (val if split == "val" else score_rows(judge, rows, progress)).originals()
        final = replace(scored, scores=calibrated(scale.calibration, scored.logits))
        low, high = scale.thresholds.human_at_most, scale.thresholds.ai_at_least
        spans = overall(final, low=low, high=high)
        splits[split] = {
            **report(final, low=low, high=high),
            "intervals": {name: span.to_json() for name, span in spans.items()},
        }
    return {
        "command": "brushmark release",
        "scored_with": f"{judge.device}; " + (f"the {view} view" if view else "views averaged"),
        "manifest_sha256": manifest.sha256,
        "openings": run.openings(),
        "splits": splits,
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
