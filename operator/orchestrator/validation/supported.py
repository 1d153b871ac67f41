"""What this release does not do yet: refused by name, never ignored. Rows go as parts are built."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from orchestrator.models.execution import DesiredState, ExecutionSpec
from orchestrator.models.workflow import Join, Node, OnFailure, WorkflowSpec
from orchestrator.validation.problem import Problem, join

_NODE: tuple[tuple[str, str, Callable[[Node], bool]], ...] = (
    ("approval", "approvals are", lambda node: node.approval is not None),
    ("wait", "waits are", lambda node: node.wait is not None),
    ("workflow", "sub-workflows are", lambda node: node.workflow is not None),
    ("forEach", "fan-outs are", lambda node: node.for_each is not None),
    ("repeat", "repetitions are", lambda node: node.repeat is not None),
    ("join", "joins other than All are", lambda node: node.join not in (None, Join.ALL)),
)

_WORKFLOW: tuple[tuple[str, str, Callable[[WorkflowSpec], bool]], ...] = (
    ("finally", "final nodes are", lambda spec: bool(spec.finally_)),
    ("finallyTimeout", "final nodes are", lambda spec: spec.finally_timeout != "10m"),
    ("onFailure", "Stop and Cancel are", lambda spec: spec.on_failure is not OnFailure.FINISH),
    ("concurrency", "limits are", lambda spec: spec.concurrency is not None),
    ("priority", "priorities are", lambda spec: spec.priority != 0),
    ("history", "limits of the history are", lambda spec: spec.history is not None),
    ("workspace", "workspaces are", lambda spec: spec.workspace is not None),
)

_EXECUTION: tuple[tuple[str, str, Callable[[ExecutionSpec], bool]], ...] = (
    ("rerunOf", "re-runs are", lambda spec: spec.rerun_of is not None),
    ("decisions", "decisions are", lambda spec: bool(spec.decisions)),
    ("signals", "signals are", lambda spec: bool(spec.signals)),
    ("desiredState", "pausing is", lambda spec: spec.desired_state is DesiredState.PAUSED),
    ("parent", "sub-executions are", lambda spec: spec.parent is not None),
)


def unsupported(spec: WorkflowSpec) -> list[Problem]:
    """Every use of a part of Workflow that this release does not have."""
    return list(_unsupported(spec))


def unsupported_execution(spec: ExecutionSpec) -> list[Problem]:
    """Every use of a part of WorkflowExecution that this release does not have."""
    return [
        Problem(join("spec", field), f"{what} not supported yet")
        for field, what, used in _EXECUTION
        if used(spec)
    ]


def _unsupported(spec: WorkflowSpec) -> Iterator[Problem]:
    for index, node in enumerate(spec.nodes):
        for field, what, used in _NODE:
            if used(node):
                path = join("spec.nodes", index, field)
                yield Problem(path, f"{what} not supported yet")
    for field, what, asked in _WORKFLOW:
        if asked(spec):
            yield Problem(join("spec", field), f"{what} not supported yet")
