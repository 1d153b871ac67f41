"""`logs`: the output of an execution's pods, node by node."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from orchestrator.cli.clusters import DirectCluster, history_of
from orchestrator.cli.connection import Cluster, Raw, Target
from orchestrator.cli.terminal import say, say_log
from orchestrator.kube.resources import EXECUTIONS
from orchestrator.models.nearest import did_you_mean
from orchestrator.operations.records import is_from_history
from orchestrator.session.errors import UsageError
from orchestrator.session.log_follow import Follower
from orchestrator.session.node_logs import (
    DELETED,
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
    history = history_of(cluster)
    if history is not None:
        follows = follow and not is_from_history(execution)
        shown = _say_all(history.log_lines(execution, choice, gone=follows))
        if follows:
            _follow(cluster, execution, choice)
        elif not shown:
            _say_none(name, "log", choice)
        return 0
    every = pods_of(cluster, execution)
    gone = [] if choice.item is not None else list(missing(records, every, choice))
    for line in gone:
        say(line)
    if follow:
        _follow(cluster, execution, choice)
    else:
        chosen = [pod for pod in every if choice.takes_pod(pod, records)]
        _say_all(line.text for line in chosen_lines(cluster, chosen, choice))
        if not chosen:
            _say_none(name, "pod", choice)
    if isinstance(cluster, DirectCluster) and any(line.endswith(f"({DELETED})") for line in gone):
        say(f"a log is gone with its pod; {cluster.in_history(name)}", file=sys.stderr)
    return 0


def _say_all(lines: Iterable[str]) -> bool:
    """Whether there were any."""
    shown = False
    for line in lines:
        say_log(line)
        shown = True
    return shown


def _say_none(name: str, of: str, choice: Choice) -> None:
    if choice.failed or choice.item is not None:
        which = "that failed" if choice.failed else f"of item {choice.item}"
        say(f"{name} has no {of} {which}", file=sys.stderr)


def _follow(cluster: Cluster, execution: Raw, choice: Choice) -> None:
    def wanted(pod: Raw, state: Raw) -> str | None:
        records = (state.get("status") or {}).get("nodes") or {}
        return prefix_of(pod) if choice.takes_pod(pod, records) else None

    def warn(line: str) -> None:
        say(line, file=sys.stderr, flush=True)

    follower = Follower(cluster, say_log, warn, wanted=wanted, reading=choice.reading)
    follower.follow(execution, selector_of(execution))
