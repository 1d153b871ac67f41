"""Derives the state of an attempt from its Job and Pods.

The end of the container `action` is the evidence (jobs/evidence.py): exit code 0, with its
termination message, takes precedence over any condition of the Job, which comes two to four seconds
later. A failure waits for the Job's verdict only if Kubernetes may have caused it, because only
that distinguishes a failure from a disruption; `FailureTarget` is sufficient, since the terminal
condition waits until every pod is deleted (KEP-3939), which on a dead machine never happens.

`pods` are always those that the Job controls, by its uid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.engine.observed import Attempt, AttemptState
from orchestrator.engine.times import optional_from_rfc3339
from orchestrator.jobs.attempt import ExecutionIdentity
from orchestrator.jobs.evidence import (
    disruption_of,
    failed_by_itself,
    has_begun,
    has_ended,
    has_succeeded,
    is_disturbed,
    kept_deadline,
    phase_of,
    terminated,
    was_signalled,
)
from orchestrator.jobs.outputs import OutputsProblem, read_outputs
from orchestrator.jobs.pending import failed_init, why_refused, why_silent, why_waiting
from orchestrator.models.labels import EXECUTION_UID, NODE
from orchestrator.models.reasons import Reason
from orchestrator.models.template import TemplateSpec

Raw = Mapping[str, Any]
_DISRUPTIONS = {
    "EvictionByEvictionAPI": "evicted through the API, as a drain or an autoscaler does",
    "PreemptionByScheduler": "preempted by a pod of higher priority",
    "DeletionByTaintManager": "removed from a node that is lost or tainted",
    "DeletionByPodGC": "lost with its node",
    "TerminationByKubelet": "evicted by its node, which is short of resources or shuts down",
}
"""By the reason of DisruptionTarget: what happened to the pod."""


def observe(
    template: TemplateSpec,
    job: Raw | None,
    pods: Sequence[Raw],
    events: Sequence[Raw] = (),
    *,
    disruption_matters: bool = True,
) -> Attempt:
    """One attempt. `events` are warnings about a Job without a pod.

    `disruption_matters`: whether a retry depends on the kind of failure; if so, even an exit code
    of the action's own counts only after the kubelet's final report about the pod.
    """
    name = job["metadata"]["name"] if job else ""
    for pod in pods:
        if has_succeeded(pod):
            return _succeeded(template, pod, name)
    if not disruption_matters:
        # Before the Job's verdict: no later observation may change it.
        for pod in pods:
            if failed_by_itself(pod):
                return _failed(template, {}, [pod], name)
    verdict = failure(job)
    if verdict is not None:
        return _failed(template, verdict, pods, name)
    if completed(job):
        return _without_pod(template, name)
    for pod in pods:
        if _has_failed_for_good(pod) or (job is None and phase_of(pod) == "Failed"):
            return _failed(template, {}, [pod], name)
    return unfinished(job, pods, events)


def _has_failed_for_good(pod: Raw) -> bool:
    """Whether the Job's verdict can only be that its pod failed or timed out."""
    return phase_of(pod) == "Failed" and not is_disturbed(pod)


def failure(job: Raw | None) -> Raw | None:
    """The condition that says that the Job failed or is failing, if there is one."""
    return _condition(job, "Failed") or _condition(job, "FailureTarget")


def completed(job: Raw | None) -> bool:
    """Whether the Job reports success."""
    return bool(_condition(job, "Complete") or _condition(job, "SuccessCriteriaMet"))


def evident(pods: Sequence[Raw]) -> bool:
    """Whether there is a pod that ended; one observed as pending may have ended since."""
    return any(has_ended(pod) for pod in pods)


def is_ours(job: Raw, identity: ExecutionIdentity) -> bool:
    """Whether a Job with the right name belongs to this execution: owner and label, both by uid."""
    metadata = job["metadata"]
    owners = {owner.get("uid") for owner in metadata.get("ownerReferences") or ()}
    label = (metadata.get("labels") or {}).get(EXECUTION_UID)
    return identity.uid in owners and label == identity.uid


def _succeeded(template: TemplateSpec, pod: Raw, job: str) -> Attempt:
    ended = terminated(pod)
    started_at, finished_at = _times(pod)
    outputs = read_outputs(template, ended.get("message") or "")
    if isinstance(outputs, OutputsProblem):
        # The action did its work: a retry would not repair what went wrong.
        return Attempt(
            AttemptState.FAILED,
            outputs.reason,
            outputs.message,
            exit_code=0,
            started_at=started_at,
            finished_at=finished_at,
            permanent=True,
            job=job,
        )
    return Attempt(
        AttemptState.SUCCEEDED,
        started_at=started_at,
        finished_at=finished_at,
        outputs=outputs,
        job=job,
    )


def _failed(template: TemplateSpec, verdict: Raw, pods: Sequence[Raw], job: str) -> Attempt:
    pod = _newest([pod for pod in pods if has_ended(pod)])
    if pod is None and verdict.get("reason") == "DeadlineExceeded":
        pod = _newest(pods)  # the cause of the wait is why it never started
    started_at, finished_at = _times(pod)
    finished_at = finished_at or optional_from_rfc3339(verdict.get("lastTransitionTime"))
    ended = terminated(pod)
    code = ended.get("exitCode")
    state, reason, message = _why_failed(verdict, pod, ended)
    return Attempt(
        state,
        reason,
        message,
        exit_code=code,
        started_at=started_at,
        finished_at=finished_at,
        permanent=reason == Reason.FAILED and code in template.permanent_exit_codes,
        job=job,
    )


def _why_failed(verdict: Raw, pod: Raw | None, ended: Raw) -> tuple[AttemptState, str, str]:
    pod_reason = (pod or {}).get("status", {}).get("reason", "")
    if verdict.get("reason") == "PodFailurePolicy" or (not verdict and disruption_of(pod)):
        return AttemptState.FAILED, Reason.DISRUPTED, _disruption(pod)
    if pod is not None and pod_reason == "DeadlineExceeded" and not kept_deadline(pod):
        if not ended.get("startedAt"):
            message = "did not start within the node's timeout"
            return AttemptState.FAILED, Reason.NEVER_STARTED, message
        return AttemptState.TIMED_OUT, Reason.TIMED_OUT, "ran longer than the node's timeout"
    if verdict.get("reason") == "DeadlineExceeded":
        return _never_started(pod, ended)
    if pod is None:
        message = f"the pod was deleted: {verdict.get('message', '')}".rstrip(": ")
        return AttemptState.FAILED, Reason.POD_DELETED, message
    if "deletionTimestamp" in pod["metadata"] and (not ended or was_signalled(ended)):
        message = "the pod was deleted by others before its action had ended"
        return AttemptState.FAILED, Reason.POD_DELETED, message
    return AttemptState.FAILED, Reason.FAILED, _exit_words(pod, ended)


def _never_started(pod: Raw | None, ended: Raw) -> tuple[AttemptState, str, str]:
    """The Job's deadline passed, which is twice the pod's: most of it passed before the start."""
    if ended or (pod and has_begun(pod)):
        message = "had not ended when twice the node's timeout had passed since its Job started"
        return AttemptState.TIMED_OUT, Reason.TIMED_OUT, message
    message = "did not start within twice the node's timeout"
    reason, why = why_waiting(pod) if pod else ("", "")
    if reason:
        return AttemptState.FAILED, reason, f"{why} ({message})"
    return AttemptState.FAILED, Reason.NEVER_STARTED, message


def _exit_words(pod: Raw, ended: Raw) -> str:
    code = ended.get("exitCode")
    if ended.get("reason") == "OOMKilled":
        return f"out of memory: the container exceeded its memory limit (exit code {code})"
    said = (ended.get("message") or "").strip()
    if ended.get("reason") in ("StartError", "ContainerCannotRun"):
        return f"the container could not start: {said or ended.get('reason')}"
    if said and not said.startswith("{"):
        return said
    if code is None:
        if injected := failed_init(pod):
            return injected
        status = pod.get("status", {})
        return status.get("message") or status.get("reason") or "the pod failed"
    return f"exit code {code}"


def _disruption(pod: Raw | None) -> str:
    target = disruption_of(pod)
    if target is None:
        return "the pod was disrupted: evicted, preempted or lost with its node"
    reason = target.get("reason", "")
    said = ": ".join(part for part in (reason, target.get("message")) if part)
    return f"the pod was {_DISRUPTIONS.get(reason, 'disrupted')} ({said})"


def exit_words(pod: Raw) -> str:
    """Why a failed pod failed."""
    return _exit_words(pod, terminated(pod))


def _without_pod(template: TemplateSpec, job: str) -> Attempt:
    if any(output.required for output in template.outputs):
        return Attempt(
            AttemptState.FAILED,
            Reason.OUTPUTS_LOST,
            "the Job succeeded, but its pod was removed by others before its outputs were stored",
            permanent=True,
            job=job,
        )
    return Attempt(AttemptState.SUCCEEDED, job=job)


def unfinished(job: Raw | None, pods: Sequence[Raw], events: Sequence[Raw]) -> Attempt:
    """An attempt that has not ended: whether its action runs, or what it waits for."""
    name = job["metadata"]["name"] if job else ""
    status = (job or {}).get("status") or {}
    made_at = created_at(job)
    if status.get("ready"):
        return Attempt(AttemptState.RUNNING, made_at=made_at, job=name)
    if begun := _newest([pod for pod in pods if has_begun(pod)]):
        return Attempt(AttemptState.RUNNING, *why_silent(begun), made_at=made_at, job=name)
    pod = _newest(pods)
    reason, message = why_waiting(pod) if pod else ("", "")
    if not reason and job and not pods and events:
        reason, message = why_refused(events[-1].get("message", ""), job["metadata"])
    return Attempt(AttemptState.PENDING, reason, message, made_at=made_at, job=name)


def node_of(job: Raw) -> str:
    """The node that a Job was created for, from its annotation."""
    node: str = (job["metadata"].get("annotations") or {}).get(NODE, "")
    return node


def fans_out(job: Raw) -> bool:
    """Whether the Job would continue with other pods after the current ones."""
    return bool(job["spec"].get("completionMode") == "Indexed")


def created_at(raw: Raw | None) -> float | None:
    """When an object was created, if there is one."""
    return optional_from_rfc3339(raw["metadata"].get("creationTimestamp")) if raw else None


def _condition(raw: Raw | None, kind: str) -> Raw | None:
    for condition in ((raw or {}).get("status") or {}).get("conditions") or ():
        if condition.get("type") == kind and condition.get("status") == "True":
            found: Raw = condition
            return found
    return None


def _newest(pods: Sequence[Raw]) -> Raw | None:
    return max(pods, key=lambda pod: pod["metadata"].get("creationTimestamp", ""), default=None)


def _times(pod: Raw | None) -> tuple[float | None, float | None]:
    ended = terminated(pod)
    return (
        optional_from_rfc3339(ended.get("startedAt")),
        optional_from_rfc3339(ended.get("finishedAt")),
    )
