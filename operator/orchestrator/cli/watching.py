"""`watch`: an execution followed to its end, as a live tree or as plain lines."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, TextIO

from orchestrator.cli.connection import Cluster, Raw, Target
from orchestrator.cli.errors import ForbiddenError, UnreachableError, UsageError
from orchestrator.cli.kinds import EXECUTIONS, REVISIONS, WORKFLOWS
from orchestrator.cli.printing import now
from orchestrator.cli.terminal import say
from orchestrator.cli.tree import (
    EXIT_CODES,
    STYLES,
    Line,
    ending,
    fitting,
    lines,
    order,
    transitions,
)
from orchestrator.models.plaintext import plain_text

REFRESH = 0.125
"""Seconds between two pictures of the tree, so that durations and spinners run."""
PATIENCE = 60.0
"""Seconds for which an API server that stopped answering is asked again."""


def watch_execution(target: Target, name: str) -> int:
    """Follow an execution by name."""
    cluster = target.connect()
    return follow(cluster, cluster.get(EXECUTIONS, name))


def follow(cluster: Cluster, execution: Raw, stream: TextIO | None = None) -> int:
    """Follow an execution to its end on a stream (standard output); the code of its phase."""
    stream = stream or sys.stdout
    name = execution["metadata"]["name"]
    try:
        show = _as_tree if stream.isatty() else _as_lines
        final = show(cluster, execution, stream)
    except KeyboardInterrupt:
        say(f"\n{name} goes on; cancel it with: orchestrator cancel {name}", file=sys.stderr)
        return 130
    say(f"{name} {ending(final)}", file=stream)
    return EXIT_CODES[final["status"]["phase"]]


def _states(cluster: Cluster, execution: Raw) -> Iterator[Raw]:
    """The execution now and after each change, until it has ended."""
    name, uid = execution["metadata"]["name"], execution["metadata"]["uid"]
    answered = time.monotonic()
    yield execution
    while ending(execution) is None:
        try:
            version = execution["metadata"]["resourceVersion"]
            for execution in cluster.watch(EXECUTIONS, name, version):
                answered = time.monotonic()
                yield execution
                if ending(execution) is not None:
                    return
            execution = cluster.get(EXECUTIONS, name)
        except UnreachableError:
            if time.monotonic() - answered > PATIENCE:
                raise
            time.sleep(1)
            continue
        if execution["metadata"]["uid"] != uid:
            raise UsageError(f"{name} was deleted, and another of its name was made")
        answered = time.monotonic()
        yield execution


def _as_lines(cluster: Cluster, execution: Raw, stream: TextIO) -> Raw:
    before: Raw | None = None
    told = ""
    waits = "" if "phase" in (execution.get("status") or {}) else ", which waits for the operator"
    name, workflow = execution["metadata"]["name"], execution["spec"]["workflow"]
    say(f"{name}, a run of {workflow}{waits}", file=stream, flush=True)
    for state in _states(cluster, execution):
        status = state.get("status") or {}
        waiting = status.get("message", "") if status.get("phase") in ("Pending", "Queued") else ""
        if waiting and waiting != told:
            reason = status.get("reason", "")
            say(f"{status['phase']}  {reason}: {waiting}", file=stream, flush=True)
            told = waiting
        for line in transitions(before, state, now()):
            say(line, file=stream, flush=True)
        before = state
    assert before is not None
    return before


def _as_tree(cluster: Cluster, execution: Raw, stream: TextIO) -> Raw:
    from rich.console import Console
    from rich.live import Live

    latest = [execution]
    failure: list[Exception] = []
    done = threading.Event()

    def listen() -> None:
        try:
            for state in _states(cluster, execution):
                latest[0] = state
        except Exception as error:  # whatever it is, the reader's thread says it
            failure.append(error)
        finally:
            done.set()

    threading.Thread(target=listen, daemon=True).start()
    nodes: list[tuple[int, str]] = []
    with Live(console=Console(file=stream), auto_refresh=False) as live:
        while True:
            ended = done.wait(REFRESH)
            nodes = nodes or _order(cluster, latest[0])
            height = None if ended else live.console.height - 3
            live.update(_picture(nodes, latest[0], height), refresh=True)
            if ended:
                break
    if failure:
        raise failure[0]
    return latest[0]


def _order(cluster: Cluster, execution: Raw) -> list[tuple[int, str]]:
    """From the frozen revision; from the Workflow as it is where there is none to read."""
    revision = (execution.get("status") or {}).get("revision")
    if revision is None:
        return []
    try:
        frozen = cluster.find(REVISIONS, revision)
        if frozen is not None:
            return order(frozen["data"]["workflow"])
    except UsageError:
        pass  # who may watch executions need not be allowed to read revisions
    try:
        workflow = cluster.find(WORKFLOWS, execution["spec"]["workflow"])
    except ForbiddenError:
        return []
    return order(workflow["spec"]) if workflow else []


def _picture(nodes: list[tuple[int, str]], execution: Raw, height: int | None) -> Any:
    from rich.table import Table
    from rich.text import Text

    status, moment = execution.get("status") or {}, now()
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, justify="right")
    table.add_column(overflow="ellipsis", no_wrap=True)
    name, phase = execution["metadata"]["name"], status.get("phase", "Pending")
    said = Text(phase, STYLES.get(phase, ""))
    if phase in ("Pending", "Queued", "Paused"):
        said.append(f"  {plain_text(status.get('message', 'waits for the operator'))}", "dim")
    table.add_row(Text(name, "bold"), Text(status.get("progress", "")), said)
    drawn = lines(nodes, execution, moment)
    for line in drawn if height is None else fitting(drawn, height):
        table.add_row(_name(line, moment), Text(line.took), Text(plain_text(line.words), "dim"))
    return table


def _name(line: Line, moment: float) -> Any:
    from rich.text import Text

    text = Text("  " * min(line.depth, 12))
    text.append(f"{line.symbol(moment)} ", line.style)
    text.append(line.name, "" if line.phase else "dim")
    return text
