"""While something is being forgotten nothing is exported or imported, and the other way round.

Whoever exports or imports holds a working folder first and asks here afterwards; whoever forgets
holds this lock first and looks for working folders afterwards. So one of two always sees the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backend.errors import Busy, Conflict
from backend.storage.workfolder import locked

NAME = "forgetting.lock"


@contextmanager
def forgetting(home: Path) -> Iterator[None]:
    """Hold a home for forgetting. Raises `Conflict` where something is being forgotten already."""
    refusal = Conflict("Something is being forgotten already; try again when it is done.")
    with locked(home / NAME, refusal):
        yield


def require_no_forgetting(home: Path) -> None:
    """Return if nothing is being forgotten. Raises `Busy`."""
    with locked(home / NAME, Busy("Something is being forgotten; try again when it is done.")):
        pass
