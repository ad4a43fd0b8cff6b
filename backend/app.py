"""The composition root: everything is wired here, and nothing anywhere at import."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from flask import Flask

from backend.access import PairingDesk, local_dashboard_token
from backend.api import build
from backend.errors import BrushmarkError, NoModel
from backend.homelock import only_backend
from backend.model.judge import Judge
from backend.model.processor import usable_cores
from backend.service import FETCHES, Service
from backend.settings import Settings
from backend.storage.images import ImageStore
from backend.storage.repository import Repository

log = logging.getLogger(__name__)

WAITING = 16
"""How many pictures may wait to be judged before the server says it is busy."""
_SPARE_THREADS = 8
_HEALTH_THREADS = 2
_RETENTION_EVERY_S = 3600.0


def create_app(
    settings: Settings,
    *,
    repository: Repository | None = None,
    images: ImageStore | None = None,
    judge: Judge | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Flask:
    """Wire an app; what is not given is opened and loaded by the settings.

    An app without weights starts all the same: its checks answer `no_model`.

    Raises:
        BadSetting, StoreUnavailable, StoreDamaged: the home cannot be used.
    """
    if repository is None:
        from backend.storage import open_repository

        repository = open_repository(settings)
    service = Service(
        settings,
        repository,
        images or ImageStore(settings.images_path),
        judge or _load(settings),
        slots=_slots(),
        waiting=WAITING,
    )
    desk = PairingDesk(repository, clock=clock)
    return build.build_app(service, desk, threads=_threads() - _HEALTH_THREADS, clock=clock)


def _load(settings: Settings) -> Judge | None:
    from backend.model.registry import load_judge

    try:
        return load_judge(settings)
    except NoModel as error:
        log.error("no model is served: %s", error)
        return None


def _slots() -> int:
    return min(8, max(2, usable_cores()))


def _threads() -> int:
    # Whoever judges, waits to judge or fetches holds a thread; some more stay for the rest.
    return _slots() + WAITING + FETCHES + _SPARE_THREADS


def serve(
    settings: Settings,
    public: bool = False,
    on_ready: Callable[[str], None] | None = None,
    stop: threading.Event | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM, or until `stop` is set; finishes requests in flight.

    Args:
        settings: what to serve; port 0 takes any free port.
        public: open POST /check to visitors, under limits, with nothing kept.
        on_ready: called with the server's address once it answers.
        stop: ends the server when set, for where signals do not reach.

    Raises:
        AlreadyRunning: another backend serves this home, or the port is taken.
        BadSetting, StoreUnavailable, StoreDamaged: the home cannot be used.
    """
    from backend.api.server import HttpServer, listening

    if public and not settings.public:
        settings = replace(settings, public=True, url_fetch=False)
    settings.prepare_home()
    with ExitStack() as stack:
        stack.enter_context(only_backend(settings))
        listener = stack.enter_context(listening(settings.host, settings.port))
        settings = replace(settings, port=listener.getsockname()[1])
        app = create_app(settings)
        service = build.service_of(app)
        exports = build.exports_of(app)
        imports = build.imports_of(app)
        exports.shelf.recover()
        imports.recover()
        stack.callback(service.close)
        stack.callback(exports.close)
        stack.callback(imports.close)
        local_dashboard_token(settings, service.repository)
        server = HttpServer(app, listener, threads=_threads())
        stack.enter_context(_retention(service.expire, exports.shelf.tidy))
        stack.enter_context(build.releases_of(app).following())
        stack.enter_context(_stopping(server.stop, stop))
        log.info("serving", extra={"port": settings.port, "public": settings.public})
        if on_ready is not None:
            on_ready(address(settings))
        server.run()


def address(settings: Settings) -> str:
    """Return where a browser on this machine finds the server."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)  # noqa: S104
    return f"http://{f'[{host}]' if ':' in host and '[' not in host else host}:{settings.port}"


@contextmanager
def _retention(*chores: Callable[[], object]) -> Iterator[None]:
    """Let go of what is past its time, at the start and every hour, beside the server."""
    ended = threading.Event()

    def work() -> None:
        while True:
            for chore in chores:
                try:
                    chore()
                except BrushmarkError as error:
                    log.warning("retention could not be applied: %s", error)
            if ended.wait(_RETENTION_EVERY_S):
                return

    thread = threading.Thread(target=work, name="retention", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(timeout=5)


@contextmanager
def _stopping(end: Callable[[], None], stop: threading.Event | None) -> Iterator[None]:
    """Call `end` on the first SIGINT or SIGTERM, or when `stop` is set; a second one kills."""
    if stop is not None:
        threading.Thread(target=_when, args=(stop, end), daemon=True).start()
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def handle(number: int, frame: object) -> None:
        for each, handler in before.items():
            signal.signal(each, handler)
        end()

    for number in before:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _when(event: threading.Event, act: Callable[[], None]) -> None:
    event.wait()
    act()
