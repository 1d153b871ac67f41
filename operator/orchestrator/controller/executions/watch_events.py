"""Handles events of executions, Jobs and pods, and requeues the executions concerned.

A Job changes four or five times for one pod, and a pass over its execution costs more than reading
the event.
"""

from __future__ import annotations

from typing import Any

from orchestrator.controller.executions.active import ActiveExecutions
from orchestrator.controller.executions.observe.fan_out import check_interval
from orchestrator.controller.executions.reconcile_context import ReconcileContext
from orchestrator.controller.executions.state.admitted import execution_reference
from orchestrator.controller.executions.trace import log
from orchestrator.jobs.evidence import controller_of, phase_of
from orchestrator.jobs.observe import fans_out, node_of
from orchestrator.kube.cache import JOB_NAME, Raw, execution_of, execution_owner
from orchestrator.models.reasons import EventReason

_COUNTS = ("conditions", "completedIndexes", "failedIndexes")


class WatchEvents:
    """Records which nodes an event concerns, and enqueues their executions.

    The caches already contain the object; `kind` is ADDED, MODIFIED or DELETED, `old` is the
    previous version.
    """

    def __init__(self, context: ReconcileContext, active: ActiveExecutions) -> None:
        self._context = context
        self._active = active
        self._begun = False

    def begin(self) -> None:
        """Enqueue everything known, and all events from now on: until now this replica was on
        standby."""
        self._begun = True
        for raw in self._context.executions:
            execution = raw["metadata"]["namespace"], raw["metadata"]["name"]
            log.debug(execution, "event: execution ADDED")
            self._context.queue.add(execution)
        for raw in self._context.jobs:
            if (key := execution_of(raw)) is not None:
                self._context.queue.add(key)

    def on_execution(self, kind: str, raw: Raw, _: Raw | None) -> None:
        """An execution changed or no longer matches the selection: its parent may wait for that."""
        if not self._begun:
            return
        metadata, queue = raw["metadata"], self._context.queue
        queue.add((metadata["namespace"], metadata["name"]))
        log.debug((metadata["namespace"], metadata["name"]), "event: execution %s", kind)
        if parent := raw["spec"].get("parent"):
            key = (metadata["namespace"], parent["name"])
            self._active.note_child(key, raw)
            queue.add(key)
        if kind == "DELETED":  # deleted or ended
            self._context.workflow_metrics.recount(
                metadata["namespace"], metadata["name"], metadata["uid"]
            )

    def on_job(self, kind: str, raw: Raw, old: Raw | None) -> None:
        """A Job of an execution changed."""
        self._context.pending.take(raw)
        if kind == "DELETED":
            self._active.forget_job(raw)
        if not self._begun or (kind == "MODIFIED" and not _job_reports(old, raw)):
            return
        if (key := execution_of(raw)) is None:
            return
        metadata = raw["metadata"]
        own = kind == "ADDED" and self._active.created(key, metadata["name"])
        ended = self._context.pods.any_ended(metadata["namespace"], metadata["uid"])
        if own and not ended and not any(_reported(raw)):
            return  # the echo of its creation; a pod observed before it was not reported
        if self._active.note_job(key, raw):
            log.debug(key, "event: Job %s %s, node %s", metadata["name"], kind, node_of(raw))
            self._context.queue.add(key)

    def on_pod(self, kind: str, raw: Raw, old: Raw | None) -> None:
        """A pod or its action has ended, or an ended pod was deleted."""
        self._context.sidecars.take(kind, raw)
        if not self._begun or (kind == "MODIFIED" and not _pod_reports(old, raw)):
            return
        job = self._job_of(raw)
        key = execution_of(job) if job is not None else None
        if job is None or key is None or not self._active.note_attempt(key, job):
            return
        if kind != "DELETED":
            self._context.operator_metrics.pod_ended(key)
        delay = self._batching(raw)
        log.debug(
            key,
            "event: pod %s %s, node %s: %s; reconciled in %.1f s",
            raw["metadata"]["name"],
            kind,
            node_of(job),
            phase_of(raw),
            delay,
        )
        self._context.queue.add_after(key, delay)

    def on_pending(self, job: Raw) -> None:
        """The cause is known why a Job's pod does not start."""
        if self._begun and (key := execution_of(job)) is not None:
            self._active.note_attempt(key, job)
            log.debug(key, "event: cause of a wait, node %s", node_of(job))
            self._context.queue.add(key)

    def on_rest_stopped(self, job: Raw, pod: Raw, containers: list[str]) -> None:
        """Injected containers were stopped in a pod of the Job whose action has ended."""
        owner = execution_owner(job)
        if owner is None or fans_out(job):  # a fan-out may have thousands
            return
        self._context.recorder.emit(
            execution_reference(job["metadata"]["namespace"], owner["name"], owner.get("uid", "")),
            EventReason.INJECTED_CONTAINER_STOPPED,
            f"{node_of(job)}: stopped {', '.join(containers)} in pod {pod['metadata']['name']}, "
            "whose action has ended",
        )

    def _batching(self, pod: Raw) -> float:
        """Seconds in which other pods of its fan-out may end: they are batched."""
        items = (self._job_of(pod) or {"spec": {}})["spec"].get("completions") or 1
        namespace, uid = pod["metadata"]["namespace"], controller_of(pod)
        return check_interval(items) if self._context.pods.count(namespace, uid) < items else 0.0

    def _job_of(self, pod: Raw) -> Raw | None:
        """The Job that controls a pod; None if it was not observed yet: its own event then reports
        the pod."""
        metadata = pod["metadata"]
        name = (metadata.get("labels") or {}).get(JOB_NAME, "")
        job = self._context.jobs.get(metadata["namespace"], name)
        return job if job and job["metadata"]["uid"] == controller_of(pod) else None


def _job_reports(old: Raw | None, new: Raw) -> bool:
    """Whether a Job reports something new."""
    return old is None or _reported(old) != _reported(new)


def _pod_reports(old: Raw | None, new: Raw) -> bool:
    """Whether an ended pod reports something new."""
    return old is None or old.get("status") != new.get("status")


def _reported(raw: Raw) -> list[Any]:
    """The parts of a Job on which a pass depends; none of them holds for a newly created one."""
    status = raw.get("status") or {}
    return [bool(status.get("ready")), *map(status.get, _COUNTS)]
