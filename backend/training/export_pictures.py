"""The pictures of an export, unpacked beside a manifest that training reads.

A picture's file is named anew after its hash, so no name in the zip ever becomes a path here;
what it unpacks to is bounded, and is held against its hash.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from backend.errors import BadInput
from backend.training.manifest import REQUIRED
from backend.training.run import write_text

MANIFEST = "manifest.csv"
MAX_PICTURE_BYTES = 64 * 1024**2
MAX_MANIFEST_BYTES = 1024**3
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_SUFFIX = re.compile(r"\.[a-z0-9]{1,5}\Z")
Row = dict[str, str]


def unpack(export: Path, folder: Path) -> Path:
    """Unpack an export's labelled pictures into a folder; returns the manifest beside them.

    Audit records, and what shares a group with one, stay out: they are never learnt from. What
    is there already is not unpacked again, and the manifest comes last.

    Raises:
        BadInput: it is no export, damaged, without pictures, or contradicts itself.
    """
    manifest = folder / MANIFEST
    if manifest.exists():
        return manifest
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with zipfile.ZipFile(export) as archive:
            rows = list(_without_audits(_rows(archive, export.name)))
            placed = [{**row, "path": _place(archive, row, folder)} for row in rows]
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise BadInput(f"{export.name} is no whole zip file: {error}.") from error
    if not placed:
        raise BadInput(f"{export.name} holds no pictures but audit records.")
    write_text(manifest, _table(placed))
    return manifest


def _rows(archive: zipfile.ZipFile, name: str) -> list[Row]:
    try:
        info = archive.getinfo(MANIFEST)
    except KeyError:
        raise BadInput(f"{name} has no {MANIFEST}: it is no export with pictures.") from None
    if info.file_size > MAX_MANIFEST_BYTES:
        raise BadInput(f"The {MANIFEST} in {name} unpacks to more than 1 GB.")
    try:
        reader = csv.DictReader(io.StringIO(archive.read(info).decode("utf-8"), newline=""))
        rows = [{k: v or "" for k, v in row.items() if k is not None} for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"The {MANIFEST} in {name} cannot be read: {error}.") from error
    if not rows or not set(REQUIRED) <= set(rows[0]):
        raise BadInput(f"The {MANIFEST} in {name} names no pictures.")
    there = set(archive.namelist())
    kept = [row for row in rows if row["path"] in there]
    if not kept:
        raise BadInput(
            f"{name} holds no pictures, so the whole network cannot learn from it. Export again "
            "where pictures are kept (BRUSHMARK_KEEP_IMAGES), or leave out --full: the head "
            "learns from the vectors."
        )
    _require_one_label(kept, name)
    return kept


def _require_one_label(rows: list[Row], name: str) -> None:
    labels: dict[str, str] = {}
    for row in rows:
        if not _DIGEST.match(row["sha256"]):
            raise BadInput(f"{name} names a picture without its SHA-256: {row['path'][:100]}.")
        if labels.setdefault(row["sha256"], row["label"]) != row["label"]:
            raise BadInput(f"{name} gives the picture {row['sha256']} both labels.")


def _without_audits(rows: list[Row]) -> Iterator[Row]:
    held = {row["group"] for row in rows if row.get("audit", "").lower() in {"true", "1"}}
    return (row for row in rows if row["group"] not in held)


def _place(archive: zipfile.ZipFile, row: Mapping[str, str], folder: Path) -> str:
    """Write a picture under its hash, if it is not there; returns its name."""
    suffix = Path(row["path"]).suffix.lower()
    name = row["sha256"] + (suffix if _SUFFIX.match(suffix) else ".bin")
    target = folder / name
    if target.exists():
        return name
    info = archive.getinfo(row["path"])
    if info.file_size > MAX_PICTURE_BYTES:
        raise BadInput(f"{row['path'][:100]} unpacks to more than 64 MB.")
    data = archive.read(info)
    if hashlib.sha256(data).hexdigest() != row["sha256"]:
        raise BadInput(f"{row['path'][:100]} is not the picture that was exported.")
    fresh = folder / f"{name}.new"
    fresh.write_bytes(data)
    fresh.replace(target)
    return name


def _table(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
