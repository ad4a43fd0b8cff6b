"""Forget: records, pictures, vectors, reviews, exports, history; then rewrite the store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from backend.domain import AuditEvent, new_id, utc_now
from backend.exporting.shelf import ExportShelf
from backend.forgetting.elsewhere import Elsewhere, beyond_reach, drop_exports
from backend.forgetting.journal import Journal, Traces
from backend.forgetting.oblivion import Oblivion, Rewriting
from backend.importing.importer import FOLDER
from backend.importing.staging import require_idle
from backend.settings import Settings
from backend.storage.documents import site_of
from backend.storage.failures import translated
from backend.storage.forgetting_lock import forgetting
from backend.storage.images import ImageStore
from backend.storage.repository import Erased, PredictionFilter, Repository

ACTION = "forget"


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was erased, and what holds it still and is out of reach."""

    records: int
    pictures: int
    reviews: int
    appeals: int
    exports: int
    """Stored exports whose files were removed, since they held some of it."""
    clean: bool
    """Whether the store's file was rewritten; where a reader was in the way, it is at the next
    forgetting or compaction."""
    elsewhere: tuple[Elsewhere, ...]

    def lines(self) -> list[str]:
        """Return the report for a person to read."""
        counts = (
            (self.records, "predictions"),
            (self.pictures, "pictures"),
            (self.reviews, "reviews"),
            (self.appeals, "appeals"),
            (self.exports, "stored exports"),
        )
        erased = ", ".join(f"{count} {what}" for count, what in counts if count)
        lines = [f"Forgot {erased}." if erased else "There was nothing to forget."]
        if not self.clean:
            lines.append(
                "The store was in use and could not be rewritten: run `brushmark store compact` "
                "in a quiet moment, or traces stay in its file."
            )
        return lines + [f"OUT OF REACH: {each.words}" for each in self.elsewhere]


@dataclass(slots=True)
class _Tally:
    """What has gone so far, and how much of it."""

    traces: Traces
    pictures: int = 0
    reviews: int = 0
    appeals: int = 0


class Forgetting:
    """The use case; one instance an app or a command."""

    def __init__(
        self,
        settings: Settings,
        repository: Repository,
        images: ImageStore,
        drop_from_memory: Callable[[str], None] = lambda sha256: None,
    ) -> None:
        self._settings = settings
        self._repository = repository
        self._images = images
        self._drop_from_memory = drop_from_memory
        self._shelf = ExportShelf(settings, repository, images)

    def forget(self, what: Oblivion, actor: str) -> Forgotten:
        """Erase all that the home holds of it; doing it again finishes what was interrupted.

        Raises:
            Conflict: an export or an import is under way, which might hold it, or something is
                being forgotten already; nothing was erased.
            OutOfSpace, StoreUnavailable, StoreDamaged: repeat it when that is mended.
        """
        with translated(self._settings.home), forgetting(self._settings.home):
            self._shelf.require_idle()
            require_idle(self._settings.home / FOLDER, self._repository, self._images)
            return self._forget(what, actor, Journal(self._settings.home))

    def _forget(self, what: Oblivion, actor: str, journal: Journal) -> Forgotten:
        tally = _Tally(journal.left())
        if tally.traces.ids:  # the last of them may be there still
            self._erase(sorted(tally.traces.ids), tally)
        while records := what.next_records(self._repository):
            going = Traces(
                ids={record.id for record in records},
                digests={record.image.sha256 for record in records},
                sites={site for r in records if (site := site_of(r)) is not None},
                words=set(what.words()),
                since=min(record.created_at for record in records),
            )
            journal.write(going)
            tally.traces.add(going)
            self._erase([record.id for record in records], tally)
        if what.client is not None:
            tally.appeals += self._repository.erase_client(what.client).appeals
        traces = tally.traces
        gone = traces.digests - self._still_known(traces.digests)
        unknown = self._unknown(traces.sites)
        exports = drop_exports(
            self._shelf, Rewriting({*traces.ids, *traces.digests}, {*what.places(), *unknown})
        )
        elsewhere = beyond_reach(self._settings, self._shelf, traces.since, exports)
        # The trail names neither what was forgotten nor, where that was a client, who it was.
        rewrite = Rewriting({*traces.ids, *gone}, {*what.words(), *traces.words, *unknown})
        self._repository.rewrite_history(rewrite)
        self._note(tally, rewrite(actor))
        clean = self._repository.repack()
        journal.close()
        return Forgotten(
            records=len(traces.ids),
            pictures=tally.pictures,
            reviews=tally.reviews,
            appeals=tally.appeals,
            exports=len(exports),
            clean=clean,
            elsewhere=elsewhere,
        )

    def _erase(self, ids: list[str], tally: _Tally) -> None:
        # Pictures first: without their records nobody could find them again.
        for sha256 in self._repository.unshared(ids):
            tally.pictures += self._images.has(sha256)
            self._images.delete(sha256)
            self._drop_from_memory(sha256)
        erased: Erased = self._repository.erase(ids)
        tally.reviews += erased.reviews
        tally.appeals += erased.appeals

    def _unknown(self, sites: set[str]) -> set[str]:
        """Return the sites of which no record is left: the history must not name them either."""
        count = self._repository.count_predictions
        return {site for site in sites if not count(PredictionFilter(site=site))}

    def _still_known(self, digests: set[str]) -> set[str]:
        return set(self._repository.latest_by_sha256(sorted(digests)))

    def _note(self, tally: _Tally, actor: str) -> None:
        detail = f"{len(tally.traces.ids)} predictions, {tally.pictures} pictures"
        self._repository.append_event(AuditEvent(new_id(), utc_now(), actor, ACTION, detail))
