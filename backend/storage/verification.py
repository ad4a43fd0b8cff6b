"""Say whether the store holds what was written, and where it does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from backend.errors import NotFound
from backend.settings import Settings
from backend.storage.images import ImageStore
from backend.storage.inspection import Finding, inspect_file, inspect_pictures


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What was looked at, and what is wrong with it."""

    documents: Mapping[str, int]
    """Rows of each table that could be read."""
    pictures: int
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether everything is as it was written."""
        return not self.findings

    def lines(self) -> list[str]:
        """Return the report for a person to read."""
        counts = ", ".join(f"{count} {table}" for table, count in self.documents.items() if count)
        seen = f"Looked at {counts or 'no documents'} and {self.pictures} kept pictures."
        if self.ok:
            return [seen, "All of it is as it was written."]
        return [seen, *(f"DAMAGED {f.where}: {f.what}" for f in self.findings)]


def verify(settings: Settings) -> VerifyReport:
    """Check the file's structure, every row's checksum, every count and every kept picture.

    It reads one moment of the store, also while a backend writes.

    Raises:
        NotFound: there is no store.
    """
    if not settings.store_path.is_file():
        raise NotFound(f"There is no store at {settings.store_path}.")
    documents, findings = inspect_file(settings.store_path)
    pictures, broken = inspect_pictures(ImageStore(settings.images_path))
    return VerifyReport(documents, pictures, (*findings, *broken))
