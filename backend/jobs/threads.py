"""How many threads numpy's sums take in a process that works beside others."""

from __future__ import annotations

import os
from collections.abc import MutableMapping

_NAME = "OPENBLAS_NUM_THREADS"


def one_thread_for_sums(environment: MutableMapping[str, str] = os.environ) -> None:
    """Have numpy sum in one thread, unless told otherwise; heard where it is not imported yet.

    Its threads wait for one another at every product. Where other work has the cores, as beside a
    backend that serves, two take several times as long as one.
    """
    environment.setdefault(_NAME, "1")
