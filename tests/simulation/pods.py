"""Pods as the Job controller creates and evaluates them."""

from __future__ import annotations

import json

from orchestrator.jobs.context import INDEX, INDEX_VARIABLE, VARIABLE
from orchestrator.jobs.evidence import terminated
from tests.simulation.store import Key
from tests.simulation.views import Raw

__all__ = [
    "INDEX", "JOB_NAME", "JOB_UID", "ended", "key_of", "pod_metadata", "rule_of", "stopped",
    "work_of",
]  # fmt: skip

JOB_NAME = "batch.kubernetes.io/job-name"
JOB_UID = "batch.kubernetes.io/controller-uid"
FAILURES = "batch.kubernetes.io/job-index-failure-count"
TRACKING = "batch.kubernetes.io/job-tracking"
"""The finalizer by which a pod stays until its Job has counted it."""


def pod_metadata(job: Raw, index: int, failures: int) -> Raw:
    """The metadata of a pod that the Job controller makes."""
    metadata, uid = job["spec"]["template"]["metadata"], job["metadata"]["uid"]
    name = job["metadata"]["name"]
    labels = {JOB_NAME: name, "job-name": name, JOB_UID: uid, "controller-uid": uid}
    annotations = {}
    infix = ""
    if job["spec"].get("completionMode") == "Indexed":
        labels[INDEX] = annotations[INDEX] = str(index)
        annotations[FAILURES] = str(failures)
        infix = f"{index}-"
    owner = {
        "apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": uid, "controller": True,
        "blockOwnerDeletion": True,
    }  # fmt: skip
    return {
        "generateName": f"{name}-{infix}",
        "labels": {**metadata.get("labels", {}), **labels},
        "annotations": {**metadata.get("annotations", {}), **annotations},
        "finalizers": [TRACKING],
        "ownerReferences": [owner],
    }


def rule_of(spec: Raw, pod: Raw) -> str | None:
    """The action of the Job's first podFailurePolicy rule that a failed pod matches."""
    conditions = {c["type"] for c in pod["status"].get("conditions") or ()}
    codes = {
        status["state"]["terminated"]["exitCode"]
        for status in pod["status"]["containerStatuses"]
        if "terminated" in status["state"]
    }
    for rule in (spec.get("podFailurePolicy") or {}).get("rules") or ():
        wanted = rule.get("onExitCodes")
        by_code = wanted is not None and bool(codes & set(wanted["values"]))
        by_condition = any(c["type"] in conditions for c in rule.get("onPodConditions") or ())
        if by_code or by_condition:
            action: str = rule["action"]
            return action
    return None


def work_of(raw: Raw) -> tuple[str, str, int]:
    """The execution, node and attempt that the container of a Job or pod is given."""
    spec = raw["spec"].get("template", raw)["spec"]
    values = {item["name"]: item.get("value", "") for item in spec["containers"][0]["env"]}
    parts = json.loads(values[VARIABLE].replace(f"$({INDEX_VARIABLE})", "0"))
    return parts["execution"], parts["node"], parts["attempt"]


def ended(pod: Raw) -> bool:
    """Whether its containers have stopped for good."""
    return pod["status"].get("phase") in ("Succeeded", "Failed")


def stopped(pod: Raw) -> bool:
    """Whether its container `action` has ended, or the pod itself."""
    return ended(pod) or bool(terminated(pod))


def key_of(plural: str, raw: Raw) -> Key:
    """Where the store has it."""
    return plural, raw["metadata"].get("namespace", ""), raw["metadata"]["name"]
