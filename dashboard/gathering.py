"""Pictures fetched ahead and kept a while, so that the next one is there before it is wanted."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor

import streamlit as st

from dashboard.client import Client, records
from dashboard.pictures import web_copy

_WORKERS = 6
_KEPT = 600
"""Thumbnails of about 15 kB, and large copies of about 200 kB for the queue."""


def _large(client: Client, record_id: str) -> bytes | None:
    data = records.image(client, record_id)
    return None if data is None else web_copy(data)


_KINDS: dict[str, Callable[[Client, str], bytes | None]] = {
    "thumbnail": records.thumbnail,
    "large": _large,
    "heatmap": records.heatmap,
}


class Gatherer:
    """Fetches beside the page; what failed is forgotten and asked for anew."""

    def __init__(self, workers: int = _WORKERS, kept: int = _KEPT) -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="gather")
        self._kept = kept
        self._known: OrderedDict[tuple[str, str, str], Future[bytes | None]] = OrderedDict()
        self._lock = threading.Lock()

    def ask(self, client: Client, kind: str, record_id: str) -> Future[bytes | None]:
        """Have a picture fetched, unless it is here or on its way."""
        key = (client.backend, kind, record_id)
        with self._lock:
            known = self._known.get(key)
            if known is None or (known.done() and (known.exception() or known.result() is None)):
                known = self._known[key] = self._pool.submit(_KINDS[kind], client, record_id)
            self._known.move_to_end(key)
            while len(self._known) > self._kept:
                self._known.popitem(last=False)
        return known

    def ask_all(self, client: Client, kind: str, record_ids: Iterable[str]) -> None:
        """Have pictures fetched while the page does something else."""
        for record_id in record_ids:
            self.ask(client, kind, record_id)

    def get(self, client: Client, kind: str, record_id: str) -> bytes | None:
        """Return a picture; None where it is not kept (any longer). Raises `Failure`."""
        return self.ask(client, kind, record_id).result()


@st.cache_resource(show_spinner=False)
def gatherer() -> Gatherer:
    """Return the one gatherer of this dashboard."""
    return Gatherer()
