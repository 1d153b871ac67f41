"""Delivers the spans of ended executions to a collector, by OTLP over HTTP.

What the recorder has not marked as recorded is delivered again after a restart, with the same ids.
A collector that is unreachable holds up nothing but the mark, and that for ten minutes.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import version
from typing import Any, Protocol

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import (
    SERVICE_NAME,
    SERVICE_VERSION,
    OTELResourceDetector,
    Resource,
)
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from orchestrator.engine.lifecycle.retention import ended_at
from orchestrator.process.bounded_set import BoundedSet
from orchestrator.tracing.spans import spans_of

logger = logging.getLogger(__name__)

BATCH = 512
"""Spans of a request, at least, if there are so many."""
GIVE_UP_SECONDS = 600.0
"""Seconds after its end for which an execution waits for the collector."""
EXPORT_SECONDS = 5.0
"""Seconds for which a request is repeated at once."""
FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 1.0, 60.0
"""Pause after a request that failed, doubled each time."""
MAX_DELIVERED = 100_000
"""Executions that are remembered as delivered."""

Raw = Mapping[str, Any]


class Outcomes(Protocol):
    """What is counted."""

    def spans_exported(self, spans: int) -> None:
        """The collector has taken spans."""

    def spans_failed(self) -> None:
        """A request failed."""

    def spans_dropped(self, executions: int) -> None:
        """The collector was away for too long after the end of executions."""


class SpanDelivery:
    """Not safe for concurrent calls."""

    def __init__(
        self,
        exporter: SpanExporter,
        outcomes: Outcomes,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._exporter = exporter
        self._outcomes = outcomes
        self._clock = clock
        self._monotonic = monotonic
        self._resource = _resource()
        self._delivered: BoundedSet[str] = BoundedSet(MAX_DELIVERED)
        self._pause = FIRST_PAUSE_SECONDS
        self._retry_at: float | None = None

    @property
    def pause(self) -> float:
        """Seconds until the collector is asked again; 0 if the last request succeeded."""
        if self._retry_at is None:
            return 0.0
        return max(0.0, self._retry_at - self._monotonic())

    async def deliver(self, raws: Iterable[Raw]) -> set[str]:
        """Deliver the spans of ended executions; the uids of those that wait for the collector."""
        new = [raw for raw in raws if raw["metadata"]["uid"] not in self._delivered]
        undelivered: list[Raw] = []
        for group, spans in _grouped(new, self._resource):
            if spans and (self.pause or not await self._export(spans)):
                undelivered += group
                continue
            for raw in group:
                self._delivered.add(raw["metadata"]["uid"])
        waiting = [raw for raw in undelivered if not self._is_given_up(raw)]
        if dropped := len(undelivered) - len(waiting):
            self._outcomes.spans_dropped(dropped)
        return {raw["metadata"]["uid"] for raw in waiting}

    async def close(self) -> None:
        """Release the connections."""
        await asyncio.to_thread(self._exporter.shutdown)

    async def _export(self, spans: list[ReadableSpan]) -> bool:
        result = await asyncio.to_thread(self._exporter.export, spans)
        if result is SpanExportResult.SUCCESS:
            self._outcomes.spans_exported(len(spans))
            if self._retry_at is not None:
                logger.info("the collector of traces takes spans again")
            self._pause, self._retry_at = FIRST_PAUSE_SECONDS, None
            return True
        self._outcomes.spans_failed()
        if self._retry_at is None:
            logger.warning("the collector of traces does not take spans; they are sent again")
        self._retry_at = self._monotonic() + self._pause
        self._pause = min(2 * self._pause, MAX_PAUSE_SECONDS)
        return False

    def _is_given_up(self, raw: Raw) -> bool:
        ended = ended_at(raw["status"])
        return ended is None or self._clock() - ended > GIVE_UP_SECONDS


def otlp_exporter(endpoint: str) -> SpanExporter:
    """An exporter to the URL of a collector, such as http://collector:4318.

    The environment variables OTEL_EXPORTER_OTLP_HEADERS, …_CERTIFICATE, …_CLIENT_CERTIFICATE,
    …_CLIENT_KEY and …_COMPRESSION apply.
    """
    url = endpoint.rstrip("/")
    if not url.endswith("/v1/traces"):
        url += "/v1/traces"
    return OTLPSpanExporter(endpoint=url, timeout=EXPORT_SECONDS)


def _resource() -> Resource:
    """What the spans say of us; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES add to it."""
    own = {
        SERVICE_NAME: "itechsmart-workflow",
        SERVICE_VERSION: version("itechsmart-workflow"),
    }
    return Resource(own).merge(OTELResourceDetector().detect())


def _grouped(
    raws: Iterable[Raw], resource: Resource
) -> Iterator[tuple[list[Raw], list[ReadableSpan]]]:
    """Executions with their spans, as many as one request takes."""
    group: list[Raw] = []
    spans: list[ReadableSpan] = []
    for raw in raws:
        group.append(raw)
        try:
            spans += spans_of(raw, resource)
        except Exception:  # what users write into one execution must not hold up the others
            where = f"{raw['metadata']['namespace']}/{raw['metadata']['name']}"
            logger.exception("the execution %s has no spans", where)
        if len(spans) >= BATCH:
            yield group, spans
            group, spans = [], []
    if group:
        yield group, spans
