"""The feature vectors of an export, read from their place without holding them in memory."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from backend.errors import BadInput
from backend.importing.candidate import MALFORMED
from backend.importing.source import Source, refusing_damage

_MAX_HEADER_BYTES = 256 * 1024 * 1024
_MAX_STRUCTURE_BYTES = 1024 * 1024
"""Of the header without its texts: it has some dozens of tensors, and names by the million."""
_TEXT = re.compile(rb'"(?:[^"\\]++|\\.)*+"')
_PIECE_BYTES = 1024 * 1024
_SPLITS = ("train", "val", "test")


class Vectors:
    """Every `features*.safetensors` of a source, unpacked beside and found by picture and model."""

    def __init__(self, files: Source, folder: Path) -> None:
        self._opened: list[BinaryIO] = []
        self._places: dict[tuple[bytes, str], tuple[int, int, int]] = {}
        try:
            for name in files.names():
                if name.startswith("features") and name.endswith(".safetensors"):
                    self._take(files, name, folder)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the unpacked files."""
        for file in self._opened:
            file.close()

    def of(self, sha256: str, model: str | None) -> bytes | None:
        """Return the vector that a model made of a picture; None where there is none."""
        place = self._places.get((bytes.fromhex(sha256), model or ""))
        if place is None:
            return None
        number, start, length = place
        self._opened[number].seek(start)
        return self._opened[number].read(length)

    def _take(self, files: Source, name: str, folder: Path) -> None:
        path = folder / f"unpacked-{len(self._opened)}"
        with refusing_damage(files.label), files.open(name) as packed, path.open("wb") as plain:
            while piece := packed.read(_PIECE_BYTES):
                plain.write(piece)
        self._opened.append(path.open("rb"))
        try:
            self._index(len(self._opened) - 1, path.stat().st_size)
        except (*MALFORMED, struct.error) as error:
            raise BadInput(f"{name} cannot be read ({error}); nothing was imported.") from error

    def _index(self, number: int, length: int) -> None:
        file = self._opened[number]
        (head,) = struct.unpack("<Q", file.read(8))
        if head > min(length, _MAX_HEADER_BYTES):
            raise ValueError("its header is too long")
        text = file.read(head)
        if len(_TEXT.sub(b"", text)) > _MAX_STRUCTURE_BYTES:
            raise ValueError("its header lists too much")
        header = json.loads(text)
        model = str(header["__metadata__"]["model_sha256"])
        for split in _SPLITS:
            if f"{split}.features" in header:
                self._index_split(number, header, split, 8 + head, length, model)

    def _index_split(
        self, number: int, header: Any, split: str, base: int, length: int, model: str
    ) -> None:
        features, digests = header[f"{split}.features"], header[f"{split}.sha256"]
        count, size = (int(n) for n in features["shape"])
        start, end = (base + int(n) for n in features["data_offsets"])
        first, last = (base + int(n) for n in digests["data_offsets"])
        sound = features["dtype"] == "F16" and 0 < size <= 65536 and end - start == 2 * size * count
        if (
            not sound
            or last - first != 32 * count
            or max(end, last) > length
            or min(start, first) < base
        ):
            raise ValueError("its tensors do not fit its length")
        file = self._opened[number]
        file.seek(first)
        for row in range(count):
            place = (number, start + row * 2 * size, 2 * size)
            self._places[file.read(32), model] = place
