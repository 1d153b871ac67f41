"""`logs`: the output of an execution's pods, node by node."""

from __future__ import annotations

import sys

from orchestrator.cli.connection import Cluster, Raw, Target
from orchestrator.cli.terminal import say, say_log
from orchestrator.kube.resources import EXECUTIONS
from orchestrator.models.nearest import did_you_mean
from orchestrator.session.errors import UsageError
from orchestrator.session.log_follow import Follower
from orchestrator.session.node_logs import (
    Choice,
    chosen_lines,
    missing,
    pods_of,
    prefix_of,
    selector_of,
)


def show_logs(target: Target, name: str, choice: Choice, *, follow: bool) -> int:
    """Print the logs, the lines of all pods in the order in which they were written."""
    cluster = target.connect()
    execution = cluster.get(EXECUTIONS, name)
    name = execution["metadata"]["name"]
    records = (execution.get("status") or {}).get("nodes") or {}
    if choice.node is not None and choice.node not in records and not follow:
        known = ", ".join(records) or "none yet"
        hint = did_you_mean(choice.node, list(records))
        raise UsageError(
            f"{name} has no node {choice.node} that has started; it has started {known}{hint}"
        )
    every = pods_of(cluster, execution)
    if choice.item is None:
        for gone in missing(records, every, choice):
            say(gone)
    if follow:
        _follow(cluster, execution, choice)
        return 0
    chosen = [pod for pod in every if choice.takes_pod(pod, records)]
    for line in chosen_lines(cluster, chosen, choice):
        say_log(line.text)
    if not chosen and (choice.failed or choice.item is not None):
        which = "that failed" if choice.failed else f"of item {choice.item}"
        say(f"{name} has no pod {which}", file=sys.stderr)
    return 0


def _follow(cluster: Cluster, execution: Raw, choice: Choice) -> None:
    def wanted(pod: Raw, state: Raw) -> str | None:
        records = (state.get("status") or {}).get("nodes") or {}
        return prefix_of(pod) if choice.takes_pod(pod, records) else None

    def warn(line: str) -> None:
        say(line, file=sys.stderr, flush=True)

    follower = Follower(cluster, say_log, warn, wanted=wanted, reading=choice.reading)
    follower.follow(execution, selector_of(execution))
