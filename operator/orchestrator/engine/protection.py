"""Whether the API server checks who decides, so that a decision in a spec can be believed.

Looked at is what anybody could have left out or softened: the two policies that
manifests/install/policies.yaml brings, and that each is bound everywhere and denies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.engine.times import from_rfc3339
from orchestrator.models.base import GROUP

PEOPLE = "itechsmart-workflow-people"
STATUS = "itechsmart-workflow-status"
POLICIES = {PEOPLE: ("workflowexecutions", 21), STATUS: ("workflowexecutions/status", 1)}
"""What each policy is about, and the least number of its rules."""
SETTLES = 10.0
"""Seconds after which every API server acts on a policy and its binding."""

Raw = Mapping[str, Any]


def protects(policies: Sequence[Raw], bindings: Sequence[Raw], now: float) -> bool:
    """Whether both policies are in place, deny, and have been so for long enough."""
    return all(
        any(_guards(policy, name, now) for policy in policies)
        and any(_binds(binding, name, now) for binding in bindings)
        for name in POLICIES
    )


def _guards(policy: Raw, name: str, now: float) -> bool:
    spec = policy.get("spec") or {}
    resource, least = POLICIES[name]
    rules = (spec.get("matchConstraints") or {}).get("resourceRules") or ()
    matched = any(
        GROUP in rule.get("apiGroups", ())
        and resource in rule.get("resources", ())
        and {"CREATE", "UPDATE"} <= set(rule.get("operations", ()))
        and not rule.get("resourceNames")
        for rule in rules
    )
    return (
        policy["metadata"]["name"] == name
        and matched
        and not _narrowed(spec.get("matchConstraints") or {})
        and not spec.get("matchConditions")
        and spec.get("failurePolicy", "Fail") == "Fail"
        and len(spec.get("validations") or ()) >= least
        and _settled(policy, now)
    )


def _binds(binding: Raw, name: str, now: float) -> bool:
    spec = binding.get("spec") or {}
    return (
        spec.get("policyName") == name
        and "Deny" in (spec.get("validationActions") or ())
        and not spec.get("paramRef")
        and not spec.get("matchResources")
        and _settled(binding, now)
    )


def _narrowed(constraints: Raw) -> bool:
    return bool(
        constraints.get("namespaceSelector")
        or constraints.get("objectSelector")
        or constraints.get("excludeResourceRules")
    )


def _settled(raw: Raw, now: float) -> bool:
    return now >= from_rfc3339(raw["metadata"]["creationTimestamp"]) + SETTLES
