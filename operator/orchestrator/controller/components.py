"""Assembles the operator's components: caches, queues, reconcilers, and what they share."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Any

from orchestrator.controller.definitions.incidents import incident_status
from orchestrator.controller.definitions.reconciler import DefinitionReconciler, Status
from orchestrator.controller.definitions.templates import template_status
from orchestrator.controller.definitions.triggers import TriggerJudge
from orchestrator.controller.definitions.workflows import Workflows
from orchestrator.controller.executions.act.stuck_sidecars import SidecarStopper
from orchestrator.controller.executions.active import ActiveExecutions
from orchestrator.controller.executions.admission.accounts import ServiceAccounts
from orchestrator.controller.executions.admission.protection import Protection
from orchestrator.controller.executions.cleanup.history_gate import HistoryGate
from orchestrator.controller.executions.cleanup.retention import Retention
from orchestrator.controller.executions.observe.pending import PendingPods
from orchestrator.controller.executions.reconcile_context import ReconcileContext
from orchestrator.controller.executions.reconciler import ExecutionReconciler
from orchestrator.controller.executions.revisions import Revisions
from orchestrator.controller.executions.watch_events import WatchEvents
from orchestrator.controller.informers import Caches, Watches
from orchestrator.controller.telemetry.collectors import MetricSources
from orchestrator.controller.telemetry.operator_metrics import OperatorMetrics
from orchestrator.controller.telemetry.workflow_metrics import WorkflowMetricsWriter
from orchestrator.controller.triggers.reconcile import Triggers
from orchestrator.dispatch.compute import Inline
from orchestrator.kube import resources
from orchestrator.kube.cache import Raw
from orchestrator.kube.client import ApiClient
from orchestrator.kube.kopf_watch import Follow
from orchestrator.kube.lease import Lease
from orchestrator.kube.live_jobs import LiveJobs
from orchestrator.kube.live_reads import LiveReads
from orchestrator.process.background_loop import InlineLoop
from orchestrator.process.logs import execution_field
from orchestrator.process.queue import WorkQueue
from orchestrator.process.recorder import Recorder
from orchestrator.triggers.registry import Registry


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings that all components share."""

    client: ApiClient
    namespaces: Collection[str]
    installation: str
    runner_image: str
    clock: Callable[[], float]
    monotonic: Callable[[], float]
    follow: Follow
    offload: Inline
    trigger_types: Registry
    history: bool = False
    """Whether retention waits for the history."""
    tracing: bool = False
    """Whether Jobs and sub-executions continue the trace of their execution."""


class Components:
    """Builds each component once; components report to each other through `events`."""

    def __init__(self, settings: Settings) -> None:
        client, clock, namespaces = settings.client, settings.clock, settings.namespaces
        self._settings = settings
        self.caches = Caches()
        self.protection = Protection(client, clock, settings.installation, namespaces)
        self.queue: WorkQueue[tuple[str, str]] = WorkQueue(
            "execution", execution_field, monotonic=settings.monotonic
        )
        self.operator_metrics = OperatorMetrics()
        self.recorder = Recorder(client, clock)
        self.workflow_metrics = WorkflowMetricsWriter(
            client, namespaces=namespaces, on_ended=self._on_ended
        )
        self.pending = PendingPods(
            client,
            self.caches.jobs,
            self.caches.pods,
            lambda job: self.events.on_pending(job),
            namespaces=namespaces,
        )
        self.sidecars = SidecarStopper(
            client,
            self.caches.jobs,
            self.caches.pods,
            lambda job, pod, containers: self.events.on_rest_stopped(job, pod, containers),
        )
        self.triggers = Triggers(
            client,
            clock,
            self.caches.triggers,
            self.recorder.emit,
            settings.offload,
            settings.trigger_types,
            self.operator_metrics.event_delivered,
            lambda key: self.definitions.enqueue_named(resources.TRIGGERS, *key),
        )
        context = self._build_context()
        revisions = Revisions(context)
        self.retention = Retention(
            context,
            revisions,
            triggers=self.caches.triggers,
            namespaces=namespaces,
            gate=HistoryGate(context) if settings.history else None,
        )
        self.active = ActiveExecutions(context, revisions)
        self.reconciler = ExecutionReconciler(context, revisions, self.active)
        self.events = WatchEvents(context, self.active)
        self.definitions, self.watches = self._build_watches()

    def measure(self, lease: Lease | None, side: InlineLoop, version: str) -> None:
        """Connect the metrics with the components; `side` watches the operator's event loop."""
        queues: list[WorkQueue[Any]] = [
            self.queue, self.definitions.queue, self.triggers.queue, self.workflow_metrics.queue
        ]  # fmt: skip
        for queue in queues:
            queue.on_begin = partial(self.operator_metrics.key_waited, queue.name)
        client = self._settings.client
        client.time_requests(self.operator_metrics.request_finished)
        sources = MetricSources(
            is_leader=lambda: lease is None or lease.held,
            responses=client.answers,
            queues=queues,
            watches=self.watches.reflectors,
            executions=self.caches.executions,
            quota_exceeded_triggers=self.triggers.held,
            lease_failures=lambda: 0 if lease is None else lease.failures,
            dropped_events=lambda: self.recorder.dropped,
            event_loop_lag=lambda: side.silence,
        )
        self.operator_metrics.register(sources, version)

    def _build_context(self) -> ReconcileContext:
        settings, caches = self._settings, self.caches
        return ReconcileContext(
            client=settings.client,
            clock=settings.clock,
            executions=caches.executions,
            jobs=caches.jobs,
            pods=caches.pods,
            workflows=caches.workflows,
            templates=caches.templates,
            cluster_templates=caches.cluster_templates,
            pending=self.pending,
            sidecars=self.sidecars,
            queue=self.queue,
            recorder=self.recorder,
            workflow_metrics=self.workflow_metrics,
            operator_metrics=self.operator_metrics,
            remember=self._on_ended,
            accounts=ServiceAccounts(settings.client, settings.clock),
            protection=self.protection,
            live_jobs=LiveJobs(settings.client, caches.jobs),
            live_reads=LiveReads(settings.client),
            runner_image=settings.runner_image,
            tracing=settings.tracing,
            offload=settings.offload,
        )

    def _build_watches(self) -> tuple[DefinitionReconciler, Watches]:
        settings, caches = self._settings, self.caches
        judge = Workflows(
            caches.workflows, caches.templates, caches.cluster_templates, settings.runner_image
        )
        trigger_judge = TriggerJudge(
            settings.client,
            caches.workflows,
            caches.triggers,
            settings.trigger_types,
            self.triggers.access,
        )
        definitions = self._build_definitions(judge, trigger_judge)
        watches = Watches(
            settings.client,
            caches,
            namespaces=settings.namespaces,
            events=self.events,
            judge=judge,
            trigger_judge=trigger_judge,
            definitions=definitions,
            triggers=self.triggers,
            operator_metrics=self.operator_metrics,
            monotonic=settings.monotonic,
            follow=settings.follow,
        )
        return definitions, watches

    def _build_definitions(
        self, judge: Workflows, trigger_judge: TriggerJudge
    ) -> DefinitionReconciler:
        settings, caches = self._settings, self.caches
        statuses: dict[resources.Resource, Status] = {
            resources.WORKFLOWS: judge.status,
            resources.TEMPLATES: template_status,
            resources.INCIDENTS: incident_status,
        }
        # Operators that serve some namespaces each share the ClusterTemplates, and only read them.
        if not settings.namespaces:
            statuses[resources.CLUSTER_TEMPLATES] = template_status
        return DefinitionReconciler(
            settings.client,
            settings.clock,
            caches={
                resources.WORKFLOWS: caches.workflows,
                resources.TEMPLATES: caches.templates,
                resources.CLUSTER_TEMPLATES: caches.cluster_templates,
                resources.TRIGGERS: caches.triggers,
                resources.INCIDENTS: caches.incidents,
            },
            statuses=statuses,
            emit=self.recorder.emit,
            offload=settings.offload,
            live={resources.TRIGGERS: trigger_judge.status},
        )

    def _on_ended(self, raw: Raw) -> None:
        self.retention.remember(raw)
        self.triggers.observe(resources.EXECUTIONS, raw)
