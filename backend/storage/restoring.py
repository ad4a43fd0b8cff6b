"""Put a backup in the place of the store."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend.domain import utc_now
from backend.errors import AlreadyRunning, BadInput, NotFound, StoreDamaged
from backend.settings import Settings
from backend.storage.backup import FORMAT, IMAGES, MANIFEST, STORE, describe, files_of, sync_file
from backend.storage.connections import sync_folder
from backend.storage.failures import translated
from backend.storage.images import ImageStore
from backend.storage.inspection import inspect_file
from backend.storage.workfolder import locked

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


_SHARED_BYTES = (510, 0x40000002)
"""Length and place of what SQLite's open connections lock together (sqlite.org/lockingv3.html)."""


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What was put back, and where the store from before lies now."""

    source: Path
    predictions: int
    pictures: int
    aside: Path | None

    def lines(self) -> list[str]:
        """Return the report for a person to read."""
        what = f"{self.predictions} predictions and {self.pictures} pictures"
        lines = [f"Restored {what} from {self.source}."]
        if self.aside:
            lines.append(
                f"The store from before is kept in {self.aside}; delete it when all is well."
            )
        return lines


def restore(settings: Settings, source: Path) -> RestoreReport:
    """Put a backup in the place of the store, after checking it; what was there is kept aside.

    Raises:
        AlreadyRunning: a backend holds this home, or a command or job has its store open.
        NotFound, BadInput: the source is no backup.
        StoreDamaged: the backup is; nothing was changed.
        OutOfSpace, StoreUnavailable: nothing was changed.
    """
    source = source.absolute()
    pictures = _checked_pictures(source)
    documents, findings = inspect_file(source / STORE, alone=True)
    if findings:
        raise StoreDamaged(
            f"The backup's log is damaged, so nothing was changed ({findings[0].where}: "
            f"{findings[0].what})."
        )
    settings.prepare_home()
    refusal = AlreadyRunning(f"A backend is using {settings.home}. Stop it, then restore again.")
    with (
        locked(settings.backend_lock_path, refusal),
        translated(settings.store_path),
        _store_lock(settings.store_path),
    ):
        aside = _swap(settings, source, pictures)
    return RestoreReport(source, documents.get("predictions", 0), len(pictures), aside)


@contextlib.contextmanager
def _store_lock(store: Path) -> Iterator[None]:
    """Hold the store's file against all that have it open: what they write would be set aside.

    Where a system has no such locks (Windows), the file could not be replaced under them.
    """
    if fcntl is None or not store.exists():
        yield
        return
    with store.open("r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, *_SHARED_BYTES)
        except (BlockingIOError, PermissionError) as error:
            raise AlreadyRunning(
                f"A command or a job of Brushmark is using {store}. Wait until it has ended "
                "(`brushmark jobs list`), then restore again."
            ) from error
        yield


def _swap(settings: Settings, source: Path, pictures: list[str]) -> Path | None:
    """Bring the backup in, with the store's file replaced in one atomic step."""
    store = settings.store_path
    staged = store.with_name(f"{store.name}.restoring")
    shutil.copyfile(source / STORE, staged)
    staged.chmod(0o600)
    sync_file(staged)
    images, copies = ImageStore(settings.images_path), ImageStore(source / IMAGES)
    for sha256 in pictures:
        images.put(sha256, copies.get(sha256) or b"")
    aside = _set_aside(settings)
    staged.replace(store)
    sync_folder(store.parent)
    if aside:
        _set_aside_pictures(settings, aside, set(pictures))
    return aside


def _set_aside(settings: Settings) -> Path | None:
    """Keep the present store, byte for byte, and take away the log beside it.

    SQLite is not asked to open it: it would drop the log of a file that it cannot read, and
    would apply a log that was left there to whatever file comes in its place.
    """
    store = settings.store_path
    if not store.exists():
        return None
    stamp = f"{utc_now():%Y%m%d-%H%M%S}-"
    aside = Path(tempfile.mkdtemp(prefix=f"before-restore-{stamp}", dir=settings.home))
    log, index = (store.with_name(store.name + ending) for ending in ("-wal", "-shm"))
    for path in (store, log):
        if path.exists():
            shutil.copyfile(path, aside / path.name)
            (aside / path.name).chmod(0o600)
            sync_file(aside / path.name)
    sync_folder(aside)
    log.unlink(missing_ok=True)
    index.unlink(missing_ok=True)
    sync_folder(store.parent)
    return aside


def _set_aside_pictures(settings: Settings, aside: Path, restored: set[str]) -> None:
    images, left = ImageStore(settings.images_path), ImageStore(aside / IMAGES)
    for sha256 in [digest for digest in images.hashes() if digest not in restored]:
        with contextlib.suppress(StoreDamaged):
            data = images.get(sha256)
            if data is not None:
                left.put(sha256, data)
                images.delete(sha256)


def _checked_pictures(source: Path) -> list[str]:
    """Check every file of a backup against its manifest; return the hashes of its pictures."""
    try:
        manifest: Any = json.loads((source / MANIFEST).read_bytes())
        files = dict(manifest["files"])
        known = manifest["format"] == FORMAT and STORE in files
    except FileNotFoundError as error:
        raise NotFound(f"{source} is no backup: it has no {MANIFEST}.") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"The manifest of {source} cannot be read ({error}).") from error
    if not known:
        raise BadInput(f"{source} is a backup of a kind that this Brushmark does not know.")
    if set(files) != set(files_of(source)) - {MANIFEST}:
        raise StoreDamaged(f"{source} does not hold just the files that its manifest names.")
    for path, expected in files.items():
        if describe(source / path) != expected:
            raise StoreDamaged(f"{path} of the backup is damaged, so nothing was changed.")
    return sorted(ImageStore(source / IMAGES).hashes())
