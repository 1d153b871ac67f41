"""The subject of a Job: one attempt of one node of one execution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.engine.trace_context import ExecutionTrace


@dataclass(frozen=True, slots=True)
class NodeJob:
    """One attempt of a node; `parameters` are rendered and checked."""

    node: str
    attempt: int
    iteration: int
    parameters: Mapping[str, Any]
    timeout_seconds: int


@dataclass(frozen=True, slots=True)
class ExecutionIdentity:
    """The execution that a Job belongs to; `view` is its form in a Template's expressions."""

    name: str
    namespace: str
    uid: str
    workflow: str
    view: Mapping[str, Any] = field(default_factory=dict, compare=False)
    chain: str = field(default="", compare=False)
    """DEPTH/ROOT of the chain of triggers that it belongs to; empty if it begins one."""
    trace: ExecutionTrace | None = field(default=None, compare=False)
    """Its trace, which its actions continue; absent without tracing."""
