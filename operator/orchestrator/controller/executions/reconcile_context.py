"""The context of a reconciliation: caches, clients, queues and the clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from orchestrator.controller.executions.act.stuck_sidecars import SidecarStopper
from orchestrator.controller.executions.admission.accounts import ServiceAccounts
from orchestrator.controller.executions.admission.protection import Protection
from orchestrator.controller.executions.observe.pending import PendingPods
from orchestrator.controller.executions.state.admitted import AdmittedExecution
from orchestrator.controller.telemetry.operator_metrics import OperatorMetrics
from orchestrator.controller.telemetry.workflow_metrics import WorkflowMetricsWriter
from orchestrator.dispatch.compute import Inline
from orchestrator.engine.trace_context import ExecutionTrace, execution_trace
from orchestrator.kube.cache import Cache, Jobs, Pods, Raw
from orchestrator.kube.client import ApiClient
from orchestrator.kube.live_jobs import LiveJobs
from orchestrator.kube.live_reads import LiveReads
from orchestrator.process.queue import WorkQueue
from orchestrator.process.recorder import Recorder


@dataclass(frozen=True, slots=True)
class ReconcileContext:
    """What the reconciliation of executions reads from and writes to."""

    client: ApiClient
    clock: Callable[[], float]
    """Seconds since the epoch."""
    executions: Cache
    """Executions that have not ended, in full."""
    jobs: Jobs
    pods: Pods
    workflows: Cache
    templates: Cache
    cluster_templates: Cache
    pending: PendingPods
    sidecars: SidecarStopper
    queue: WorkQueue[tuple[str, str]]
    """(namespace, name) of executions to reconcile."""
    recorder: Recorder
    workflow_metrics: WorkflowMetricsWriter
    operator_metrics: OperatorMetrics
    remember: Callable[[Raw], None]
    """Called with every execution whose end is stored."""
    accounts: ServiceAccounts
    protection: Protection
    live_jobs: LiveJobs
    live_reads: LiveReads
    runner_image: str
    tracing: bool = False
    """Whether Jobs and sub-executions continue the trace of their execution."""
    offload: Inline = field(default_factory=Inline)
    """Runs pure computations that may take long."""

    def trace(self, execution: AdmittedExecution) -> ExecutionTrace | None:
        """The trace that what is created for an execution continues; None without tracing."""
        return execution_trace(execution.manifest["metadata"]) if self.tracing else None
