"""Pictures fetched ahead and kept a while, so that the next one is there before it is wanted."""

from __future__ import annotations

import threading
import time
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


_Key = tuple[str, str, str]
"""Backend, kind, id."""


def _came_to_nothing(coming: Future[bytes | None]) -> bool:
    return coming.done() and (coming.exception() is not None or coming.result() is None)


class Gatherer:
    """Fetches beside the page; what failed is forgotten and asked for anew.

    Nothing is kept for longer than five minutes: what was deleted at the backend must not live
    on here.
    """

    def __init__(
        self,
        workers: int = _WORKERS,
        kept: int = _KEPT,
        kept_s: float = 300.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="gather")
        self._kept = kept
        self._kept_s = kept_s
        self._clock = clock
        self._known: OrderedDict[_Key, tuple[float, Future[bytes | None]]] = OrderedDict()
        self._lock = threading.Lock()

    def ask(self, client: Client, kind: str, record_id: str) -> Future[bytes | None]:
        """Have a picture fetched, unless it is here or on its way."""
        key, now = (client.backend, kind, record_id), self._clock()
        with self._lock:
            while self._known and next(iter(self._known.values()))[0] <= now - self._kept_s:
                self._known.popitem(last=False)
            known = self._known.get(key)
            if known is not None and not _came_to_nothing(known[1]):
                return known[1]
            coming = self._pool.submit(_KINDS[kind], client, record_id)
            self._known.pop(key, None)
            self._known[key] = (now, coming)
            while len(self._known) > self._kept:
                self._known.popitem(last=False)
        return coming

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
