"""Executions paused, resumed and ended."""

from __future__ import annotations

from orchestrator.cli.connection import Target
from orchestrator.cli.entries import MAX_MANAGER
from orchestrator.cli.errors import UsageError
from orchestrator.cli.kinds import EXECUTIONS
from orchestrator.cli.pauses import MANAGER
from orchestrator.cli.terminal import say
from orchestrator.cli.tree import EXIT_CODES
from orchestrator.cli.watching import follow

_SAID = {
    "Paused": "is being paused: nothing new starts",
    "Running": "continues",
    "Cancelled": "is being cancelled",
    "Terminated": "is being ended by force",
}
_FIRMNESS = {"Running": 0, "Paused": 0, "Cancelled": 1, "Terminated": 2}


def desire(target: Target, name: str, state: str, *, wait: bool = False) -> int:
    """Ask for a state of an execution; the exit code of its end when it is waited for."""
    cluster = target.connect()
    execution = cluster.get(EXECUTIONS, name)
    name = execution["metadata"]["name"]
    phase = (execution.get("status") or {}).get("phase", "")
    now = execution["spec"].get("desiredState", "Running")
    if phase in EXIT_CODES:
        say(f"workflowexecution/{name} has already ended: {phase}")
    elif now == state:
        say(f"workflowexecution/{name} is already asked to be {state}")
    elif _FIRMNESS[now] > _FIRMNESS[state]:
        raise UsageError(f"{name} was asked to be {now}; nothing softer can be asked of it now")
    else:
        manager = f"{MANAGER}{cluster.user}" if cluster.user else ""
        if len(manager.encode()) > MAX_MANAGER or not manager.isprintable():
            manager = ""
        patch = {"spec": {"desiredState": state}}
        execution = cluster.patch(EXECUTIONS, name, patch, manager=manager)
        say(f"workflowexecution/{name} {_SAID[state]}")
    return follow(cluster, execution) if wait else 0
