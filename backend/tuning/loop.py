"""From labelled vectors to a candidate in the home's weights: gather, tune, pack."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from backend.errors import Conflict
from backend.model.card import CARD_NAME, Card, load_card
from backend.model.registry import list_cards
from backend.settings import Settings
from backend.storage.repository import Repository
from backend.training.run import Run, write_text
from backend.tuning.examples import Gathered, from_log
from backend.tuning.export_file import from_export
from backend.tuning.fit import TuneRecipe
from backend.tuning.pack import next_version, pack
from backend.tuning.tune import QUIET, Progress, tune

_CHOSEN = "version"


@dataclass(frozen=True, slots=True)
class Source:
    """Where labels and vectors come from: an export, or the log where no file is named."""

    export: Path | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """A candidate that can be compared and activated."""

    version: str
    folder: Path
    data: dict[str, Any]


def fine_tune(
    settings: Settings,
    repository: Repository,
    card: Card,
    source: Source,
    *,
    version: str | None = None,
    seed: int = 0,
    recipe: TuneRecipe | None = None,
    run_folder: Path | None = None,
    progress: Progress = QUIET,
    keep: Callable[[list[dict[str, Any]]], None] = lambda history: None,
) -> Made:
    """Fine-tune a release's head and put the candidate into the home's weights.

    An interrupted run over the same data goes on where it was; the candidate's folder appears
    whole or not at all. `keep` is given the curve before the run folder goes.

    Raises:
        BadRun, BadInput: there is nothing, too little or nothing fitting to learn from.
        Conflict: a version of that name exists.
        WeightsDamaged, StoreUnavailable, OutOfSpace: something cannot be read or written.
    """
    recipe = recipe or TuneRecipe()
    known = list_cards(settings)
    data = gather(repository, card, known, source)
    run = Run(run_folder or settings.home / "tuning" / _run_name(card, data, recipe, seed))
    weights = settings.home / "weights"
    taken = {c.ref.version for c in known}
    name = _chosen(run) or version or next_version(card, weights, taken)
    made = weights / name
    is_there = _is_ours(made, card, data, recipe, seed)
    if name in taken and not is_there:
        raise Conflict(f"There is a version {name} already; choose another name.")
    tuned = tune(card, data, run, recipe=recipe, seed=seed, progress=progress)
    if not is_there:
        weights.mkdir(exist_ok=True)
        write_text(run.folder / _CHOSEN, name)
        made = pack(card, tuned, name, weights, _command(card, source, seed))
    keep(tuned.history)
    shutil.rmtree(run.folder, ignore_errors=True)
    return Made(name, made, tuned.data)


def gather(repository: Repository, card: Card, known: tuple[Card, ...], source: Source) -> Gathered:
    """Return what there is to learn from. Raises `BadInput` where an export will not do."""
    if source.export is None:
        return from_log(repository, card, known)
    return from_export(source.export, card, known)


def _run_name(card: Card, data: Gathered, recipe: TuneRecipe, seed: int) -> str:
    asked = [card.ref.sha256, data.described(), asdict(recipe), seed]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:24]


def _chosen(run: Run) -> str | None:
    """Return the name that this run's candidate got before an interruption."""
    path = run.folder / _CHOSEN
    return path.read_text(encoding="utf-8") if path.exists() else None


def _is_ours(folder: Path, card: Card, data: Gathered, recipe: TuneRecipe, seed: int) -> bool:
    """Say whether a folder holds this very candidate, made before an interruption."""
    if not (folder / CARD_NAME).exists():
        return False
    found = load_card(folder)
    tuning = found.document.get("tuning", {})
    return (
        found.parent == card.ref.version
        and tuning.get("data", {}).get("sha256") == data.learn.digest()
        and tuning.get("recipe") == json.loads(json.dumps(asdict(recipe)))
        and tuning.get("seed") == seed
    )


def _command(card: Card, source: Source, seed: int) -> str:
    data = f"--data {source.export.name}" if source.export else "--log"
    return f"brushmark train --init {card.ref.version} {data} --seed {seed}"
