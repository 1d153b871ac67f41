"""`logs`: what the pods of an execution wrote, node for node."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.cli.connection import READ, Cluster, Raw, Target
from orchestrator.cli.errors import ForbiddenError, UnreachableError, UsageError
from orchestrator.cli.following import Follower
from orchestrator.cli.kinds import EXECUTIONS, PODS
from orchestrator.cli.terminal import say, say_log
from orchestrator.jobs.context import node_and_attempt
from orchestrator.jobs.evidence import ACTION
from orchestrator.models.labels import EXECUTION_UID


@dataclass(frozen=True)
class Choice:
    """Which logs are wanted, and how much of each."""

    node: str | None = None
    attempt: int | None = None
    tail: int | None = None

    def takes(self, node: str, attempt: int) -> bool:
        """Whether an attempt of a node is wanted."""
        return self.node in (None, node) and self.attempt in (None, attempt)


def show_logs(target: Target, name: str, choice: Choice, *, follow: bool) -> int:
    """Print the logs in the order in which the attempts began."""
    cluster = target.connect()
    execution = cluster.get(EXECUTIONS, name)
    records = (execution.get("status") or {}).get("nodes") or {}
    if choice.node is not None and choice.node not in records and not follow:
        known = ", ".join(records) or "none yet"
        raise UsageError(
            f"{name} has no node {choice.node} that has started; it has started {known}"
        )
    every = _pods(cluster, execution)
    for line in missing(records, every, choice):
        say(line)
    if follow:
        _follow(cluster, execution, choice)
        return 0
    for pod in every:
        if choice.takes(*node_and_attempt(pod)):
            _show(cluster, pod, choice)
    return 0


def missing(records: Raw, pods: Sequence[Raw], choice: Choice) -> Iterator[str]:
    """A line for every attempt that is wanted and has no pod (any more)."""
    present = {node_and_attempt(pod) for pod in pods}
    for node, record in records.items():
        for attempt in range(1, record.get("attempts", 0) + 1):
            if "job" in record and choice.takes(node, attempt) and (node, attempt) not in present:
                waits = record["phase"] == "Pending" and attempt == record["attempts"]
                said = "its pod is not there yet" if waits else "its pod is gone, and its log"
                yield f"{_prefix(node, attempt)} | ({said})"


def _pods(cluster: Cluster, execution: Raw) -> list[Raw]:
    items: list[Raw] = cluster.list(PODS, query={"labelSelector": _selector(execution)})["items"]
    return sorted(items, key=_order)


def _selector(execution: Raw) -> str:
    return f"{EXECUTION_UID}={execution['metadata']['uid']}"


def _order(pod: Raw) -> Any:
    return pod["metadata"]["creationTimestamp"], *node_and_attempt(pod)


def _show(cluster: Cluster, pod: Raw, choice: Choice) -> None:
    prefix = _prefix(*node_and_attempt(pod))
    path = f"{cluster.path(PODS, pod['metadata']['name'])}/log"
    query = {"container": ACTION}  # a webhook may have injected others
    if choice.tail is not None:
        query["tailLines"] = str(choice.tail)
    try:
        for line in cluster.text(path, query, patience=READ):
            say_log(f"{prefix} | {line}")
    except (UnreachableError, ForbiddenError):
        raise
    except UsageError as error:
        say(f"{prefix} | (no log: {error})", flush=True)


def _follow(cluster: Cluster, execution: Raw, choice: Choice) -> None:
    def wanted(pod: Raw) -> str | None:
        node, attempt = node_and_attempt(pod)
        return _prefix(node, attempt) if choice.takes(node, attempt) else None

    def warn(line: str) -> None:
        say(line, file=sys.stderr, flush=True)

    follower = Follower(cluster, say_log, warn, wanted=wanted, tail=choice.tail)
    follower.follow(execution, _selector(execution))


def _prefix(node: str, attempt: int) -> str:
    return node if attempt == 1 else f"{node} #{attempt}"
