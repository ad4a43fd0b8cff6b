"""Folders that say who made the pictures in them."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from backend.domain import Label
from backend.errors import BadInput

SUFFIXES = frozenset({".avif", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".png", ".webp"})
CREDITS = "credits.csv"
"""A table beside pictures: `file` names one, the other columns go into the manifest."""
LICENCE_FILES = ("LICENSE", "LICENCE", "LICENSE.txt", "LICENCE.txt", "LICENSE.md", "LICENCE.md")
NO_LICENCE = "none stated"
UNSPECIFIED = "unspecified"

_NAMES = {
    Label.AI_GENERATED: {"ai_generated", "ai", "generated", "fake", "synthetic"},
    Label.HUMAN_MADE: {"human_made", "human", "real", "authentic"},
}
_WRITTEN_BY_US = frozenset({"file", "path", "label", "group", "split", "sha256"})
"""Columns of a credits table that the manifest's own say better."""


@dataclass(frozen=True, slots=True)
class Found:
    """A picture and what its place says of it."""

    file: Path
    label: Label
    generator: str
    source: str
    kind: str
    licence: str
    more: Mapping[str, str] = field(default_factory=dict)


def find_pictures(
    root: Path, *, kind: str = UNSPECIFIED, licence: str | None = None
) -> tuple[list[Found], list[Path]]:
    """Return the pictures of a tree, sorted, and those that lie under no label's folder.

    `ROOT/ai_generated/GENERATOR/[SOURCE/]…` and `ROOT/human_made/SOURCE/…`; the names `ai`,
    `generated`, `fake`, `synthetic`, `human`, `real` and `authentic` do as well. Where no
    folder names it, the generator is unspecified. A credits table beside a picture is the
    most specific word on it, then a licence file in its folder or above, then `licence`.

    Raises:
        BadInput: no folder, no label's folder, or no pictures in one.
    """
    if not root.is_dir():
        raise BadInput(f"There is no folder {root}.")
    found: list[Found] = []
    strays: list[Path] = []
    for folder, files in _walk(root):
        label = _label_of(folder.relative_to(root).parts)
        if label is None:
            strays += files
        elif files:
            notes = _credits(folder)
            stated = _licence_of(folder, root) or licence or NO_LICENCE
            found += [_found(root, f, label, kind, stated, notes.get(f.name, {})) for f in files]
    if not found:
        raise BadInput(
            f"{root} holds no pictures under ai_generated/GENERATOR/ or human_made/SOURCE/. "
            "Sort them into such folders first."
        )
    return found, strays


def _walk(root: Path) -> Iterator[tuple[Path, list[Path]]]:
    for where, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        pictures = (Path(where, name) for name in sorted(files) if not name.startswith("."))
        yield Path(where), [path for path in pictures if path.suffix.lower() in SUFFIXES]


def _label_of(parts: tuple[str, ...]) -> Label | None:
    if not parts:
        return None
    name = re.sub(r"[\s-]+", "_", parts[0].strip().lower())
    return next((label for label, names in _NAMES.items() if name in names), None)


def _found(
    root: Path, file: Path, label: Label, kind: str, licence: str, notes: Mapping[str, str]
) -> Found:
    top, *below = file.parent.relative_to(root).parts
    if label is Label.AI_GENERATED:
        generator = below[0] if below else UNSPECIFIED
        source = below[1] if len(below) > 1 else (below[0] if below else top)
    else:
        generator, source = "human", below[0] if below else top
    said = {k: v for k, v in notes.items() if v and k not in _WRITTEN_BY_US}
    return Found(
        file=file,
        label=label,
        generator=said.pop("generator", generator) if label is Label.AI_GENERATED else generator,
        source=said.pop("source", source),
        kind=said.pop("kind", kind),
        licence=said.pop("licence", licence),
        more={k: v for k, v in said.items() if k != "generator"},
    )


def _credits(folder: Path) -> dict[str, dict[str, str]]:
    path = folder / CREDITS
    if not path.is_file():
        return {}
    try:
        with path.open(newline="", encoding="utf-8") as table:
            rows = [{k: v or "" for k, v in row.items() if k} for row in csv.DictReader(table)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"The credits table {path} cannot be read: {error}.") from error
    if any("file" not in row for row in rows):
        raise BadInput(f"The credits table {path} has no column “file”.")
    # A manifest is read line by line.
    return {row["file"]: {k: " ".join(v.split()) for k, v in row.items()} for row in rows}


def _licence_of(folder: Path, root: Path) -> str | None:
    """Return the first line of the nearest licence file, from the folder up to the root."""
    for place in (folder, *folder.parents):
        for name in LICENCE_FILES:
            if (place / name).is_file():
                text = (place / name).read_text(encoding="utf-8", errors="replace")
                lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
                if lines:
                    return lines[0][:200]
        if place == root:
            break
    return None
