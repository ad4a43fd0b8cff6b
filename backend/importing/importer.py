"""Import labelled pictures: recognise, check, make ready, and take all of it in at once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from backend.domain import (
    AuditEvent,
    Context,
    Label,
    PredictionRecord,
    Review,
    ReviewLabel,
    Source,
    new_id,
    utc_now,
)
from backend.errors import BadInput, BrushmarkError, OutOfSpace, Unavailable
from backend.exporting.examples import Progress
from backend.imaging.containers import read_container
from backend.imaging.provenance.ledger import Ledger
from backend.importing import image_folder, label_studio, own_export
from backend.importing.candidate import Candidate, LeftOut, Reading, credit_of
from backend.importing.own_export import CLIENT
from backend.importing.source import FolderSource, open_source, read_all
from backend.importing.source import Source as Files
from backend.importing.staging import Staging, discard, staging
from backend.judging import judge_bytes, ledger_of
from backend.loggable import loggable
from backend.model.judge import Judge
from backend.settings import KeepImages, Settings
from backend.storage.failures import translated
from backend.storage.forgetting_lock import require_no_forgetting
from backend.storage.images import ImageStore
from backend.storage.repository import Extras, Foreign, Repository, TakenIn
from backend.wire import Json

FOLDER = "imports"
_READERS: tuple[Callable[[Files], Reading | None], ...] = (
    own_export.recognise,
    label_studio.recognise,
    image_folder.recognise,
)
_EXAMPLES = 20
_OTHER_LABEL = "the same file is there with the other label; neither was taken"


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of a source."""

    kind: str
    taken: TakenIn
    not_kept: int
    """Pictures whose file did not come along, or is not kept here."""
    left_out: tuple[LeftOut, ...]

    def to_json(self) -> Json:
        """Write it down for the history, with some of what was left out."""
        return {
            "kind": self.kind,
            **self.taken._asdict(),
            "not_kept": self.not_kept,
            "left_out": len(self.left_out),
            "left_out_examples": [
                {"name": out.name[:200], "reason": out.reason} for out in self.left_out[:_EXAMPLES]
            ],
        }

    def lines(self) -> list[str]:
        """Return the report for a person to read."""
        taken = self.taken
        lines = [f"Imported {taken.records} pictures and {taken.labels} labels ({self.kind})."]
        counts = (
            (taken.known, "pictures were here already"),
            (taken.reviewed, "labels were here already"),
            (taken.contradicted, "labels were not taken, since another one stands here"),
            (taken.clashing, "records were not taken: their id has another picture here"),
            (self.not_kept, "pictures came without their file, or are not kept here"),
        )
        lines += [f"{count} {what}." for count, what in counts if count]
        return lines + [f"LEFT OUT {out.name}: {out.reason}" for out in self.left_out]


class Importer:
    """The use case; the model is asked for only where pictures come without a verdict."""

    def __init__(
        self,
        settings: Settings,
        repository: Repository,
        images: ImageStore,
        judge: Callable[[], Judge],
    ) -> None:
        self.settings = settings
        self.repository = repository
        self.images = images
        self._judge = judge

    def run(
        self, path: Path, actor: str, progress: Progress, called: str | None = None
    ) -> ImportReport:
        """Import a zip or a folder: all of it, or nothing.

        Interrupted, it goes on where it was when the same file is imported again, or the same
        folder with nothing changed in it. `called` is what people call it where that is not its
        name.

        Raises:
            NotFound, BadInput, TooLarge: it cannot be imported; nothing was.
            NoModel: its pictures would have to be judged, and there is nothing to judge with.
            Busy, OutOfSpace, StoreUnavailable: nothing was imported; try again.
        """
        folder = self.settings.home / FOLDER / _key(path)
        try:
            with (
                translated(folder),
                open_source(path, called) as files,
                staging(folder, _state(path), self.repository, self.images) as stage,
            ):
                require_no_forgetting(self.settings.home)  # the working folder is held
                name = None if called else files.label
                report = self._import(files, stage, actor, progress, name)
        except BrushmarkError as error:
            # What is wrong with the source stays wrong; what is wrong here may pass.
            if isinstance(error, OutOfSpace) or not isinstance(error, Unavailable):
                discard(folder, self.repository, self.images)
            raise
        discard(folder, self.repository, self.images)
        return report

    def _import(
        self, files: Files, stage: Staging, actor: str, progress: Progress, name: str | None
    ) -> ImportReport:
        reading = _recognise(files, files.label)
        progress(0, reading.total, "reading")
        not_kept = 0
        for number, offer in enumerate(reading.offers(stage.folder), start=1):
            self._make_ready(files, offer, stage, name or CLIENT)
            not_kept += isinstance(offer, Candidate) and offer.name is None
            progress(number, max(number, reading.total), "reading pictures")
        if not stage.digests:
            raise BadInput(_nothing(stage, files.label))
        progress(0, 0, "writing to the log")
        taken = self.repository.take_in(stage.foreign())
        detail = f"{taken.records} pictures, {taken.labels} labels"
        self.repository.append_event(AuditEvent(new_id(), utc_now(), actor, "import", detail))
        if self.settings.keep_images is KeepImages.NONE:
            not_kept = len(stage.digests)
        return ImportReport(reading.kind, taken, not_kept, tuple(stage.left_out))

    # ---- one picture --------------------------------------------------------------------

    def _make_ready(
        self, files: Files, offer: Candidate | LeftOut, stage: Staging, source: str
    ) -> None:
        if isinstance(offer, LeftOut):
            if offer.name not in stage.done:
                stage.leave_out(offer.name, offer)
            return
        key = offer.name or offer.sha256 or ""
        if key in stage.done:
            return
        if offer.known is not None:
            self._take_known(files, offer, stage, key)
            return
        try:
            self._take_foreign(files, offer, stage, key, source)
        except (Unavailable, OutOfSpace):
            raise
        except BrushmarkError as error:
            stage.leave_out(key, LeftOut(key, str(error)))

    def _take_known(self, files: Files, offer: Candidate, stage: Staging, key: str) -> None:
        known = offer.known
        assert known is not None  # noqa: S101
        image = known.record.image
        if offer.name is not None:
            data = read_all(files, offer.name)
            is_it = hashlib.sha256(data).hexdigest() == image.sha256 and len(data) == image.bytes
            if not is_it or read_container(data).format != image.format:
                raise BadInput(f"{offer.name} is not the picture of its record; not imported.")
            self._keep(stage, image.sha256, data)
        extras = Extras(None, known.features(), known.phash)
        credit = credit_of(image.sha256, offer.label, offer.credit, files.label)
        record = loggable(known.record, self.settings)
        stage.add(key, Foreign(record, extras, known.review, credit, yields=False))

    def _take_foreign(
        self, files: Files, offer: Candidate, stage: Staging, key: str, source: str
    ) -> None:
        data = None if offer.name is None else read_all(files, offer.name)
        digest = offer.sha256 if data is None else hashlib.sha256(data).hexdigest()
        assert digest is not None  # noqa: S101 - an offer has a file or a hash
        if digest in stage.digests:
            if stage.digests[digest] == offer.label.value:
                stage.leave_out(key, LeftOut(key, "the same file came before"))
            else:
                stage.leave_out(key, LeftOut(key, _OTHER_LABEL), contradicts=digest)
            return
        found = self.repository.latest_by_sha256([digest]).get(digest)
        if found is not None:
            record, extras = found, Extras()
        elif data is not None:
            record, extras = self._judged(data)
        else:
            stage.leave_out(key, LeftOut(key, "its picture is neither in the file nor in the log"))
            return
        if data is not None:
            self._keep(stage, digest, data)
        credit = credit_of(digest, offer.label, offer.credit, source)
        review = _review(record, offer.label)
        stage.add(key, Foreign(record, extras, review, None if found else credit, yields=True))

    def _keep(self, stage: Staging, sha256: str, data: bytes) -> None:
        if self.settings.keep_images is not KeepImages.NONE:
            stage.keep(sha256, data)

    @cached_property
    def _ledger(self) -> Ledger:
        return ledger_of(self.settings)

    def _judged(self, data: bytes) -> tuple[PredictionRecord, Extras]:
        judge = self._judge()
        policy = self.repository.latest_policy() or judge.policy
        judged = judge_bytes(data, judge, policy, self._ledger)
        record = judged.record(CLIENT, Context(Source.IMPORT))
        extras = Extras(judged.activation, judged.features, judged.phash)
        return loggable(record, self.settings), extras


def _review(record: PredictionRecord, label: Label) -> Review:
    return Review(
        id=new_id(),
        created_at=utc_now(),
        prediction_id=record.id,
        sha256=record.image.sha256,
        label=ReviewLabel(label.value),
        reviewer=CLIENT,
    )


def _recognise(files: Files, name: str) -> Reading:
    reading = next((found for reader in _READERS if (found := reader(files))), None)
    if reading is None:
        raise BadInput(
            f"{name} is no data set that is read here. Taken are exports of Brushmark, folders of "
            "pictures such as ai_generated/ and human_made/ (also with metadata.jsonl), and Label "
            "Studio's JSON."
        )
    return reading


def _nothing(stage: Staging, name: str) -> str:
    first = (
        f" The first: {stage.left_out[0].name}: {stage.left_out[0].reason}."
        if stage.left_out
        else ""
    )
    return f"{name} holds no picture that could be imported.{first}"


def _key(path: Path) -> str:
    """Return a name for what is imported: of a zip its content's hash, of a folder its place."""
    if not path.is_file():
        return hashlib.sha256(str(path.absolute()).encode()).hexdigest()[:24]
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:24]


def _state(path: Path) -> str:
    """Return what differs once a file of a folder has changed; a zip has its state in its key."""
    digest = hashlib.sha256()
    if path.is_dir():
        for name in FolderSource(path).names():
            about = (path / name).stat()
            digest.update(os.fsencode(f"{name}\0{about.st_size} {about.st_mtime_ns}\n"))
    return digest.hexdigest()
