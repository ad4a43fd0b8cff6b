"""Prometheus metrics of one app, in a registry of its own."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from backend.service import Service

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


class Metrics:
    """Requests by route and status, how long they took, checks by outcome, the queue."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Counter(
            "brushmark_requests",
            "Requests by route and status.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._latency = Histogram(
            "brushmark_request_seconds",
            "Time to answer, by route.",
            ("method", "route"),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._checks = Counter(
            "brushmark_checks", "Checks by outcome.", ("outcome",), registry=self._registry
        )
        self._model = Gauge(
            "brushmark_model", "The served model version.", ("version",), registry=self._registry
        )
        queue = Gauge(
            "brushmark_queue_pictures",
            "Pictures that are being checked or wait for it.",
            registry=self._registry,
        )
        queue.set_function(lambda: service.queue.length)

    def count_request(self, method: str, route: str, status: int, elapsed_s: float) -> None:
        """Count an answered request."""
        self._requests.labels(method, route, str(status)).inc()
        self._latency.labels(method, route).observe(elapsed_s)

    def count_check(self, outcome: str) -> None:
        """Count a verdict."""
        self._checks.labels(outcome).inc()

    def render(self) -> bytes:
        """Write everything in Prometheus' text format."""
        self._model.clear()
        if self._service.judge is not None:
            self._model.labels(self._service.judge.ref.version).set(1)
        return generate_latest(self._registry)
