"""CONTEXT: identifies the node and attempt that a container runs, as one JSON variable.

One variable instead of one per part: each variable adds three field paths to the Job and to its
pod, and the API server converts and compares all of them at each update.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from orchestrator.jobs.attempt import ExecutionIdentity, NodeJob
from orchestrator.jobs.evidence import ACTION
from orchestrator.models.base import IDENTIFIER_PATTERN

VARIABLE = "CONTEXT"
INDEX_VARIABLE = "JOB_COMPLETION_INDEX"
"""The item's index in a fan-out. The Job controller appends it if absent; the kubelet expands
references to earlier variables only, so ours comes first."""
INDEX = "batch.kubernetes.io/job-completion-index"
"""Label and annotation of an Indexed Job's pod."""
_INDEX_REFERENCE = f"$({INDEX_VARIABLE})"
_PLACEHOLDER = "\0index\0"
"""Placeholder for the reference; no name and no uid contains it."""
_UNKNOWN = "", 1
_MAX_ATTEMPT = 2**31
"""More than the database of the history can hold."""


def idempotency_key(uid: str, node: str, iteration: int, index: object = None) -> str:
    """The idempotency key, the same in each attempt: uid/node/iteration, then /index for an item of
    a fan-out. At most 150 characters."""
    key = f"{uid}/{node}/{iteration}"
    return key if index is None else f"{key}/{index}"


def context_variables(
    job: NodeJob, identity: ExecutionIdentity, *, fan_out: bool
) -> list[dict[str, Any]]:
    """The variables; in a fan-out the kubelet puts each pod's index into CONTEXT."""
    index = _PLACEHOLDER if fan_out else None
    parts = {
        "namespace": identity.namespace,
        "workflow": identity.workflow,
        "execution": identity.name,
        "uid": identity.uid,
        "node": job.node,
        "iteration": job.iteration,
        "index": index,
        "attempt": job.attempt,
        "key": idempotency_key(identity.uid, job.node, job.iteration, index),
    }
    if identity.chain:
        parts["chain"] = identity.chain
    text = json.dumps(parts, separators=(",", ":"))
    if not fan_out:
        return [{"name": VARIABLE, "value": text}]
    escaped = json.dumps(_PLACEHOLDER)
    text = text.replace(escaped, _INDEX_REFERENCE).replace(escaped.strip('"'), _INDEX_REFERENCE)
    source = {"fieldRef": {"fieldPath": f"metadata.annotations['{INDEX}']"}}
    return [
        {"name": INDEX_VARIABLE, "valueFrom": source},
        {"name": VARIABLE, "value": text},
    ]


def node_and_attempt(pod: Mapping[str, Any]) -> tuple[str, int]:
    """The node and the attempt that a pod was created for; ("", 1) if it does not say so."""
    for container in (pod.get("spec") or {}).get("containers") or ():
        for variable in container.get("env") or ():
            if container.get("name") == ACTION and variable.get("name") == VARIABLE:
                return _read(variable.get("value") or "")
    return "", 1


def _read(text: str) -> tuple[str, int]:
    """Of a pod that someone else created, the variable can be anything."""
    try:
        parts = json.loads(text.replace(_INDEX_REFERENCE, "0"))
    except (ValueError, RecursionError):
        return _UNKNOWN
    if not isinstance(parts, dict):
        return _UNKNOWN
    node, attempt = parts.get("node"), parts.get("attempt")
    if not isinstance(node, str) or len(node) > 63 or not re.fullmatch(IDENTIFIER_PATTERN, node):
        return _UNKNOWN
    return (node, attempt) if type(attempt) is int and 0 < attempt < _MAX_ATTEMPT else _UNKNOWN
