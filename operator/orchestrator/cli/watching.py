"""`watch`: follows executions until they end, as live trees or as plain lines."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from typing import TextIO

from orchestrator.cli.connection import Cluster, Raw, Target
from orchestrator.cli.observing import Observer, code_of, hint_if_unseen
from orchestrator.cli.pauses import describe_pause
from orchestrator.cli.terminal import say
from orchestrator.cli.transitions import ending, transitions
from orchestrator.kube.resources import EXECUTIONS
from orchestrator.operations.records import is_from_history
from orchestrator.session.revisions import read_workflow


def watch_executions(target: Target, names: Sequence[str]) -> int:
    """Follow executions by name."""
    cluster = target.connect()
    found = {}
    for name in names:
        execution = cluster.get(EXECUTIONS, name)
        found[execution["metadata"]["name"]] = execution
    return watch_all(cluster, list(found.values()))


def watch_execution(cluster: Cluster, execution: Raw, stream: TextIO | None = None) -> int:
    """Follow an execution until it ends, writing to a stream (standard output); returns the code of
    its phase."""
    return watch_all(cluster, [execution], stream)


def watch_all(cluster: Cluster, executions: list[Raw], stream: TextIO | None = None) -> int:
    """Follow executions until they end; returns 0 if all Succeeded, or the code of the first that
    did not.

    An interrupt stops the output, not the executions.
    """
    stream = stream or sys.stdout
    tree = stream.isatty()
    changed = _ignore if tree else _printer(cluster, executions, stream)
    observers = [Observer(cluster, execution, changed) for execution in executions]
    try:
        for observer in observers:
            observer.start()
        if tree:
            from orchestrator.cli.live_tree import show_trees

            show_trees(cluster, observers, stream)
            for observer in observers:
                if observer.failure is None:
                    say(f"{observer.name} {ending(observer.latest)}", file=stream)
        with hint_if_unseen(observers):
            for observer in observers:
                observer.wait()
    except KeyboardInterrupt:
        say(file=sys.stderr)
        for observer in observers:
            if not observer.wait(0):
                command = f"orchestrator cancel {observer.name}"
                say(f"{observer.name} continues; cancel it with: {command}", file=sys.stderr)
        return 130
    _hint(observers)
    return code_of(observers)


def _hint(observers: Sequence[Observer]) -> None:
    """The commands to type after a failure."""
    for observer in observers:
        metadata, status = observer.latest["metadata"], observer.latest.get("status") or {}
        if observer.failure is None and status.get("phase") in ("Failed", "TimedOut"):
            where = f"-n {metadata['namespace']} " if metadata.get("namespace") else ""
            command = f"orchestrator {where}%s {metadata['name']}"
            say(f"logs: {command % 'logs --failed'}", file=sys.stderr)
            if status.get("nodes") and not is_from_history(observer.latest):
                say(f"run it again from there: {command % 'rerun'}", file=sys.stderr)


def _ignore(state: Raw) -> None:
    """The tree always shows the latest state."""


def _printer(cluster: Cluster, executions: list[Raw], stream: TextIO) -> Callable[[Raw], None]:
    """Prints the changes of executions, each with its own printer."""
    lock, printers = threading.Lock(), {}
    for execution in executions:
        metadata = execution["metadata"]
        prefix = f"{metadata['name']} | " if len(executions) > 1 else ""
        printers[metadata["uid"]] = _Printer(cluster, execution, prefix, stream, lock)
    return lambda state: printers[state["metadata"]["uid"]].report(state)


class _Printer:
    """Prints a line for each change of one execution."""

    def __init__(
        self,
        cluster: Cluster,
        execution: Raw,
        prefix: str,
        stream: TextIO,
        lock: threading.Lock,
    ) -> None:
        self._cluster = cluster
        self._prefix = prefix
        self._stream = stream
        self._lock = lock
        self._before: Raw | None = None
        self._said = ""
        seen = "phase" in (execution.get("status") or {})
        waits = "" if seen else ", which waits for the operator"
        name, workflow = execution["metadata"]["name"], execution["spec"]["workflow"]
        self._say(f"{name}, a run of {workflow}{waits}", prefix="")

    def report(self, state: Raw) -> None:
        """Print the changes in a new state."""
        status, name = state.get("status") or {}, state["metadata"]["name"]
        phase, message = status.get("phase", ""), status.get("message", "")
        waiting = ""
        if phase == "Paused":
            waiting = f"Paused  {describe_pause(state, read_workflow(self._cluster, state))}"
        elif phase in ("Pending", "Queued") and message:
            waiting = f"{phase}  {status.get('reason', '')}: {message}"
        if waiting and waiting != self._said:
            self._say(waiting)
        elif self._said.startswith("Paused") and phase == "Running":
            self._say("Running  resumed")
        self._said = waiting
        for line in transitions(self._before, state):
            self._say(line)
        self._before = state
        if (end := ending(state)) is not None:
            self._say(f"{name} {end}", prefix="")

    def _say(self, line: str, prefix: str | None = None) -> None:
        with self._lock:
            before = self._prefix if prefix is None else prefix
            say(f"{before}{line}", file=self._stream, flush=True)
