"""Executions paused, resumed, ended and removed."""

from __future__ import annotations

from orchestrator.cli.connection import Target
from orchestrator.cli.errors import UsageError
from orchestrator.cli.kinds import EXECUTIONS
from orchestrator.cli.terminal import say
from orchestrator.cli.tree import EXIT_CODES
from orchestrator.cli.watching import follow

_SAID = {
    "Paused": "is being paused: nothing new starts",
    "Running": "goes on",
    "Cancelled": "is being cancelled",
    "Terminated": "is being ended by force",
}
_FIRMNESS = {"Running": 0, "Paused": 0, "Cancelled": 1, "Terminated": 2}


def desire(target: Target, name: str, state: str, *, wait: bool = False) -> int:
    """Ask for a state of an execution; the exit code of its end when it is waited for."""
    cluster = target.connect()
    execution = cluster.get(EXECUTIONS, name)
    phase = (execution.get("status") or {}).get("phase", "")
    now = execution["spec"].get("desiredState", "Running")
    if phase in EXIT_CODES:
        say(f"workflowexecution/{name} has already ended: {phase}")
    elif now == state:
        say(f"workflowexecution/{name} is already asked to be {state}")
    elif _FIRMNESS[now] > _FIRMNESS[state]:
        raise UsageError(f"{name} was asked to be {now}; nothing softer can be asked of it now")
    else:
        execution = cluster.patch(EXECUTIONS, name, {"spec": {"desiredState": state}})
        say(f"workflowexecution/{name} {_SAID[state]}")
    return follow(cluster, execution) if wait else 0


def delete_execution(target: Target, name: str, *, force: bool) -> int:
    """Remove an execution; one that has not ended only by force."""
    cluster = target.connect()
    execution = cluster.get(EXECUTIONS, name)
    phase = (execution.get("status") or {}).get("phase") or "Pending"
    if phase not in EXIT_CODES and not force:
        raise UsageError(f"{name} is {phase}; cancel it first, or delete it with --force")
    cluster.delete(EXECUTIONS, name)
    say(f"workflowexecution/{name} deleted, with its Jobs and pods")
    return 0
