"""A closed loop of clients: each asks, waits for the answer, and asks again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Timings:
    """What a run of the loop took: each answer, and all of it from first to last."""

    latencies_s: tuple[float, ...]
    elapsed_s: float

    @property
    def images_per_s(self) -> float:
        """Answers a second, all clients together."""
        return len(self.latencies_s) / self.elapsed_s


def closed_loop(
    clients: int, work: Sequence[T], client: Callable[[], Callable[[T], None]]
) -> Timings:
    """Deal the work out to clients, start them together, and time each answer.

    Args:
        clients: how many ask at a time.
        work: what is asked, each once.
        client: makes a client before the clock starts; it takes one piece and returns when the
            answer is complete.

    Raises:
        Exception: whatever a client raised first; its figures would mean nothing.
    """
    latencies: list[float] = []
    failures: list[BaseException] = []
    gate = threading.Barrier(clients + 1)

    def ask(share: Sequence[T]) -> None:
        try:
            send = client()
            gate.wait()
            for piece in share:
                started = time.perf_counter()
                send(piece)
                latencies.append(time.perf_counter() - started)
        except BaseException as error:
            failures.append(error)
            gate.abort()

    threads = [threading.Thread(target=ask, args=(work[n::clients],)) for n in range(clients)]
    for thread in threads:
        thread.start()
    with suppress(threading.BrokenBarrierError):
        gate.wait()
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    elapsed_s = time.perf_counter() - started
    if failures:
        raise next((f for f in failures if not _is_echo(f)), failures[0])
    return Timings(tuple(latencies), elapsed_s)


def _is_echo(error: BaseException) -> bool:
    """Say whether a client failed only because another one did."""
    return isinstance(error, threading.BrokenBarrierError)
