"""What Prometheus is told of a service."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

CONTENT_TYPE = CONTENT_TYPE_LATEST
"""The content type of `Measured.text`."""

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128)


class Measured:
    """Counters of one service, in a registry of their own.

    Args:
        waiting: number of photographs that wait or are looked at.
    """

    def __init__(self, waiting: Callable[[], float]) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "corrosion_requests",
            "Requests by path and status.",
            ["path", "status"],
            registry=self._registry,
        )
        self.seconds = Histogram(
            "corrosion_request_seconds",
            "Seconds from a request's headers to the end of its answer, by path.",
            ["path"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.photographs = Counter(
            "corrosion_photographs",
            "Photographs by decision.",
            ["decision"],
            registry=self._registry,
        )
        self.batch_size = Histogram(
            "corrosion_batch_size",
            "Photographs that the network sees at once.",
            buckets=_SIZES,
            registry=self._registry,
        )
        Gauge(
            "corrosion_waiting",
            "Photographs that are read, wait or are looked at.",
            registry=self._registry,
        ).set_function(waiting)
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        """All of it, in Prometheus' text format."""
        return generate_latest(self._registry)
