"""The metrics, labels and values in the PromQL expressions of the alerts and the dashboard."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from functools import cache

from dev.reference.metrics import everything
from orchestrator.api.metrics import CLASSES
from orchestrator.kube.errors import REASONS as ANSWERS
from orchestrator.models.execution import ExecutionPhase, NodePhase
from orchestrator.models.reasons import Reason
from orchestrator.receiver.metrics import UNKNOWN
from orchestrator.triggers.plan import Outcome
from orchestrator.triggers.registry import REGISTRY

TARGET_LABELS = frozenset({"instance", "job", "pod", "le"})
"""Labels that Prometheus itself adds, and that of a histogram's buckets."""
VALUES: Mapping[tuple[str, str], Collection[str]] = {
    ("executions", "phase"): [*ExecutionPhase],
    ("oldest_execution_creation_timestamp_seconds", "phase"): [*ExecutionPhase],
    ("executions_finished_total", "phase"): [*ExecutionPhase],
    ("nodes", "phase"): [*NodePhase],
    ("nodes", "reason"): [*Reason],
    ("oldest_node_start_timestamp_seconds", "phase"): [*NodePhase],
    ("oldest_node_start_timestamp_seconds", "reason"): [*Reason],
    ("trigger_events_total", "outcome"): [*Outcome],
    ("receiver_events_total", "outcome"): [*Outcome],
    ("receiver_requests_total", "type"): [*(each.key for each in REGISTRY.types), UNKNOWN],
    ("rest_api_requests_total", "code"): CLASSES,
    ("reconcile_errors_total", "reason"): [*ANSWERS, "Unexpected", "Other"],
}
"""The possible values of labels, where they are known."""
_PREFIX = "itechsmart_workflow_"
_SELECTOR = re.compile(rf"({_PREFIX}\w+)(?:\s*\{{([^}}]*)\}})?")
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
_GROUPED = re.compile(r"\b(?:by|on|group_left) \(([^)]*)\)")
_VARIABLES = {
    "$__rate_interval": "1m",
    "$__range": "1h",
    "$namespace": ".*",
    "$workflow": ".*",
}


def with_variables(query: str) -> str:
    """The query with the values that Grafana fills in."""
    for name, value in _VARIABLES.items():
        query = query.replace(name, value)
    return query


def metrics_of(query: str) -> set[str]:
    """The project's metrics in a query, by their names in the reference."""
    return {_documented(name) for name, _ in _SELECTOR.findall(query)}


def label_problems(query: str) -> list[str]:
    """The metrics, labels and values of a query that the project does not export."""
    return list(_problems(query))


def _problems(query: str) -> Iterator[str]:
    known = _labels()
    # A metric without a namespace of its own has that of the target, good for grouping only.
    exported: set[str] = {*TARGET_LABELS, "namespace"}
    for name, matchers in _SELECTOR.findall(query):
        metric = _documented(name)
        if metric not in known:
            yield f"no metric {name}"
            continue
        exported |= known[metric]
        for label, operator, value in _MATCHER.findall(matchers):
            if label not in known[metric] | TARGET_LABELS:
                yield f"has no label {label}"
                continue
            values = VALUES.get((metric.removeprefix(_PREFIX), label))
            parts = value.split("|") if operator in ("=~", "!~") else [value]
            for part in parts if values is not None and value != ".*" else ():
                if part not in (values or ()):
                    yield f"{label} is never {part}"
    for group in _GROUPED.findall(query):
        for label in (part.strip() for part in group.split(",")):
            if label not in exported:
                yield f"no label {label}"


def _documented(name: str) -> str:
    """A histogram's series by the histogram's name."""
    if name in _labels():
        return name
    return re.sub("_(bucket|sum|count)$", "", name)


@cache
def _labels() -> dict[str, frozenset[str]]:
    return {name: frozenset(labels) for name, _, labels, _ in everything()}
