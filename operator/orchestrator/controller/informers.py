"""The watches that fill the caches, and the recipients of their events."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial

from orchestrator.controller.definitions.reconciler import DefinitionReconciler
from orchestrator.controller.definitions.triggers import TriggerJudge
from orchestrator.controller.definitions.workflows import Workflows
from orchestrator.controller.executions.watch_events import WatchEvents
from orchestrator.controller.telemetry.operator_metrics import OperatorMetrics
from orchestrator.controller.telemetry.workflow_metrics import TERMINAL
from orchestrator.controller.triggers.reconcile import Triggers
from orchestrator.kube.cache import Cache, Jobs, Pods, Raw, key_of
from orchestrator.kube.client import ApiClient
from orchestrator.kube.kopf_watch import Follow
from orchestrator.kube.projection import project_ended_pod, project_job, without_managed_fields
from orchestrator.kube.reflector import Reflector
from orchestrator.kube.resources import (
    CLUSTER_TEMPLATES,
    EXECUTIONS,
    INCIDENTS,
    JOBS,
    PODS,
    TEMPLATES,
    TRIGGERS,
    WORKFLOWS,
    Resource,
)
from orchestrator.models.labels import EXECUTION_UID

logger = logging.getLogger(__name__)

NOT_ENDED = ",".join(f"status.phase!={phase.value}" for phase in TERMINAL)


@dataclass(frozen=True, slots=True)
class Caches:
    """The objects known from watches."""

    workflows: Cache = field(default_factory=Cache)
    templates: Cache = field(default_factory=Cache)
    cluster_templates: Cache = field(default_factory=Cache)
    triggers: Cache = field(default_factory=Cache)
    incidents: Cache = field(default_factory=Cache)
    executions: Cache = field(default_factory=Cache)
    """Executions that have not ended."""
    jobs: Jobs = field(default_factory=Jobs)
    pods: Pods = field(default_factory=Pods)
    """Pods that show an end, and pending pods of slow Jobs."""


class Watches:
    """Our own reflectors, and kopf for Workflows and Incidents."""

    def __init__(
        self,
        client: ApiClient,
        caches: Caches,
        *,
        namespaces: Collection[str],
        events: WatchEvents,
        judge: Workflows,
        trigger_judge: TriggerJudge,
        definitions: DefinitionReconciler,
        triggers: Triggers,
        operator_metrics: OperatorMetrics,
        monotonic: Callable[[], float],
        follow: Follow,
    ) -> None:
        """`follow` reports Workflows and Incidents until it is stopped."""
        self._client = client
        self._caches = caches
        self._namespaces = tuple(namespaces)
        self._judge = judge
        self._trigger_judge = trigger_judge
        self._definitions = definitions
        self._triggers = triggers
        self._operator_metrics = operator_metrics
        self._follow = follow
        self._silent = asyncio.Event()
        """Set if a watch is silent, so that everything is listed again."""
        watch = partial(Reflector, client, namespaces=self._namespaces, monotonic=monotonic)
        self.reflectors = [
            watch(
                EXECUTIONS,
                caches.executions,
                field_selector=NOT_ENDED,
                transform=without_managed_fields,
                on_event=events.on_execution,
                on_silence=self._silent.set,
            ),
            watch(
                JOBS,
                caches.jobs,
                label_selector=EXECUTION_UID,
                in_part=True,
                transform=project_job,
                on_event=events.on_job,
            ),
            watch(
                PODS,
                caches.pods,
                label_selector=EXECUTION_UID,
                in_part=True,
                only_ends=True,
                transform=project_ended_pod,
                on_event=events.on_pod,
            ),
            watch(
                TRIGGERS,
                caches.triggers,
                transform=without_managed_fields,
                on_event=self._on_trigger,
            ),
        ]
        for resource, cache in (
            (TEMPLATES, caches.templates),
            (CLUSTER_TEMPLATES, caches.cluster_templates),
        ):
            on_event = partial(self._on_template, resource)
            self.reflectors.append(
                watch(resource, cache, transform=without_managed_fields, on_event=on_event)
            )

    async def synced(self) -> None:
        """Wait for the first list of each reflector."""
        for reflector in self.reflectors:
            await reflector.synced.wait()

    async def run_kopf(self) -> None:
        """Follow Workflows and Incidents with kopf, restarted if a watch is silent.

        kopf never lists again on its own: after etcd is restored from a backup, it would wait for
        versions that are still to come.
        """
        while True:
            self._silent.clear()
            stop = threading.Event()
            kopf = asyncio.create_task(self._follow_until(stop))
            silent = asyncio.create_task(self._silent.wait())
            try:
                await asyncio.wait([kopf, silent], return_when=asyncio.FIRST_COMPLETED)
                if kopf.done():
                    await kopf
                    raise RuntimeError("kopf ended on its own; its log says why")
                logger.info("a watch is silent: listing Workflows and Incidents again")
            finally:
                stop.set()
                silent.cancel()
                await asyncio.gather(
                    kopf, return_exceptions=True
                )  # its thread takes a moment to end

    async def _follow_until(self, stop: threading.Event) -> None:
        loop = asyncio.get_running_loop()

        def take(resource: Resource, kind: str | None, raw: Raw) -> None:
            loop.call_soon_threadsafe(
                self._on_definition, resource, kind, without_managed_fields(raw)
            )

        await self._follow(
            self._client.credentials, (WORKFLOWS, INCIDENTS), self._namespaces, take, stop
        )

    async def drop_missing(self) -> None:
        """Drop deleted Workflows and Incidents, since kopf's list does not report deletions. Raises
        ApiError."""
        caches = ((WORKFLOWS, self._caches.workflows), (INCIDENTS, self._caches.incidents))
        for resource, cache in caches:
            if not (known := {raw["metadata"]["uid"] for raw in cache}):
                continue
            for scope in self._namespaces or (None,):
                listed, _ = await self._client.list(resource, scope, metadata_only=True)
                known -= {raw["metadata"]["uid"] for raw in listed}
            for raw in cache:
                if raw["metadata"]["uid"] in known:
                    self._on_definition(resource, "DELETED", raw)

    # Events

    def _on_definition(self, resource: Resource, kind: str | None, raw: Raw) -> None:
        old = self._caches.workflows.get(*key_of(raw)) if resource is WORKFLOWS else None
        self._definitions.take(resource, kind, raw)
        if resource is WORKFLOWS and kind == "DELETED":
            self._judge.forget(key_of(raw))
            self._operator_metrics.forget_workflow(
                raw["metadata"]["namespace"], raw["metadata"]["name"]
            )
        if resource is not WORKFLOWS:
            return
        if kind != "DELETED" and old is None:
            self._operator_metrics.workflow_seen(
                raw["metadata"]["namespace"], raw["metadata"]["name"]
            )
        if kind not in (None, "DELETED") and old and _generation(old) == _generation(raw):
            return
        for namespace, name in self._judge.parents_of(raw):
            self._definitions.enqueue_named(WORKFLOWS, namespace, name)
        for namespace, name in self._trigger_judge.users_of(raw):
            self._definitions.enqueue_named(TRIGGERS, namespace, name)

    def _on_template(self, resource: Resource, kind: str, raw: Raw, old: Raw | None) -> None:
        if kind != "DELETED":
            self._definitions.enqueue(resource, raw)
        if kind == "MODIFIED" and old is not None and _generation(old) == _generation(raw):
            return
        for namespace, name in self._judge.users_of(raw):
            self._definitions.enqueue_named(WORKFLOWS, namespace, name)

    def _on_trigger(self, kind: str, raw: Raw, old: Raw | None) -> None:
        if kind == "DELETED" or (old and old["metadata"]["uid"] != raw["metadata"]["uid"]):
            self._triggers.forget(old or raw)
            self._operator_metrics.forget_trigger(
                raw["metadata"]["namespace"], raw["metadata"]["name"]
            )
        if kind != "DELETED":
            self._operator_metrics.trigger_seen(
                raw["metadata"]["namespace"], raw["metadata"]["name"]
            )
            self._definitions.enqueue(TRIGGERS, raw)
            self._triggers.changed(raw)


def _generation(raw: Raw) -> int:
    generation: int = raw["metadata"]["generation"]
    return generation
