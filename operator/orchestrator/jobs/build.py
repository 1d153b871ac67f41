"""Builds the Job of one attempt: the Template's fields rendered one by one, within allow-lists.

The Indexed Job of a fan-out is built in `jobs.fan_out`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.jobs.attempt import ExecutionIdentity, NodeJob
from orchestrator.jobs.container import check_size, container, grace_seconds
from orchestrator.jobs.context import idempotency_key
from orchestrator.jobs.environment import environment
from orchestrator.jobs.names import job_name
from orchestrator.jobs.refusal import JobRefused
from orchestrator.jobs.volumes import volumes
from orchestrator.models import labels
from orchestrator.models.base import API_VERSION
from orchestrator.models.pod import Action, PodSettings
from orchestrator.models.template import TemplateSpec

__all__ = ["ExecutionIdentity", "JobRefused", "NodeJob", "build_job"]

DEFAULT_USER = 65532
"""The user of an action whose Template names none: the image may name one, but the restricted level
cannot know whether a name is root."""


def build_job(
    template: TemplateSpec,
    job: NodeJob,
    identity: ExecutionIdentity,
    pod: PodSettings | None,
    runner_image: str,
) -> dict[str, Any]:
    """The Job's manifest for the API. Raises JobRefused with a reason and the path."""
    assert template.action is not None
    scope = template_scope(job, identity, runner_image)
    pod_spec = build_pod(template.action, template, job, identity, pod, scope)
    check_size(pod_spec["containers"][0])
    marks = metadata(job, identity)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": job_name(identity.workflow, job.node, identity.uid, job.attempt),
            "namespace": identity.namespace,
            **marks,
            "ownerReferences": [owner(identity)],
        },
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": 2 * job.timeout_seconds,
            "podFailurePolicy": _FAIL_ON_DISRUPTION,  # replaces pods once Failed
            "template": {
                "metadata": pod_metadata(marks, pod),
                "spec": pod_spec,
            },
        },
    }


_FAIL_ON_DISRUPTION = {
    "rules": [
        {
            "action": "FailJob",
            "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
        }
    ]
}


def template_scope(
    job: NodeJob, identity: ExecutionIdentity, runner_image: str, index: int | None = None
) -> dict[str, Any]:
    """The scope of a Template's expressions; `index` is the item's in a fan-out."""
    return {
        "params": job.parameters,
        "runner": {"image": runner_image},
        "execution": identity.view,
        "workflow": {"name": identity.workflow, "namespace": identity.namespace},
        "node": {
            "name": job.node,
            "attempt": job.attempt,
            "iteration": job.iteration,
            "key": idempotency_key(identity.uid, job.node, job.iteration, index),
        },
        "index": index,
    }


def metadata(job: NodeJob, identity: ExecutionIdentity) -> dict[str, Any]:
    """The labels and annotations of all objects of an attempt: watches select by them, and they
    identify a Job's attempt. Its owner is the execution."""
    return {
        "labels": {labels.EXECUTION_UID: identity.uid},
        "annotations": {labels.NODE: job.node, labels.ATTEMPT: str(job.attempt)},
    }


def pod_metadata(marks: Mapping[str, Any], pod: PodSettings | None) -> dict[str, Any]:
    """The label of its pods, and the workflow's own labels and annotations; CONTEXT identifies a
    pod's node."""
    if pod is None:
        return {"labels": marks["labels"]}
    metadata: dict[str, Any] = {"labels": {**(pod.labels or {}), **marks["labels"]}}
    if pod.annotations:
        metadata["annotations"] = dict(pod.annotations)
    return metadata


def owner(identity: ExecutionIdentity) -> dict[str, Any]:
    """The execution as the owner of its objects."""
    return {
        "apiVersion": API_VERSION,
        "kind": "WorkflowExecution",
        "name": identity.name,
        "uid": identity.uid,
        "controller": True,
    }


def build_pod(
    action: Action,
    template: TemplateSpec,
    job: NodeJob,
    identity: ExecutionIdentity,
    pod: PodSettings | None,
    scope: Mapping[str, Any],
    *,
    fan_out: bool = False,
) -> dict[str, Any]:
    """The spec of a pod at the restricted level. Raises JobRefused with the path."""
    pod_volumes, mounts = volumes(action)
    env = environment(template, job, identity, scope, fan_out=fan_out)
    spec: dict[str, Any] = {
        "restartPolicy": "Never",
        "activeDeadlineSeconds": job.timeout_seconds,
        "enableServiceLinks": False,
        "automountServiceAccountToken": action.service_account_name is not None,
        "securityContext": _security_context(action),
        "containers": [container(action, env, mounts, scope)],
    }
    if pod_volumes:
        spec["volumes"] = pod_volumes
    if (grace := grace_seconds(action)) is not None:
        spec["terminationGracePeriodSeconds"] = grace
    if action.service_account_name is not None:
        spec["serviceAccountName"] = action.service_account_name
    if pod is not None:
        spec.update(_placement(pod))
    return spec


def _security_context(action: Action) -> dict[str, Any]:
    chosen = action.security_context
    context: dict[str, Any] = {
        "runAsNonRoot": True,
        "runAsUser": DEFAULT_USER,
        "runAsGroup": DEFAULT_USER,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    if chosen is not None:
        if chosen.run_as_user is not None:
            context["runAsUser"] = chosen.run_as_user
            context["runAsGroup"] = chosen.run_as_user
        if chosen.run_as_group is not None:
            context["runAsGroup"] = chosen.run_as_group
        if chosen.fs_group is not None:
            context["fsGroup"] = chosen.fs_group
    if "fsGroup" not in context and any(
        volume.persistent_volume_claim for volume in action.volumes or ()
    ):
        context["fsGroup"] = context["runAsGroup"]
    return context


def _placement(pod: PodSettings) -> dict[str, Any]:
    raw = pod.model_dump(
        mode="json",
        by_alias=True,
        exclude_none=True,
        include={"node_selector", "tolerations", "image_pull_secrets", "priority_class_name"},
    )
    return {key: value for key, value in raw.items() if value}
