"""What an import has made ready so far, on disk: a kill loses nothing of it, and adds nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from backend.domain import Credit, Review
from backend.errors import Busy, Conflict
from backend.importing.candidate import LeftOut
from backend.storage.documents import from_document, pack_activation, to_document, unpack_extras
from backend.storage.images import ImageStore
from backend.storage.repository import Extras, Foreign, Repository
from backend.storage.workfolder import InUse, clear, held
from backend.wire import Json, record_from_document, record_to_document

_LINES = "staged.jsonl"
_PLACED = "placed"
_STATE = "state"


class Staging:
    """The folder of one import. Lines are appended as pictures are made ready."""

    def __init__(self, folder: Path, images: ImageStore) -> None:
        self.folder = folder
        self._images = images
        self._lines = (folder / _LINES).open("a+b")
        self._placed = (folder / _PLACED).open("ab", buffering=0)
        self.done: dict[str, str] = {}
        """Offers dealt with, by name; each with its label, or nothing where it was left out."""
        self.digests: dict[str, str] = {}
        """Labels of the pictures made ready, by SHA-256."""
        self.left_out: list[LeftOut] = []
        self._contradicted: set[str] = set()
        self._read_back()

    def close(self) -> None:
        """Close the files."""
        self._lines.close()
        self._placed.close()

    def keep(self, sha256: str, data: bytes) -> None:
        """Keep a picture; noted beforehand, so that one without a record is found again."""
        if not self._images.has(sha256):
            self._placed.write(sha256.encode() + b"\n")
            self._images.put(sha256, data)

    def add(self, key: str, foreign: Foreign) -> None:
        """Append a picture that is ready."""
        extras = foreign.extras
        line = {
            "key": key,
            "record": record_to_document(foreign.record),
            "phash": extras.phash,
            "features": _text(extras.features),
            "activation": _text(pack_activation(extras.activation)),
            "review": to_document(foreign.review),
            "credit": to_document(foreign.credit) if foreign.credit else None,
            "yields": foreign.yields,
        }
        self._write(line)
        self._note(line)

    def leave_out(self, key: str, out: LeftOut, contradicts: str | None = None) -> None:
        """Append something that is not taken, nor is the picture that it contradicts."""
        line = {"key": key, "left_out": [out.name, out.reason], "contradicts": contradicts}
        self._write(line)
        self._note(line)

    def foreign(self) -> Iterator[Foreign]:
        """Yield what is ready, in order."""
        self._lines.flush()
        self._lines.seek(0)
        for raw in self._lines:
            line = json.loads(raw)
            if "record" in line and line["record"]["image"]["sha256"] not in self._contradicted:
                yield _foreign(line)

    def _write(self, line: Json) -> None:
        self._lines.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")
        self._lines.flush()

    def _read_back(self) -> None:
        """Take up what an interrupted import had made ready; its last line may be torn."""
        self._lines.seek(0)
        whole = 0
        for raw in self._lines:
            if not raw.endswith(b"\n"):
                break
            self._note(json.loads(raw))
            whole += len(raw)
        self._lines.truncate(whole)

    def _note(self, line: Any) -> None:
        if "left_out" in line:
            self.left_out.append(LeftOut(*line["left_out"]))
            self.done[line["key"]] = ""
            if line["contradicts"]:
                self._contradicted.add(line["contradicts"])
        else:
            label = line["review"]["label"]
            self.done[line["key"]] = label
            self.digests[line["record"]["image"]["sha256"]] = label


@contextmanager
def staging(
    folder: Path, state: str, repository: Repository, images: ImageStore
) -> Iterator[Staging]:
    """Open the staging folder of an import for as long as it works.

    What was made ready from files in another `state` is removed first.

    Raises:
        Busy: another process imports the same.
    """
    try:
        with held(folder):
            if _state(folder) != state:
                _begin_anew(folder, state, repository, images)
            opened = Staging(folder, images)
            try:
                yield opened
            finally:
                opened.close()
    except InUse:
        raise Busy("The same file is being imported already.") from None


def _state(folder: Path) -> str | None:
    path = folder / _STATE
    return path.read_text("ascii") if path.exists() else None


def _begin_anew(folder: Path, state: str, repository: Repository, images: ImageStore) -> None:
    _take_back(folder, repository, images)
    for name in (_PLACED, _LINES):
        (folder / name).unlink(missing_ok=True)
    # Noted last: whoever is killed before begins anew once more.
    (folder / _STATE).write_text(state, "ascii")


def discard(folder: Path, repository: Repository, images: ImageStore) -> bool:
    """Remove a staging folder, with pictures that no record came to be about; False if in use."""
    try:
        with held(folder):
            _take_back(folder, repository, images)
            clear(folder)
    except InUse:
        return False
    return True


def require_idle(imports: Path, repository: Repository, images: ImageStore) -> None:
    """Return if nothing is being imported, clearing what interrupted imports made ready.

    Raises:
        Conflict: something is, or waits for the backend to go on with it.
    """
    for path in sorted(imports.iterdir()) if imports.is_dir() else ():
        if not path.is_dir() or not discard(path, repository, images):
            raise Conflict("A data set is being imported; try again when it is done.")


def _take_back(folder: Path, repository: Repository, images: ImageStore) -> None:
    for sha256 in _placed(folder):
        if not repository.latest_by_sha256([sha256]):
            images.delete(sha256)


def _placed(folder: Path) -> list[str]:
    path = folder / _PLACED
    lines = path.read_text("ascii").splitlines() if path.exists() else []
    return [line for line in lines if len(line) == 64]


def _text(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode()


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)


def _foreign(line: Any) -> Foreign:
    unpacked = unpack_extras(_bytes(line["features"]), _bytes(line["activation"]))
    return Foreign(
        record=record_from_document(line["record"]),
        extras=Extras(unpacked.activation, unpacked.features, line["phash"]),
        review=from_document(Review, line["review"]),
        credit=from_document(Credit, line["credit"]) if line["credit"] else None,
        yields=line["yields"],
    )
