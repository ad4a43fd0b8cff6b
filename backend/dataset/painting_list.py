"""The list of The Paintings Dataset: a table of addresses, read as it is published.

E. J. Crowley and A. Zisserman, In Search of Art (VISART workshop, ECCV 2014); the dataset's page
is https://www.robots.ox.ac.uk/~vgg/data/paintings/. The columns are `Image URL`, `Web page URL`,
`Subset` and `Labels`; the last two are written in quotes of their own: `'train'`, `' dog horse'`.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from backend.errors import BadInput

PUBLISHED_LIST = "https://www.robots.ox.ac.uk/~vgg/data/paintings/painting_dataset_2021.csv"
LIST_KINDS = ("text/csv", "text/plain", "application/csv", "application/vnd.ms-excel")
_COLUMNS = {"imageurl": "url", "webpageurl": "page", "subset": "subset", "labels": "labels"}


@dataclass(frozen=True, slots=True)
class Painting:
    """A line of the list."""

    url: str
    page: str = ""
    subset: str = ""
    labels: str = ""

    @property
    def name(self) -> str:
        """A file's name without suffix: what the address ends in, and a hash that tells apart."""
        stem = PurePosixPath(urlsplit(self.url).path).stem
        plain = re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-")[:60] or "painting"
        return f"{plain}-{hashlib.sha256(self.url.encode()).hexdigest()[:8]}"

    @property
    def collection(self) -> str:
        """Art UK's code of the collection, e.g. `SFK/SED`, where the address has one."""
        parts = PurePosixPath(urlsplit(self.url).path).parts
        if "collection" not in parts:
            return ""
        return "/".join(parts[parts.index("collection") + 1 : -1])


def read_list(data: bytes) -> list[Painting]:
    """Read the list, commas or semicolons between cells; one painting for each address.

    Raises:
        BadInput: a spreadsheet, no header that we know, or no addresses.
    """
    if data.startswith(b"PK"):
        raise BadInput("The list is a spreadsheet; save it as CSV and name that with --list.")
    text = data.decode("utf-8-sig", errors="replace")
    first_line = text.partition("\n")[0]
    delimiter = ";" if first_line.count(";") > first_line.count(",") else ","
    rows = csv.reader(io.StringIO(text), delimiter=delimiter)
    names = [_COLUMNS.get(re.sub(r"[^a-z]", "", cell.lower()), "") for cell in next(rows, [])]
    if "url" not in names:
        raise BadInput("The list has no column “Image URL”, so it is not the one we know.")
    found: dict[str, Painting] = {}
    for row in rows:
        cells = {name: _unquoted(cell) for name, cell in zip(names, row, strict=False) if name}
        if cells.get("url", "").lower().startswith(("http://", "https://")):
            found.setdefault(cells["url"], _painting(cells))
    if not found:
        raise BadInput("The list holds no addresses of pictures.")
    return list(found.values())


def _painting(cells: Mapping[str, str]) -> Painting:
    return Painting(**{name: cell for name, cell in cells.items() if name})


def _unquoted(cell: str) -> str:
    return " ".join(cell.strip().strip("'").split())
