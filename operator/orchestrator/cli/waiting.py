"""`wait`: waits until executions have ended or the timeout expires."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from orchestrator.cli.connection import Target
from orchestrator.cli.observing import code_of, hint_if_unseen, observe_all
from orchestrator.cli.terminal import say
from orchestrator.cli.transitions import ending
from orchestrator.kube.resources import EXECUTIONS
from orchestrator.session.durations import read_duration

TIMED_OUT = 124
"""The exit code when the timeout expires, as of timeout(1)."""


def wait_for(target: Target, names: Sequence[str], timeout: str | None) -> int:
    """Wait until executions end, and print each."""
    seconds = None if timeout is None else read_duration("--timeout", timeout)
    cluster = target.connect()
    found = {}
    for name in names:
        execution = cluster.get(EXECUTIONS, name)
        found[execution["metadata"]["name"]] = execution
    until = None if seconds is None else time.monotonic() + seconds
    observers = observe_all(cluster, list(found.values()))
    late = False
    with hint_if_unseen(observers):
        for observer in observers:
            if not observer.wait(None if until is None else max(0.0, until - time.monotonic())):
                phase = (observer.latest.get("status") or {}).get("phase") or "Pending"
                say(f"{observer.name} is still {phase} after {timeout}", file=sys.stderr)
                observer.stop()
                late = True
            elif observer.failure is None:
                say(f"{observer.name} {ending(observer.latest)}", flush=True)
    return TIMED_OUT if late else code_of(observers)
