"""Time /healthz while slow clients and refused uploads lean on the server: `make bench-health`.

Server, attackers and stopwatch share one process, so the figures are on the harsh side.
"""

from __future__ import annotations

import contextlib
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from backend.settings import Settings
from backend.storage import open_repository
from tests.api.live import Live, live

SLOW_CLIENTS = 50
FLOODS = 2
REQUESTS = 300
BODY = "Content-Length: 20000000"
CHECK = "POST /api/v1/check HTTP/1.1"


@contextlib.contextmanager
def under_attack(server: Live) -> Iterator[None]:
    """Keep clients with a token dripping a body, and clients without one sending theirs."""
    stop = threading.Event()

    def drip() -> None:
        clients = [server.connect() for _ in range(SLOW_CLIENTS)]
        for client in clients:
            client.sendall(server.head(CHECK, server.bearer(), BODY))
        while not stop.wait(0.05):
            for client in clients:
                client.sendall(b"\xff" * 4000)
        for client in clients:
            client.close()

    def flood() -> None:
        while not stop.is_set():
            with server.connect() as client, contextlib.suppress(OSError):
                client.sendall(server.head(CHECK, BODY) + b"\xff" * 1_000_000)
                client.recv(2000)

    threads = [threading.Thread(target=work) for work in [drip, *[flood] * FLOODS]]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def time_health(server: Live) -> list[float]:
    """Return how long each of many requests took, in milliseconds, sorted."""
    elapsed_ms = []
    for _ in range(REQUESTS):
        started = time.perf_counter()
        assert server.ask("GET /healthz HTTP/1.1").status == 204
        elapsed_ms.append((time.perf_counter() - started) * 1000)
        time.sleep(0.005)
    return sorted(elapsed_ms)


def main() -> None:
    process = psutil.Process()
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home))
        repository = open_repository(settings)
        with live(settings, repository) as server:
            calm = time_health(server)
            before = process.memory_info().rss
            with under_attack(server):
                harassed = time_health(server)
            grown_mb = (process.memory_info().rss - before) / 1e6
        repository.close()
    for name, times in [("calm", calm), (f"{SLOW_CLIENTS} slow, {FLOODS} floods", harassed)]:
        p50, p99 = times[len(times) // 2], times[int(len(times) * 0.99)]
        print(f"{name:>20}: /healthz p50 {p50:.1f} ms, p99 {p99:.1f} ms")
    print(f"{'memory':>20}: {grown_mb:+.0f} MB")


if __name__ == "__main__":
    main()
