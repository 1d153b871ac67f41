"""Observes executions until they end, across interruptions of the connection."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from orchestrator.cli.connection import Cluster, Raw
from orchestrator.cli.printing import now
from orchestrator.cli.terminal import say
from orchestrator.cli.tree import EXIT_CODES
from orchestrator.engine.explain import UNSEEN_SECONDS, unseen
from orchestrator.kube.resources import EXECUTIONS
from orchestrator.session.errors import UnreachableError, UsageError

OUTAGE_SECONDS = 60.0
"""Seconds to keep asking an API server that has stopped answering."""


def has_ended(execution: Raw) -> bool:
    """Whether the execution is in a final phase."""
    return (execution.get("status") or {}).get("phase", "") in EXIT_CODES


def states(
    cluster: Cluster, execution: Raw, stopped: Callable[[], bool] = lambda: False
) -> Iterator[Raw]:
    """The execution now and after each change, until it has ended or `stopped` returns true.

    Raises UsageError if it is deleted, or if the API server stays silent for OUTAGE_SECONDS.
    """
    name, uid = execution["metadata"]["name"], execution["metadata"]["uid"]
    answered = time.monotonic()
    yield execution
    while not has_ended(execution) and not stopped():
        try:
            version = execution["metadata"]["resourceVersion"]
            for execution in cluster.watch(EXECUTIONS, name, version):
                answered = time.monotonic()
                yield execution
                if has_ended(execution):
                    return
            execution = cluster.get(EXECUTIONS, name)
        except UnreachableError:
            if stopped() or time.monotonic() - answered > OUTAGE_SECONDS:
                raise
            time.sleep(1)
            continue
        if execution["metadata"]["uid"] != uid:
            raise UsageError(f"{name} was deleted, and another one with the same name was created")
        answered = time.monotonic()
        yield execution


class Observer:
    """Observes one execution in a thread of its own."""

    def __init__(
        self, cluster: Cluster, execution: Raw, changed: Callable[[Raw], None] = lambda _: None
    ) -> None:
        """`changed` is called with each state, in the observer's thread."""
        self.latest = execution
        self.failure: Exception | None = None
        self._cluster = cluster
        self._changed = changed
        self._done = threading.Event()
        self._stopped = threading.Event()

    @property
    def name(self) -> str:
        """The execution's name."""
        return str(self.latest["metadata"]["name"])

    def start(self) -> None:
        """Begin to observe the execution."""
        threading.Thread(target=self._observe, daemon=True).start()

    def wait(self, seconds: float | None = None) -> bool:
        """Whether it has ended, or can no longer be observed, within `seconds`."""
        return self._done.wait(seconds)

    def stop(self) -> None:
        """Stop observing when the connection breaks."""
        self._stopped.set()

    def code(self) -> int:
        """The exit code of its end. Raises the error that interrupted the observation."""
        if self.failure is not None:
            raise self.failure
        return EXIT_CODES[self.latest["status"]["phase"]]

    def _observe(self) -> None:
        try:
            for state in states(self._cluster, self.latest, self._stopped.is_set):
                self.latest = state
                self._changed(state)
        except Exception as error:  # any error is raised again in the reader's thread
            self.failure = error
        finally:
            self._done.set()


def observe_all(
    cluster: Cluster, executions: list[Raw], changed: Callable[[Raw], None] = lambda _: None
) -> list[Observer]:
    """A started observer for each execution."""
    observers = [Observer(cluster, execution, changed) for execution in executions]
    for observer in observers:
        observer.start()
    return observers


def code_of(observers: list[Observer]) -> int:
    """0 if all executions have Succeeded, otherwise the exit code of the first that has not.

    Raises the error that interrupted the first failed observation.
    """
    return next((code for observer in observers if (code := observer.code())), 0)


@contextmanager
def hint_if_unseen(observers: Sequence[Observer]) -> Iterator[None]:
    """Print a hint if no operator has reconciled an execution within UNSEEN_SECONDS."""

    def hint() -> None:
        for observer in observers:
            if "status" not in observer.latest:
                say(f"{observer.name}: {unseen(observer.latest, now())}", file=sys.stderr)

    timer = threading.Timer(UNSEEN_SECONDS, hint)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
