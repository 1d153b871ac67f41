"""A fake Job controller and kubelet in virtual time: pods start and end as scripted.

As in Kubernetes 1.35: a Job turns Complete a second or two after its pod Succeeded, a failure is
first FailureTarget, a pod whose deadline is lowered ends with its log, a Job whose own deadline
passes has its pods removed, and a pod that is deleted while it runs first fails, and is there until
the Job controller has counted it. With `Stages` a container's end is in the pod's status a while
before the pod's phase changes.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from orchestrator.engine.ranges import format_ranges
from orchestrator.engine.times import to_rfc3339
from tests.simulation.pods import (
    INDEX,
    JOB_NAME,
    JOB_UID,
    ended,
    key_of,
    pod_metadata,
    rule_of,
    stopped,
    work_of,
)
from tests.simulation.stages import (
    AT_ONCE,
    NEVER,
    Outcome,
    Stages,
    final_status,
    last_status,
    left,
    stuck_status,
)
from tests.simulation.store import Key, Store
from tests.simulation.views import Raw

__all__ = ["Kubelet", "Outcome", "Script"]

QUICK = 0.2
"""Seconds that a container must run to be seen running, where there are stages."""
Script = Callable[[str, str, int, int], Outcome]
"""(execution, node, attempt, index) → how it ends."""


@dataclass
class _Job:
    key: Key
    uid: str
    timers: list[asyncio.TimerHandle] = field(default_factory=list)
    running: dict[int, Key] = field(default_factory=dict)
    """Pods that have not ended, by index."""
    done: set[int] = field(default_factory=set)
    failed: set[int] = field(default_factory=set)
    tries: dict[int, int] = field(default_factory=dict)
    """Pods of an index that failed and were counted."""
    begun: dict[int, int] = field(default_factory=dict)
    """All pods of an index that ran."""
    over: bool = False


class Kubelet:
    """Runs every Job of a store."""

    def __init__(
        self, store: Store, script: Script, rng: random.Random, stages: Stages = AT_ONCE
    ) -> None:
        self._stages = stages
        self._store, self._script, self._rng = store, script, rng
        self._jobs: dict[Key, _Job] = {}
        self.unfinished: dict[tuple[str, str], int] = {}
        """Pods that have not ended, by execution's name and node."""
        store.observers.append(self._changed)
        store.delete_pod = self._delete_pod
        store.collect = lambda key: self._after(rng.uniform(0.1, 2.0), store.collected, key)

    def _changed(self, plural: str, old: Raw | None, new: Raw | None) -> None:
        if plural not in ("jobs", "pods"):
            return
        if plural == "jobs":
            raw = new or old
            assert raw is not None
            key = key_of("jobs", raw)
            if old is None:
                self._begin(key, raw)
            elif new is None:
                self._forget(key)
            elif old["spec"] != new["spec"] and not self._jobs[key].over:
                self._deadline(self._jobs[key], new)
        elif old and new and old["spec"] != new["spec"] and not ended(new):  # a pod's deadline
            seconds = left(new, self._store.clock()) if self._stages.seconds else 0.0
            self._after(max(0.3, seconds), self._past_deadline, key_of("pods", new))

    # Jobs

    def _begin(self, key: Key, raw: Raw) -> None:
        job = self._jobs[key] = _Job(key, raw["metadata"]["uid"])
        self._store.set_status(key, startTime=self._now())
        self._deadline(job, raw)
        spec = raw["spec"]
        for index in range(min(spec.get("parallelism", 1), spec.get("completions", 1))):
            job.tries[index] = 0
            self._later(job, self._rng.uniform(0.02, 0.3), self._pod, job, index)

    def _forget(self, key: Key) -> None:
        job = self._jobs.pop(key, None)
        if job is not None:
            job.over = True
            for timer in job.timers:
                timer.cancel()

    def _deadline(self, job: _Job, raw: Raw) -> None:
        seconds = raw["spec"].get("activeDeadlineSeconds")
        if seconds is not None:
            self._later(job, float(seconds), self._overdue, job)

    def _overdue(self, job: _Job) -> None:
        if job.over or job.key not in self._store.objects:
            return
        self._fail(job, "DeadlineExceeded", "Job was active longer than specified deadline")
        for pod in list(job.running.values()):
            self._delete_pod(pod, 1.0)

    def _pod(self, job: _Job, index: int) -> None:
        raw = self._store.objects.get(job.key)
        if raw is None or job.over:
            return
        template = raw["spec"]["template"]
        pod = self._store.create(
            "pods",
            job.key[1],
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": pod_metadata(raw, index, job.tries.get(index, 0)),
                "spec": {**template["spec"], "nodeName": "n1"},
            },
        )
        key = key_of("pods", pod)
        job.running[index] = key
        self._count(raw, 1)
        self._after(self._rng.uniform(0.02, 0.4), self._run, job, index, key)

    def _run(self, job: _Job, index: int, key: Key) -> None:
        pod = self._store.objects.get(key)
        if pod is None or ended(pod) or "deletionTimestamp" in pod["metadata"]:
            return
        execution, node, attempt = work_of(pod)
        attempt += 100 * job.begun.get(index, 0)
        outcome = self._script(execution, node, attempt, index)
        if outcome.kind == "stuck":
            pod = self._store.set_status(key, **stuck_status(self._now()))
            self._after(left(pod, self._store.clock()), self._past_deadline, key)
            return
        # What ends at once has ended before the kubelet says that it runs.
        quick = self._stages.seconds > 0 and outcome.seconds < QUICK
        self._store.set_status(key, phase="Pending" if quick else "Running", startTime=self._now())
        if not quick and job.key in self._store.objects and not job.over:
            self._store.set_status(job.key, active=len(job.running), ready=1)
        job.begun[index] = job.begun.get(index, 0) + 1
        limit = float(pod["spec"]["activeDeadlineSeconds"])
        if outcome.kind == "hang" or outcome.seconds > limit:
            outcome = Outcome("hang", limit)
        self._after(outcome.seconds, self._end, key, outcome)

    # Pods

    def _end(self, key: Key, outcome: Outcome) -> None:
        """The action ends; the pod's phase says so at once, or a while later."""
        pod = self._store.objects.get(key)
        if pod is None or stopped(pod):
            return
        self._count(pod, -1)
        stays = self._stages.injected(*work_of(pod)[:2])
        if outcome.kind not in ("success", "failure", "permanent"):
            stays = None  # who ends the pod ends all of it
        if self._stages.seconds == 0:
            self._store.set_status(key, **last_status(pod, outcome, self._now(), at_once=True))
            self._gone(key)
            return
        status = last_status(pod, outcome, self._now(), injected=stays is not None)
        self._store.set_status(key, **status)
        if stays == NEVER:
            self._after(left(pod, self._store.clock()), self._past_deadline, key)
        else:
            self._after(self._stages.seconds + (stays or 0.0), self._phase, key, outcome)

    def _phase(self, key: Key, outcome: Outcome) -> None:
        """All containers of the pod have ended, and its phase says so."""
        pod = self._store.objects.get(key)
        if pod is not None and not ended(pod):
            self._store.set_status(key, **final_status(pod, outcome, self._store.clock()))
            self._gone(key)

    def _past_deadline(self, key: Key) -> None:
        """A pod's deadline is over."""
        pod = self._store.objects.get(key)
        if pod is None or ended(pod):
            return
        if stopped(pod):
            self._phase(key, Outcome("hang"))
        else:
            self._end(key, Outcome("hang"))

    def _delete_pod(self, key: Key, grace: float) -> None:
        pod = self._store.objects.get(key)
        if pod is None:
            return
        if "deletionTimestamp" not in pod["metadata"]:
            pod = self._store.mark_deleted(key, grace)
        if ended(pod):
            self._let_go(key)
        elif grace == 0:
            self._end(key, Outcome("deleted"))
            self._phase(key, Outcome("deleted"))
        else:
            self._after(min(grace, 1.0), self._delete_pod, key, 0.0)

    def _gone(self, key: Key) -> None:
        """A pod has ended."""
        pod = self._store.objects[key]
        job = self._job_of(pod)
        if job is None:
            self._counted(key)
            return
        index = int(pod["metadata"]["labels"].get(INDEX, 0))
        job.running.pop(index, None)
        if job.over:
            self._counted(key)
        else:
            self._later(job, self._rng.uniform(0.9, 2.0), self._judge, job, index, key, pod)

    def _counted(self, key: Key) -> None:
        """The Job controller needs the pod no more."""
        if (pod := self._store.objects.get(key)) is not None:
            metadata = {f: v for f, v in pod["metadata"].items() if f != "finalizers"}
            self._store.replace(key, {**pod, "metadata": metadata})
            self._let_go(key)

    def _let_go(self, key: Key) -> None:
        """Remove a pod whose deletion was asked for, unless it has still to be counted."""
        pod = self._store.objects[key]
        metadata = pod["metadata"]
        job = self._job_of(pod)
        counted = "finalizers" not in metadata or job is None or job.over
        if "deletionTimestamp" in metadata and counted:
            self._store.remove(key)

    def _job_of(self, pod: Raw) -> _Job | None:
        labels = pod["metadata"]["labels"]
        job = self._jobs.get(("jobs", pod["metadata"]["namespace"], labels[JOB_NAME]))
        return job if job is not None and job.uid == labels[JOB_UID] else None

    # Verdicts

    def _judge(self, job: _Job, index: int, key: Key, pod: Raw) -> None:
        """The Job controller sees that a pod has ended."""
        raw = self._store.objects.get(job.key)
        if raw is not None and not job.over:
            spec, succeeded = raw["spec"], pod["status"]["phase"] == "Succeeded"
            rule = None if succeeded else rule_of(spec, pod)
            if rule == "FailJob":
                self._fail(job, "PodFailurePolicy", "Pod matching FailJob rule: DisruptionTarget")
            elif spec.get("completionMode") == "Indexed":
                self._judge_index(job, spec, index, succeeded, rule)
            elif succeeded:
                self._complete(job, 1)
            else:
                self._fail(
                    job, "BackoffLimitExceeded", "Job has reached the specified backoff limit"
                )
        self._counted(key)

    def _judge_index(
        self, job: _Job, spec: Raw, index: int, succeeded: bool, rule: str | None
    ) -> None:
        if rule != "Ignore":
            job.tries[index] = job.tries.get(index, 0) + 1
        again = rule == "Ignore" or (
            rule != "FailIndex" and job.tries[index] <= spec.get("backoffLimitPerIndex", 0)
        )
        if succeeded:
            job.done.add(index)
        elif again:
            self._later(job, self._rng.uniform(0.5, 2.0), self._pod, job, index)
            return
        else:
            job.failed.add(index)
        self._store.set_status(
            job.key,
            active=len(job.running),
            succeeded=len(job.done),
            completedIndexes=format_ranges(job.done),
            failedIndexes=format_ranges(job.failed),
        )
        begun = len(job.done) + len(job.failed) + len(job.running)
        if len(job.failed) > spec["maxFailedIndexes"]:
            self._fail(job, "MaxFailedIndexesExceeded", "Job has exceeded the failed indexes")
            for pod in list(job.running.values()):
                self._delete_pod(pod, 1.0)
        elif len(job.done) + len(job.failed) == spec["completions"]:
            if job.failed:
                self._fail(job, "FailedIndexes", "Job has failed indexes")
            else:
                self._complete(job, len(job.done))
        elif begun < spec["completions"]:
            following = max([*job.done, *job.failed, *job.running, *job.tries]) + 1
            if following < spec["completions"]:
                job.tries.setdefault(following, 0)
                self._later(job, 0.1, self._pod, job, following)

    def _complete(self, job: _Job, succeeded: int) -> None:
        job.over = True
        conditions = [self._condition(kind) for kind in ("SuccessCriteriaMet", "Complete")]
        self._store.set_status(
            job.key, conditions=conditions, succeeded=succeeded, ready=0, active=0,
            completionTime=self._now(),
        )  # fmt: skip

    def _fail(self, job: _Job, reason: str, message: str) -> None:
        job.over = True
        target = self._condition("FailureTarget", reason=reason, message=message)
        self._store.set_status(job.key, conditions=[target])
        self._after(self._rng.uniform(0.5, 2.0), self._failed, job, target)

    def _failed(self, job: _Job, target: Raw) -> None:
        """Failed, once no pod is running."""
        if self._jobs.get(job.key) is not job:
            return
        if job.running:
            self._after(0.5, self._failed, job, target)
            return
        final = {**target, "type": "Failed", "lastTransitionTime": self._now()}
        self._store.set_status(job.key, conditions=[target, final], ready=0, active=0)

    # Small things

    def _condition(self, kind: str, **fields: str) -> Raw:
        return {"type": kind, "status": "True", "lastTransitionTime": self._now(), **fields}

    def _count(self, raw: Raw, by: int) -> None:
        key = work_of(raw)[:2]
        self.unfinished[key] = self.unfinished.get(key, 0) + by

    def _now(self) -> str:
        return to_rfc3339(self._store.clock())[:19] + "Z"

    def _after(self, seconds: float, work: Callable[..., None], *args: Any) -> None:
        asyncio.get_running_loop().call_later(seconds, work, *args)

    def _later(self, job: _Job, seconds: float, work: Callable[..., None], *args: Any) -> None:
        job.timers.append(asyncio.get_running_loop().call_later(seconds, work, *args))
