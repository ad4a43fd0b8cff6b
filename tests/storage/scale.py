"""How long the store's tests run: short by default, long under `make store-soak`."""

from __future__ import annotations

import os

SOAK = os.environ.get("STORE_SOAK") == "1"


def scaled(short: int, soak: int) -> int:
    """Return the number for the present kind of run."""
    return soak if SOAK else short
