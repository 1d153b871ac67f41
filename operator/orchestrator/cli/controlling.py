"""Pauses, resumes and ends executions."""

from __future__ import annotations

from orchestrator.cli.connection import Target
from orchestrator.cli.terminal import say
from orchestrator.cli.watching import watch_execution
from orchestrator.kube.resources import EXECUTIONS
from orchestrator.operations.desired_state import set_desired_state
from orchestrator.operations.writes import Unchanged
from orchestrator.session.errors import in_options

_SAID = {
    "Paused": "is being paused: nothing new starts",
    "Running": "continues",
    "Cancelled": "is being cancelled",
    "Terminated": "is being ended by force",
}


def request_state(target: Target, name: str, state: str, *, wait: bool = False) -> int:
    """Request a state of an execution; with `wait`, return the exit code of its end."""
    cluster = target.connect()
    execution = cluster.get(EXECUTIONS, name)
    with in_options():
        write = set_desired_state(execution, state, by=cluster.user)
    if isinstance(write, Unchanged):
        said = write.message
    else:
        execution, said = cluster.send(write), _SAID[state]
    say(f"workflowexecution/{execution['metadata']['name']} {said}")
    return watch_execution(cluster, execution) if wait else 0
