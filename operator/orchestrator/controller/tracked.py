"""What the operator holds of one execution between two looks at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.engine.admission import Refusal
from orchestrator.engine.concurrency import Claim
from orchestrator.engine.decisions import Pass
from orchestrator.engine.graph import Graph
from orchestrator.engine.observed import Attempt
from orchestrator.engine.records import Record, Run
from orchestrator.engine.scope import execution_view
from orchestrator.engine.status import run_from
from orchestrator.jobs.build import ExecutionIdentity
from orchestrator.jobs.names import job_name

CACHE_LAG = 5.0
"""Seconds after which what was created and is not in the cache is asked for by name."""


@dataclass(slots=True)
class Tracked:
    """One admitted execution as last read or written, and what this process has done for it."""

    graph: Graph
    run: Run
    version: int
    generation: int
    conditions: list[Mapping[str, Any]]
    revision: str
    manifest: Mapping[str, Any]
    """Its metadata and spec as last read."""
    claim: Claim | Refusal | None = None
    """What it holds against a limit, if this process admitted it."""
    gave_back: bool = False
    scan: bool = True
    """Whether the next pass looks at every node: the first one does."""
    ended: bool = False
    created: dict[str, float] = field(default_factory=dict)
    """Jobs and sub-executions that this process created, by name, and when."""
    refused: dict[tuple[str, int], Attempt] = field(default_factory=dict)
    """Attempts whose Job could not be created, and why."""
    refused_items: dict[tuple[str, int, int], Attempt] = field(default_factory=dict)
    """The same of a fan-out's sub-executions, by node, attempt and item."""
    stopped: set[tuple[str, bool]] = field(default_factory=set)
    """Jobs that were asked to stop, gently or by force."""
    fan_outs: dict[str, tuple[Attempt, float]] = field(default_factory=dict)
    """Fan-outs as last looked at, by Job, and when."""
    looked: dict[str, float] = field(default_factory=dict)
    """Overdue attempts that were looked at live, by Job, and when."""
    recheck: bool = False
    """Whether a Job that was created is not in the cache yet."""
    waiting_since: float | None = None
    """Since when progress that can wait for company has been waiting to be written."""

    @classmethod
    def read(cls, raw: Mapping[str, Any], graph: Graph) -> Tracked:
        """An admitted execution as its manifest and status say."""
        return cls(
            graph=graph,
            run=run_from(raw, graph),
            version=int(raw["metadata"]["resourceVersion"]),
            generation=raw["metadata"]["generation"],
            conditions=raw["status"].get("conditions") or [],
            revision=raw["status"]["revision"],
            manifest={"metadata": raw["metadata"], "spec": raw["spec"]},
        )

    def keep_memory_of(self, earlier: Tracked) -> None:
        """What this process did for the execution stays known when its status is read anew."""
        self.created, self.refused, self.stopped = earlier.created, earlier.refused, earlier.stopped
        self.fan_outs, self.looked = earlier.fan_outs, earlier.looked
        self.refused_items = earlier.refused_items
        self.claim, self.gave_back = earlier.claim, earlier.gave_back

    def latest(self, node: str, decided: Pass) -> Record | None:
        """The record of a node with the changes of a pass."""
        return decided.records.get(node) or self.run.records.get(node)

    def name_of(self, node: str, attempt: int, index: int | None = None) -> str:
        """The name of an attempt's Job or sub-execution; `index` is the item's in a fan-out."""
        which = node if index is None else f"{node}[{index}]"
        return job_name(self.run.workflow, which, self.run.uid, attempt)

    @property
    def identity(self) -> ExecutionIdentity:
        """The execution as its Jobs name it."""
        run = self.run
        return ExecutionIdentity(
            run.name, run.namespace, run.uid, run.workflow, execution_view(run)
        )

    @property
    def reference(self) -> dict[str, str]:
        """The execution as Events name it."""
        return execution_reference(self.run.namespace, self.run.name, self.run.uid)


def execution_reference(namespace: str, name: str, uid: str) -> dict[str, str]:
    """An ObjectReference to an execution."""
    return {
        "apiVersion": "automation.itechsmart.dev/v1alpha1",
        "kind": "WorkflowExecution",
        "namespace": namespace,
        "name": name,
        "uid": uid,
    }
