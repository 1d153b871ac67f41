"""Validation by the fake API server: the checks of a real one that an operator can fail."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from orchestrator.jobs.evidence import terminated
from orchestrator.kube.errors import ApiError

Raw = Mapping[str, Any]

_SELECTABLE = {
    "workflowexecutions": {"status.phase", "spec.workflow", "spec.trigger.uid"},
    "pods": {"status.phase", "spec.nodeName"},
    "events": {"type", "reason", "involvedObject.kind", "involvedObject.uid"},
}
_ALWAYS_SELECTABLE = {"metadata.name", "metadata.namespace"}
_FROZEN = {
    "workflowexecutions": (
        "workflow", "variables", "requester", "trigger", "parent", "rerunOf",
    ),
    "jobs": ("template", "completionMode", "podFailurePolicy", "backoffLimitPerIndex"),
}  # fmt: skip
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_FIRMNESS = {"Running": 0, "Paused": 0, "Cancelled": 1, "Terminated": 2}


def check_selectors(plural: str, query: Mapping[str, str]) -> None:
    """Raises ApiError 400 for a field that cannot be selected by."""
    known = _SELECTABLE.get(plural, set()) | _ALWAYS_SELECTABLE
    for term in filter(None, query.get("fieldSelector", "").split(",")):
        field = re.split(r"!?==?", term)[0]
        if field not in known:
            raise ApiError(400, "BadRequest", f"field label not supported: {field}")


def check_new(plural: str, name: str, body: Raw) -> None:
    """Raises ApiError 422 for what lacks what it must have, or has a name it cannot have."""
    spec = body.get("spec") or {}
    _check_names(plural, name, body)
    match plural:
        case "workflowexecutions" if not spec.get("workflow"):
            raise invalid(plural, name, "spec.workflow: Required value")
        case "jobs" if not (spec.get("template") or {}).get("spec", {}).get("containers"):
            raise invalid(plural, name, "spec.template.spec.containers: Required value")


def _check_names(plural: str, name: str, body: Raw) -> None:
    if len(name) > 253 or not _SUBDOMAIN.fullmatch(name):
        raise invalid(plural, name, "metadata.name: a lowercase RFC 1123 subdomain must consist of")
    for key, value in (body["metadata"].get("labels") or {}).items():
        if not _LABEL_VALUE.fullmatch(value):
            raise invalid(plural, name, f"metadata.labels: Invalid value: {value!r} of {key}")
    if plural == "jobs":
        indexed = body["spec"].get("completionMode") == "Indexed"
        largest = f"{name}-{body['spec']['completions'] - 1}" if indexed else name
        if len(largest) > 63 or "." in name:
            raise invalid(plural, name, f"metadata.name: Invalid value: {largest!r}")


def check_change(plural: str, name: str, old: Raw, new: Raw) -> None:
    """Raises ApiError 422 for a change of what cannot change."""
    before, after = old.get("spec") or {}, new.get("spec") or {}
    for field in _FROZEN.get(plural, ()):
        if before.get(field) != after.get(field):
            raise invalid(plural, name, f"spec.{field}: field is immutable")
    match plural:
        case "controllerrevisions" if old.get("data") != new.get("data"):
            raise invalid(plural, name, "data: field is immutable")
        case "configmaps" if old.get("immutable") and old.get("data") != new.get("data"):
            raise invalid(plural, name, "data: field is immutable when `immutable` is set")
        case "pods" if _longer(before, after):
            raise invalid(plural, name, "spec.activeDeadlineSeconds: must be less than it was")
        case "pods" if _starts_again(old, new):
            raise invalid(
                plural, name, "status.containerStatuses[0].state: Forbidden: may not be "
                "transitioned to non-terminated state",
            )  # fmt: skip
        case "workflowexecutions" if _softer(before["desiredState"], after.get("desiredState")):
            raise invalid(plural, name, "spec: a cancelled execution can only be Terminated")


def _longer(before: Raw, after: Raw) -> bool:
    limit, wanted = before.get("activeDeadlineSeconds"), after.get("activeDeadlineSeconds")
    return limit is not None and (wanted is None or wanted > limit)


def _starts_again(old: Raw, new: Raw) -> bool:
    """Whether a terminated action of a pod would become running again."""
    return bool(terminated(old)) and not terminated(new)


def _softer(before: str, after: str | None) -> bool:
    return after is None or _FIRMNESS[after] < _FIRMNESS[before]


def invalid(plural: str, name: str, words: str) -> ApiError:
    """The answer to what cannot be stored."""
    return ApiError(422, "Invalid", f'{plural} "{name}" is invalid: {words}')
