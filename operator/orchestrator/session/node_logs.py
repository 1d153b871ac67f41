"""Which logs of an execution's pods are read, and the lines of each."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
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

DELETED = "its pod was deleted, and its log with it"
_BAD = ("Failed", "TimedOut")
_NO_LOGS: Mapping[str, Log] = {}


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
        failed = has_ended(pod) and not has_succeeded(pod)
        return self.takes_log(node, attempt, index_of(pod), records, failed=failed)

    def takes_log(
        self, node: str, attempt: int, item: int | None, records: Raw, *, failed: bool
    ) -> bool:
        """Whether the log of an attempt or an item is selected; `failed` if its action failed."""
        if not self.takes(node, attempt) or self.item not in (None, item):
            return False
        return not self.failed or failed or _has_failed(item, records.get(node) or {}, attempt)


def _has_failed(item: int | None, record: Raw, attempt: int) -> bool:
    """Whether an attempt or an item of a fan-out failed because of what it left behind, such as
    invalid outputs."""
    if item is not None:
        return item in parse_ranges(record.get("failed") or "")
    return record.get("phase") in _BAD and record.get("attempts", 1) == attempt


def missing(
    records: Raw, pods: Sequence[Raw], choice: Choice, kept: Collection[tuple[str, int]] = ()
) -> Iterator[str]:
    """A line for every selected attempt that has no pod (any more), and of which no log is kept."""
    present = {node_and_attempt(pod) for pod in pods}.union(kept)
    for node, record in records.items():
        if choice.failed and record["phase"] not in _BAD:
            continue
        for attempt in range(1, record.get("attempts", 0) + 1):
            if "job" in record and choice.takes(node, attempt) and (node, attempt) not in present:
                waits = record["phase"] == "Pending" and attempt == record["attempts"]
                said = "its pod does not exist yet" if waits else DELETED
                yield f"{prefix(node, attempt, None)} | ({said})"


def chosen_lines(
    cluster: Cluster,
    pods: Sequence[Raw],
    choice: Choice,
    kept: Sequence[Log] = (),
    instead: Mapping[str, Log] = _NO_LOGS,
) -> Iterator[Line]:
    """The lines of these pods in the order in which they were written, with logs that are kept.

    `instead` has kept logs by the uid of their pod, for pods whose own logs cannot be read.
    """
    logs = [
        Log(
            from_rfc3339(pod["metadata"]["creationTimestamp"]),
            partial(read_log, cluster, pod, choice, instead.get(pod["metadata"]["uid"])),
        )
        for pod in pods
    ]
    return merged([*logs, *kept])


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


def read_log(
    cluster: Cluster, pod: Raw, choice: Choice, instead: Log | None = None
) -> Iterator[Line]:
    """The lines of a pod; if it has no log, those that are kept, or a line that says so.

    Raises UnreachableError and ForbiddenError.
    """
    before, reading = prefix_of(pod), choice.reading
    path = cluster.path(PODS, pod["metadata"]["name"], "log")
    at = created = from_rfc3339(pod["metadata"]["creationTimestamp"])
    try:
        for raw in cluster.text(path, reading.query(), silence=READ_SECONDS):
            line = read_line(raw, at, timestamps=reading.timestamps)
            at = line.at
            yield Line(at, f"{before} | {line.text}")
    except (UnreachableError, ForbiddenError):
        raise
    except UsageError as error:
        if instead is not None and at == created:
            yield from instead.open()
            return
        yield Line(at, f"{before} | (no log: {plain_text(str(error))})")


def prefix_of(pod: Raw) -> str:
    """The prefix for each line of a pod."""
    return prefix(*node_and_attempt(pod), index_of(pod))


def prefix(node: str, attempt: int, item: int | None) -> str:
    """`deploy`, `deploy #2` for a second attempt, `deploy[7]` for an item."""
    where = node if item is None else f"{node}[{item}]"
    return where if attempt == 1 else f"{where} #{attempt}"
