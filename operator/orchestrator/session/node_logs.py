"""Which logs of an execution's pods are read, and the lines of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from orchestrator.engine.ranges import parse_ranges
from orchestrator.engine.times import from_rfc3339
from orchestrator.jobs.context import node_and_attempt
from orchestrator.jobs.evidence import has_ended, has_succeeded
from orchestrator.jobs.fan_out_status import index_of
from orchestrator.kube.resources import PODS
from orchestrator.models.labels import EXECUTION_UID
from orchestrator.models.plain_text import plain_text
from orchestrator.session.cluster import READ_SECONDS, Cluster, Raw
from orchestrator.session.errors import ForbiddenError, UnreachableError, UsageError
from orchestrator.session.log_follow import Reading
from orchestrator.session.log_merge import Line, Log, merged, read_line

_BAD = ("Failed", "TimedOut")


@dataclass(frozen=True)
class Choice:
    """Which logs to show, and how much of each."""

    node: str | None = None
    attempt: int | None = None
    item: int | None = None
    failed: bool = False
    reading: Reading = field(default_factory=Reading)

    def takes(self, node: str, attempt: int) -> bool:
        """Whether an attempt of a node is selected."""
        return self.node in (None, node) and self.attempt in (None, attempt)

    def takes_pod(self, pod: Raw, records: Raw) -> bool:
        """Whether the log of a pod is selected, given the node's record."""
        node, attempt = node_and_attempt(pod)
        if not self.takes(node, attempt) or self.item not in (None, index_of(pod)):
            return False
        return not self.failed or _has_failed(pod, records.get(node) or {}, attempt)


def _has_failed(pod: Raw, record: Raw, attempt: int) -> bool:
    """Whether an attempt or an item of a fan-out failed: by its exit code, or because of what it
    left behind, such as invalid outputs."""
    if has_ended(pod) and not has_succeeded(pod):
        return True
    if (item := index_of(pod)) is not None:
        return item in parse_ranges(record.get("failed") or "")
    return record.get("phase") in _BAD and record.get("attempts", 1) == attempt


def missing(records: Raw, pods: Sequence[Raw], choice: Choice) -> Iterator[str]:
    """A line for every selected attempt that has no pod (any more)."""
    present = {node_and_attempt(pod) for pod in pods}
    for node, record in records.items():
        if choice.failed and record["phase"] not in _BAD:
            continue
        for attempt in range(1, record.get("attempts", 0) + 1):
            if "job" in record and choice.takes(node, attempt) and (node, attempt) not in present:
                waits = record["phase"] == "Pending" and attempt == record["attempts"]
                said = (
                    "its pod does not exist yet"
                    if waits
                    else "its pod was deleted, and its log with it"
                )
                yield f"{prefix(node, attempt, None)} | ({said})"


def chosen_lines(cluster: Cluster, pods: Sequence[Raw], choice: Choice) -> Iterator[Line]:
    """The lines of these pods in the order in which they were written."""
    logs = [
        Log(
            from_rfc3339(pod["metadata"]["creationTimestamp"]),
            partial(read_log, cluster, pod, choice),
        )
        for pod in pods
    ]
    return merged(logs)


def pods_of(cluster: Cluster, execution: Raw) -> list[Raw]:
    """The pods of an execution, in order."""
    items: list[Raw] = cluster.list(PODS, query={"labelSelector": selector_of(execution)})["items"]
    return in_order(items)


def in_order(pods: Sequence[Raw]) -> list[Raw]:
    """Sorted by the start of their attempts; those of a fan-out, which start as slots become free,
    by item."""
    begun: dict[tuple[str, int], str] = {}
    for pod in pods:
        attempt, created = node_and_attempt(pod), pod["metadata"]["creationTimestamp"]
        begun[attempt] = min(begun.get(attempt, created), created)

    def key(pod: Raw) -> tuple[Any, ...]:
        attempt, index = node_and_attempt(pod), index_of(pod)
        created = pod["metadata"]["creationTimestamp"]
        return begun[attempt], *attempt, -1 if index is None else index, created

    return sorted(pods, key=key)


def selector_of(execution: Raw) -> str:
    """The label selector for the pods of an execution."""
    return f"{EXECUTION_UID}={execution['metadata']['uid']}"


def read_log(cluster: Cluster, pod: Raw, choice: Choice) -> Iterator[Line]:
    """The lines of a pod, or a line that it has no log. Raises UnreachableError and
    ForbiddenError."""
    before, reading = prefix_of(pod), choice.reading
    path = cluster.path(PODS, pod["metadata"]["name"], "log")
    at = from_rfc3339(pod["metadata"]["creationTimestamp"])
    try:
        for raw in cluster.text(path, reading.query(), silence=READ_SECONDS):
            line = read_line(raw, at, timestamps=reading.timestamps)
            at = line.at
            yield Line(at, f"{before} | {line.text}")
    except (UnreachableError, ForbiddenError):
        raise
    except UsageError as error:
        yield Line(at, f"{before} | (no log: {plain_text(str(error))})")


def prefix_of(pod: Raw) -> str:
    """The prefix for each line of a pod."""
    return prefix(*node_and_attempt(pod), index_of(pod))


def prefix(node: str, attempt: int, item: int | None) -> str:
    """`deploy`, `deploy #2` for a second attempt, `deploy[7]` for an item."""
    where = node if item is None else f"{node}[{item}]"
    return where if attempt == 1 else f"{where} #{attempt}"
