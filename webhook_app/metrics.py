"""``/metrics`` for Prometheus.

What web processes count themselves is kept by ``prometheus_client`` in files they share (set
``PROMETHEUS_MULTIPROC_DIR``; ``sprintwarden serve`` does), so it is right with several processes and
goes on while Redis is away. The rest is ``store_metrics``'.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from trackers.model import IgnoredBecause, RefusedBecause
from webhook_app.health import Check, ready

log = structlog.get_logger("metrics")

_DELIVERIES: Final = "sprintwarden_deliveries_total"
_DELIVERIES_TEXT: Final = "Webhook deliveries by what became of them."
_DELIVERIES_LABELS: Final = ("connection", "outcome", "reason")


class DeliveryCounter:
    """Counts answers by connection, outcome and reason. Fits ``intake.Count``."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._counter = Counter(
            _DELIVERIES,
            _DELIVERIES_TEXT,
            _DELIVERIES_LABELS,
            registry=registry,
        )
        self._children: dict[tuple[str, str, str], Counter] = {}

    def __call__(self, connection: str, outcome: str, reason: str, /) -> None:
        key = (connection, outcome, reason)
        child = self._children.get(key)
        if child is None:
            try:
                child = self._counter.labels(*key)
            except OSError as error:
                # The shared files cannot be written: a delivery is worth more than its count.
                log.warning("delivery not counted", error=error.strerror)
                return
            self._children[key] = child
        child.inc()


class DeliveryCollector(Collector):
    """What this machine's web processes counted together, and zero for every answer not yet given."""

    def __init__(self, own: CollectorRegistry, connections: Iterable[str]) -> None:
        self._own = own
        self._answers = tuple(_answers(connections))

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        several = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
        # Given no registry it registers nowhere.
        source = MultiProcessCollector(None) if several else self._own  # type: ignore[no-untyped-call]
        counted: dict[tuple[str, ...], float] = dict.fromkeys(self._answers, 0.0)
        for family in source.collect():
            for sample in family.samples:
                if sample.name == _DELIVERIES:
                    counted[tuple(sample.labels[name] for name in _DELIVERIES_LABELS)] = sample.value
        told = CounterMetricFamily(_DELIVERIES, _DELIVERIES_TEXT, labels=_DELIVERIES_LABELS)
        for answer, value in counted.items():
            told.add_metric(answer, value)
        yield told


class HealthCollector(Collector):
    """What ``/readyz`` would say."""

    def __init__(self, look: Callable[[], Iterable[Check]]) -> None:
        self._look = look

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        found = tuple(self._look())
        told = "1 while deliveries are to be sent here."
        yield GaugeMetricFamily("sprintwarden_ready", told, value=int(ready(found)))
        well = GaugeMetricFamily(
            "sprintwarden_check_ok", "Whether a check of /readyz is well, by its name.", labels=("check",)
        )
        for check in found:
            well.add_metric([check.name], int(check.ok))
        yield well


def render(*collectors: Collector) -> bytes:
    """The exposition text."""
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)
    return generate_latest(registry)


def _answers(connections: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """Every answer that the front door can give, as connection, outcome and reason."""
    nobody = RefusedBecause.UNKNOWN_CONNECTION
    for name in connections:
        yield from ((name, "queued", ""), (name, "queued", "late"), (name, "duplicate", ""))
        yield from ((name, "ignored", str(reason)) for reason in IgnoredBecause)
        yield from ((name, "refused", str(reason)) for reason in RefusedBecause if reason is not nobody)
    yield ("unknown", "refused", str(nobody))
