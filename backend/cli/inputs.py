"""What `brushmark check` was asked to look at: files, folders walked, addresses."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from backend.errors import BrushmarkError, NotFound
from backend.imaging.decode import MAX_BYTES
from backend.imaging.fetch import fetch

SUFFIXES = frozenset({".avif", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".png", ".webp"})
"""Which files of a folder are looked at; what they really are is decided by their content."""


@dataclass(frozen=True, slots=True)
class Input:
    """One picture to judge: `name` as a person would know it, `address` as a URL."""

    name: str
    address: str

    @property
    def is_remote(self) -> bool:
        """Say whether it must be fetched."""
        return is_url(self.name)

    @property
    def stem(self) -> str:
        """The name without folders and suffix."""
        return Path(self.name.partition("?")[0].rstrip("/")).stem or "picture"

    def read(self) -> bytes:
        """Return the original bytes, one more than the limit at most.

        Raises:
            OSError: the file cannot be read.
            UrlRefused, UrlUnreachable, TooLarge, UnsupportedType: see `imaging.fetch`.
        """
        if self.is_remote:
            return fetch(self.name)
        with Path(self.name).open("rb") as file:
            return file.read(MAX_BYTES + 1)


def is_url(text: str) -> bool:
    """Say whether an argument is a web address rather than a path."""
    return text.lower().startswith(("http://", "https://"))


def gather(arguments: Iterable[str]) -> tuple[list[Input], list[BrushmarkError]]:
    """Turn arguments into inputs, in order, and complaints about those that lead nowhere."""
    inputs: list[Input] = []
    complaints: list[BrushmarkError] = []
    for argument in arguments:
        try:
            inputs.extend(_expand(argument))
        except BrushmarkError as error:
            complaints.append(error)
    return inputs, complaints


def _expand(argument: str) -> list[Input]:
    if is_url(argument):
        return [Input(argument, argument)]
    path = Path(argument)
    if not path.is_dir():
        if not path.exists():
            raise NotFound(f"{argument}: no such file or folder.")
        return [_of_file(path)]
    found = [_of_file(file) for file in walk(path)]
    if not found:
        raise NotFound(f"{argument}: no pictures in this folder.")
    return found


def _of_file(path: Path) -> Input:
    return Input(str(path), path.absolute().as_uri())


def walk(folder: Path) -> Iterator[Path]:
    """Yield the pictures below a folder, sorted, hidden files and folders left out."""
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES:
                yield Path(where, name)
