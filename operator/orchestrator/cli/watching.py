"""`watch`: an execution followed to its end, as a live tree or as plain lines."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from typing import Any

from orchestrator.cli.connection import Cluster, Target
from orchestrator.cli.errors import UsageError
from orchestrator.cli.kinds import EXECUTIONS, REVISIONS, WORKFLOWS
from orchestrator.cli.printing import now
from orchestrator.cli.tree import EXIT_CODES, Line, ending, lines, order, transitions

REFRESH = 0.25
"""Seconds between two pictures of the tree, so that durations run."""


def watch_execution(target: Target, name: str) -> int:
    """Follow an execution by name."""
    cluster = target.connect()
    return follow(cluster, cluster.get(EXECUTIONS, name))


def follow(cluster: Cluster, execution: dict[str, Any]) -> int:
    """Follow an execution to its end; the exit code of its phase."""
    name = execution["metadata"]["name"]
    try:
        live = sys.stdout.isatty()
        final = _as_tree(cluster, execution) if live else _as_lines(cluster, execution)
    except KeyboardInterrupt:
        print(f"\n{name} goes on; cancel it with: orchestrator cancel {name}", file=sys.stderr)
        return 130
    print(f"{name} {ending(final)}")
    return EXIT_CODES[final["status"]["phase"]]


def _states(cluster: Cluster, execution: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The execution now and after each change, until it has ended."""
    name = execution["metadata"]["name"]
    yield execution
    while ending(execution) is None:
        version = execution["metadata"]["resourceVersion"]
        for execution in cluster.watch(EXECUTIONS, name, version):
            yield execution
            if ending(execution) is not None:
                return
        execution = cluster.get(EXECUTIONS, name)
        yield execution


def _as_lines(cluster: Cluster, execution: dict[str, Any]) -> dict[str, Any]:
    before: dict[str, Any] | None = None
    told = ""
    for state in _states(cluster, execution):
        status = state.get("status") or {}
        waiting = status.get("message", "") if status.get("phase") in ("Pending", "Queued") else ""
        if waiting and waiting != told:
            print(f"{status['phase']}  {status.get('reason', '')}: {waiting}", flush=True)
            told = waiting
        for line in transitions(before, state, now()):
            print(line, flush=True)
        before = state
    assert before is not None
    return before


def _as_tree(cluster: Cluster, execution: dict[str, Any]) -> dict[str, Any]:
    from rich.live import Live

    latest = [execution]
    failure: list[BaseException] = []
    done = threading.Event()

    def listen() -> None:
        try:
            for state in _states(cluster, execution):
                latest[0] = state
        except (UsageError, OSError, ValueError) as error:
            failure.append(error)
        finally:
            done.set()

    threading.Thread(target=listen, daemon=True).start()
    nodes: list[tuple[int, str]] = []
    with Live(auto_refresh=False) as live:
        while True:
            ended = done.wait(REFRESH)
            nodes = nodes or _order(cluster, latest[0])
            live.update(_picture(nodes, latest[0]), refresh=True)
            if ended:
                break
    if failure:
        raise failure[0]
    return latest[0]


def _order(cluster: Cluster, execution: dict[str, Any]) -> list[tuple[int, str]]:
    """From the frozen revision; from the Workflow as it is where there is none to read."""
    revision = (execution.get("status") or {}).get("revision")
    if revision is None:
        return []
    frozen = cluster.find(REVISIONS, revision)
    if frozen is not None:
        return order(frozen["data"]["workflow"])
    workflow = cluster.find(WORKFLOWS, execution["spec"]["workflow"])
    return order(workflow["spec"]) if workflow else []


def _picture(nodes: list[tuple[int, str]], execution: dict[str, Any]) -> Any:
    from rich.table import Table
    from rich.text import Text

    status = execution.get("status") or {}
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, justify="right")
    table.add_column(overflow="ellipsis", no_wrap=True)
    name, phase = execution["metadata"]["name"], status.get("phase", "Pending")
    table.add_row(Text(name, "bold"), Text(status.get("progress", "")), Text(phase))
    if not nodes:
        table.add_row(Text(""), Text(""), Text(status.get("message", "waits for the operator")))
    for line in lines(nodes, execution, now()):
        table.add_row(_name(line), Text(line.took), Text(line.words, "dim"))
    return table


def _name(line: Line) -> Any:
    from rich.text import Text

    text = Text("  " * min(line.depth, 12))
    text.append(f"{line.symbol} ", line.style)
    text.append(line.name, "" if line.phase else "dim")
    return text
