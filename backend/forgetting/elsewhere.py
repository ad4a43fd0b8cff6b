"""What holds forgotten pictures outside the log: exports, models, set-aside stores."""

from __future__ import annotations

import zipfile
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from backend.domain import Job
from backend.errors import BrushmarkError
from backend.exporting.shelf import DONE, ExportShelf
from backend.forgetting.oblivion import Rewriting
from backend.model.registry import list_versions
from backend.settings import Settings
from backend.storage.connections import sync_folder

_TEXTS = (".jsonl", ".json", ".csv", ".md", "SHA256SUMS")


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """One thing that may hold what was forgotten, and a sentence about it."""

    kind: str
    """`export`, `model`, `tuning` or `store`."""
    name: str
    words: str


def drop_exports(shelf: ExportShelf, traces: Rewriting) -> set[str]:
    """Remove the stored exports that hold a trace of what is forgotten; return their ids."""
    held = [path for path in shelf.files() if _holds(path, traces)]
    for path in held:
        path.unlink(missing_ok=True)
    if held:
        sync_folder(shelf.folder)
    return {path.stem for path in held}


def _holds(path: Path, traces: Rewriting) -> bool:
    """Say whether an export's names or texts name any of it; a broken one counts as such."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if any(traces.touches(name) for name in names):
                return True
            return any(
                traces.touches(line.decode("utf-8", "replace"))
                for name in names
                if name.endswith(_TEXTS)
                for line in archive.open(name)
            )
    except (OSError, ValueError, zipfile.BadZipFile):
        return True


def beyond_reach(
    settings: Settings, shelf: ExportShelf, since: datetime | None, dropped: Collection[str]
) -> tuple[Elsewhere, ...]:
    """Name what was made of the log since the oldest forgotten record, and so may hold it."""
    if since is None:
        return ()
    found = [
        _export(job, job.id in dropped)
        for job in shelf.history()
        if job.id in dropped
        or (job.state == DONE and job.created_at >= since and not shelf.has_file(job))
    ]
    return (*found, *_models(settings, since), *_folders(settings))


def _export(job: Job, is_sure: bool) -> Elsewhere:
    may = "held" if is_sure else "may hold"
    words = (
        f"the export {job.id} of {job.created_at:%Y-%m-%d %H:%M} {may} some of it: copies that "
        "were fetched, and what was made of them, are wherever they were taken."
    )
    return Elsewhere("export", job.id, words)


def _models(settings: Settings, since: datetime) -> list[Elsewhere]:
    try:
        versions = list_versions(settings)
    except BrushmarkError:  # a card that cannot be read is told elsewhere
        return []
    own = settings.home / "weights"
    return [
        Elsewhere(
            "model",
            version.name,
            f"the model {version.name} was made here since then: it may have learned from it, and "
            "its features.safetensors may hold its vectors. Train it anew, then delete its folder.",
        )
        for version in versions
        if version.folder.is_relative_to(own) and version.released_at >= since
    ]


def _folders(settings: Settings) -> list[Elsewhere]:
    tuning = [
        Elsewhere(
            "tuning",
            path.name,
            f"an unfinished fine-tune in {path.name} may hold its vectors: finish or delete it.",
        )
        for path in (
            *_subfolders(settings.home / "tuning"),
            *(job for job in _subfolders(settings.home / "jobs") if (job / "run").is_dir()),
        )
    ]
    aside = [
        Elsewhere(
            "store",
            path.name,
            f"the store from before a restore in {path.name} was not touched: delete it.",
        )
        for path in _subfolders(settings.home)
        if path.name.startswith("before-restore-")
    ]
    return tuning + aside


def _subfolders(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []
