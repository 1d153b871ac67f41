"""`logs`: what the pods of an execution wrote, node for node."""

from __future__ import annotations

import threading
from typing import Any

from orchestrator.cli.connection import Cluster, Target
from orchestrator.cli.errors import UsageError
from orchestrator.cli.kinds import EXECUTIONS, PODS
from orchestrator.models.labels import ATTEMPT, EXECUTION_UID, NODE


def show_logs(
    target: Target,
    name: str,
    node: str | None,
    *,
    follow: bool,
    attempt: int | None,
    tail: int | None,
) -> int:
    """Print the logs in the order in which the attempts began."""
    cluster = target.connect()
    execution = cluster.get(EXECUTIONS, name)
    records = (execution.get("status") or {}).get("nodes") or {}
    if node is not None and node not in records:
        known = ", ".join(records) or "none yet"
        raise UsageError(f"{name} has no node {node} that has started; it has {known}")
    pods = [
        pod
        for pod in _pods(cluster, execution)
        if (node is None or _note(pod, NODE) == node)
        and (attempt is None or _note(pod, ATTEMPT) == str(attempt))
    ]
    _say_what_is_gone(records, pods, node)
    query = {"tailLines": str(tail)} if tail is not None else {}
    if follow:
        _follow(cluster, pods, query)
        return 0
    for pod in pods:
        _show(cluster, pod, query)
    return 0


def _pods(cluster: Cluster, execution: dict[str, Any]) -> list[dict[str, Any]]:
    selector = f"{EXECUTION_UID}={execution['metadata']['uid']}"
    items = cluster.list(PODS, query={"labelSelector": selector})["items"]
    return sorted(items, key=lambda pod: pod["metadata"]["creationTimestamp"])


def _note(pod: dict[str, Any], key: str) -> str:
    value: str = (pod["metadata"].get("annotations") or {}).get(key, "")
    return value


def _show(cluster: Cluster, pod: dict[str, Any], query: dict[str, str]) -> None:
    prefix = _note(pod, NODE)
    if int(_note(pod, ATTEMPT) or 1) > 1:
        prefix += f" #{_note(pod, ATTEMPT)}"
    path = f"{cluster.path(PODS, pod['metadata']['name'])}/log"
    try:
        for line in cluster.text(path, query, follow="follow" in query):
            print(f"{prefix} | {line}", flush=True)
    except UsageError as error:
        print(f"{prefix} | (no log: {error})", flush=True)


def _follow(cluster: Cluster, pods: list[dict[str, Any]], query: dict[str, str]) -> None:
    """All at once; each ends with its pod."""
    threads = [
        threading.Thread(
            target=_show, args=(cluster, pod, {**query, "follow": "true"}), daemon=True
        )
        for pod in pods
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _say_what_is_gone(
    records: dict[str, Any], pods: list[dict[str, Any]], node: str | None
) -> None:
    present = {_note(pod, NODE) for pod in pods}
    for name, record in records.items():
        if record.get("job") and name not in present and node in (None, name):
            print(f"{name} | (its pod is gone, and its log with it)")
