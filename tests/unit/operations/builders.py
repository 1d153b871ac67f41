"""Builders of executions and graphs for operations."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.engine.graph import Graph
from orchestrator.engine.lifecycle.admission import Prepared, prepare
from orchestrator.engine.lifecycle.revision import thaw
from orchestrator.models.base import API_VERSION
from orchestrator.operations.errors import CommandError
from tests.builders import IMAGE


def execution(
    name: str = "run",
    *,
    phase: str = "Running",
    spec: dict[str, Any] | None = None,
    metadata: dict[str, Any] | None = None,
    **status: Any,
) -> dict[str, Any]:
    """An execution of Workflow `flow`."""
    return {
        "apiVersion": API_VERSION,
        "kind": "WorkflowExecution",
        "metadata": {
            "name": name,
            "namespace": "default",
            "uid": f"uid-{name}",
            "resourceVersion": "7",
            "creationTimestamp": "2026-11-28T12:00:00Z",
            **(metadata or {}),
        },
        "spec": {"workflow": "flow", **(spec or {})},
        "status": {"phase": phase, **status},
    }


def workflow(**spec: Any) -> dict[str, Any]:
    """The Workflow `flow`, which the operator has yet to judge."""
    metadata = {"name": "flow", "namespace": "default", "generation": 1}
    return {"metadata": metadata, "spec": {"nodes": [{"name": "a", "transform": {}}], **spec}}


def graph_of(spec: dict[str, Any]) -> Graph:
    """The graph of a Workflow's spec, as an execution runs it."""
    prepared = prepare("flow", spec, {}, IMAGE)
    assert isinstance(prepared, Prepared), prepared
    return thaw(prepared.revision.name, prepared.revision.data)


def problem_of(error: pytest.ExceptionInfo[CommandError]) -> tuple[str, str, str]:
    """The field, the message and the fix of an error."""
    return error.value.path, error.value.words, error.value.fix
