"""The metrics of the REST API, for Prometheus.

Labels have the template of a route, such as `/automation/executions/{id}`, and nothing that a
caller chooses. `rest_api` in their names: `api` is the API server in those of the operator.
"""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

PREFIX = "itechsmart_workflow"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
OTHER = "other"
"""The method in the labels of a request with another one."""
NO_ROUTE = "none"
"""The route in the labels of a request that was refused before any route, or for which there is
none."""
LIMITS = ("rate", "requests", "streams", "bodies", "body")
"""Limits that refuse requests: of requests a second; of requests, streams and arriving bodies at a
time; and of the size of a body."""
CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")
"""Classes of status codes (RFC 9110, section 15)."""
_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)


class ApiMetrics:
    """In the registry of the process that serves."""

    def __init__(self, registry: CollectorRegistry, version: str = "") -> None:
        ProcessCollector(namespace=f"{PREFIX}_rest_api", registry=registry)
        build = Gauge(
            "rest_api_build_info",
            "Always 1; the label is the version of the REST API.",
            ["version"],
            namespace=PREFIX,
            registry=registry,
        )
        build.labels(version).set(1)
        self._requests = Counter(
            "rest_api_requests_total",
            "Requests that were answered, by method, template of the route and class of the status "
            "code, such as 2xx; without those of probes. The route is none where none was reached.",
            ["method", "route", "code"],
            namespace=PREFIX,
            registry=registry,
        )
        self._durations = Histogram(
            "rest_api_request_duration_seconds",
            "Time from the headers of a request to the end of its answer, by method and template "
            "of the route; without streams.",
            ["method", "route"],
            buckets=_SECONDS,
            namespace=PREFIX,
            registry=registry,
        )
        self._refused = Counter(
            "rest_api_requests_refused_total",
            "Requests that a limit refused: rate; requests, streams or bodies at a time; or body, "
            "its size.",
            ["limit"],
            namespace=PREFIX,
            registry=registry,
        )
        self._without_history = Counter(
            "rest_api_history_unavailable_total",
            "Answers without the history, because its database could not be used.",
            namespace=PREFIX,
            registry=registry,
        )
        self._streams = Gauge(
            "rest_api_open_streams",
            "Open streams of events and logs.",
            namespace=PREFIX,
            registry=registry,
        )
        for limit in LIMITS:
            self._refused.labels(limit)

    def observe(self, open_streams: Callable[[], float]) -> None:
        """Read the number of open streams when it is asked for."""
        self._streams.set_function(open_streams)

    def answered(self, method: str, route: str, status: int) -> None:
        """The answer to a request begins."""
        self._requests.labels(_known(method), route, f"{status // 100}xx").inc()

    def took(self, method: str, route: str, seconds: float) -> None:
        """An answer that is no stream has ended."""
        self._durations.labels(_known(method), route).observe(seconds)

    def refused(self, limit: str) -> None:
        """A limit refused a request."""
        self._refused.labels(limit).inc()

    def without_history(self) -> None:
        """An answer leaves out the history, or is an error, because of its database."""
        self._without_history.inc()


def _known(method: str) -> str:
    return method if method in METHODS else OTHER
