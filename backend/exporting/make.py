"""Make one export: gather, look, group, split, write, and put the zip in place whole."""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from backend.dataset.splits import Item, draw_splits
from backend.domain import Label
from backend.errors import Busy, NothingToExport
from backend.exporting.archive import Archive
from backend.exporting.data_card import data_card
from backend.exporting.examples import Example, LeftOut, Progress, Spools, gather
from backend.exporting.feature_part import file_names, write_vectors
from backend.exporting.leakage import Placed, leakage
from backend.exporting.likeness import group, look, without_contradictions
from backend.exporting.parts import Parts
from backend.exporting.request import ExportFormat, ExportRequest
from backend.storage.backup import describe
from backend.storage.connections import sync_folder
from backend.storage.failures import require_space, translated
from backend.storage.images import ImageStore
from backend.storage.repository import Repository
from backend.storage.workfolder import LOCK, InUse, clear, held
from backend.wire import Json

FORMAT = 1
DOCUMENT = "export.json"
PARTIAL = ".exporting-"
_SPARE_BYTES = 64 * 1024 * 1024
"""What an export leaves free on the disk, for the log to go on."""
_ORDER = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class Made:
    """A finished export: its document, what was left out, and the zip's hash and size."""

    document: Json
    left_out: LeftOut
    sha256: str
    bytes: int

    def to_json(self) -> Json:
        """Write it down for the history."""
        return {
            **{name: value for name, value in self.document.items() if name != "request"},
            "left_out": self.left_out.to_json(),
            "sha256": self.sha256,
            "bytes": self.bytes,
        }


def make_export(
    repository: Repository,
    images: ImageStore,
    request: ExportRequest,
    target: Path,
    progress: Progress,
    may_begin: Callable[[], None] = lambda: None,
) -> Made:
    """Write an export to `target`, which appears whole or not at all.

    The zip's bytes depend on the log and the request alone. Memory grows by about a kilobyte a
    picture; lines, vectors and tables are spooled beside the target. `may_begin` is asked once the
    working folder is held, and raises where nothing may be exported.

    Raises:
        NothingToExport: no reviewed picture passes the filter.
        OutOfSpace, StoreUnavailable, StoreDamaged: nothing was left behind.
    """
    with _workshop(target) as folder, Spools(folder) as spools:
        may_begin()
        examples, left_out = gather(repository, images, request.where, spools, progress)
        examples = look(examples, images, progress)
        examples, left_out.contradicting = without_contradictions(examples)
        _require_some(examples, left_out, request)
        placed = _place(examples, group(examples), request)
        require_space(target, _needed_bytes(examples, request) + _SPARE_BYTES)
        zipped = folder / "zip"
        document = _write(zipped, placed, request, images, spools, folder, progress)
        found = describe(zipped)
        zipped.chmod(0o600)  # other people's pictures: for its owner alone
        with zipped.open("rb+") as file:
            os.fsync(file.fileno())
        zipped.replace(target)
        sync_folder(target.parent)
    return Made(document, left_out, found["sha256"], found["bytes"])


@contextmanager
def _workshop(target: Path) -> Iterator[Path]:
    """Lend a working folder beside the target; it goes however this ends, or next time.

    Raises:
        Busy: somebody else writes to that target at this moment.
    """
    folder = target.parent / f"{PARTIAL}{target.name}"
    with translated(target):
        try:
            with held(folder):
                try:
                    for left in folder.iterdir():  # by one that was killed
                        if left.name != LOCK:
                            left.unlink()
                    yield folder
                finally:
                    clear(folder)
        except InUse:
            raise Busy(f"Another export to {target.name} is being written.") from None


def _require_some(examples: list[Example], left_out: LeftOut, request: ExportRequest) -> None:
    wanted = examples
    if request.format in {ExportFormat.IMAGEFOLDER, ExportFormat.LABEL_STUDIO}:
        wanted = [example for example in examples if example.kept]
    if wanted:
        return
    reasons = [
        (left_out.unreviewed, "not reviewed"),
        (left_out.cannot_tell, "labelled “cannot tell”"),
        (len(left_out.contradicting), "contradicted by a near-duplicate"),
        (len(examples), "reviewed, but their files were not kept"),
    ]
    said = ", ".join(f"{count} {what}" for count, what in reasons if count)
    raise NothingToExport(
        "There is nothing to export: "
        + (f"of the pictures that match, {said}. " if said else "no prediction matches. ")
        + "Review some pictures, or widen the filter."
    )


Place = tuple[Example, str, str]
"""An example, its split and its group."""


def _place(examples: list[Example], groups: Sequence[str], request: ExportRequest) -> list[Place]:
    """Give every group its split, and put the examples in the order in which they are written."""
    items = [
        Item(example.label, example.source, group, example.split)
        for example, group in zip(examples, groups, strict=True)
    ]
    splits = draw_splits(items, request.split.by_split(), request.split.seed)
    placed = [(e, splits[g], g) for e, g in zip(examples, groups, strict=True)]
    return sorted(placed, key=lambda p: (_ORDER.index(p[1]), p[0].label, p[0].sha256))


def _needed_bytes(examples: Sequence[Example], request: ExportRequest) -> int:
    pictures = sum(e.bytes for e in examples if e.kept) if request.format.has_pictures else 0
    vectors = sum(e.vector_bytes for e in examples) * 2  # in a file of their own, then in the zip
    return pictures + vectors * request.format.has(ExportFormat.ALL) + 4096 * len(examples)


def _write(
    path: Path,
    placed: list[Place],
    request: ExportRequest,
    images: ImageStore,
    spools: Spools,
    folder: Path,
    progress: Progress,
) -> Json:
    rows: list[Placed] = []
    with Archive(path, folder) as archive, Parts(folder, request.format) as parts:
        for number, (example, split, group_name) in enumerate(placed, start=1):
            example = parts.picture(archive, example, split, images)
            rows.append(parts.add(example, spools.line(example), split=split, group=group_name))
            progress(number, len(placed), "writing pictures")
        progress(0, 0, "writing tables")
        parts.finish(archive)
        vectors: list[Json] = []
        if request.format is ExportFormat.ALL:
            vectors = _write_vectors(archive, placed, spools, folder)
        document = _document(request, placed, rows, vectors)
        archive.text(DOCUMENT, json.dumps(document, indent=1) + "\n")
        archive.text("README.md", data_card(document))
    return document


def _write_vectors(
    archive: Archive, placed: list[Place], spools: Spools, folder: Path
) -> list[Json]:
    counts = Counter(example.model for example, _, _ in placed if example.model is not None)
    written: list[Json] = []
    for sha256, name in file_names(counts).items():
        model = spools.models[sha256]
        path = folder / "features"
        write_vectors(path, sha256, model, placed, spools)
        with path.open("rb") as file:
            archive.file(name, file, compressed=False)
        written.append(
            {"file": name, "model": model["version"], "sha256": sha256, "count": counts[sha256]}
        )
    return written


def _document(
    request: ExportRequest, placed: list[Place], rows: list[Placed], vectors: list[Json]
) -> Json:
    splits: dict[str, Counter[Label]] = defaultdict(Counter)
    for row in rows:
        splits[row.split][row.label] += 1
    kept = sum(row.kept for row in rows)
    figures, findings = leakage(rows)
    return {
        "brushmark_export": FORMAT,
        "request": request.to_json(),
        "examples": len(rows),
        "pictures": kept,
        "not_kept": len(rows) - kept,
        "groups": len({row.group for row in rows}),
        "splits": {
            split: {label.value: splits[split][label] for label in Label}
            for split in _ORDER
            if split in splits
        },
        "sources": _commonest(row.source for row in rows),
        "models": _commonest(row.model for row in rows),
        "vectors": vectors,
        "leakage": {"auc": figures, "findings": [asdict(finding) for finding in findings]},
    }


def _commonest(names: Iterator[str], most: int = 50) -> dict[str, int]:
    counts = Counter(names)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most])
