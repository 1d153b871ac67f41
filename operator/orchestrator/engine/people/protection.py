"""Whether the API server checks who decides, so that a decision in a spec can be believed.

Checked is what anyone could have left out or weakened: the two policies that
manifests/install/policies.yaml brings, and that each denies in every namespace that is served.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.engine.times import from_rfc3339
from orchestrator.models.base import GROUP, VERSION

INSTALLATION = "itechsmart-workflow"
"""The name of an installation that was given none; the names of its policies begin with it."""
PEOPLE = "people"
STATUS = "status"
POLICIES = {PEOPLE: ("workflowexecutions", 22), STATUS: ("workflowexecutions/status", 1)}
"""What each policy is about, and the least number of its rules."""
NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""A namespace's label with its name, which the API server sets and no one can change."""
POLICY_SETTLE_SECONDS = 10.0
"""Seconds after which every API server enforces a policy and its binding."""
POLICY_CHECK_SECONDS = 30.0
"""Seconds between two checks that the policies are in place, while something rests on them."""
MISSING_POLICY_CHECK_SECONDS = 10.0
"""Seconds between two checks while they are not."""

Raw = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies in place.

    `identity` is another once one of them was removed, softened or replaced, though it was restored
    afterwards. They have been as they are `since` this moment, in seconds since the epoch; where
    `edited`, at least one was changed after its creation, and the moment is not known.
    """

    identity: str
    since: float
    edited: bool = False


UNCHECKED = Policies("", 0.0)
"""Where nothing asks for policies: in the pure core's own runs."""


def policy_names(installation: str) -> dict[str, str]:
    """The names of an installation's policies, and of their bindings, by what they are for."""
    return {purpose: f"{installation}-{purpose}" for purpose in POLICIES}


def policies_in_place(
    policies: Sequence[Raw],
    bindings: Sequence[Raw],
    installation: str = INSTALLATION,
    namespaces: Collection[str] = (),
) -> Policies | None:
    """The policies with their bindings; None unless all are there and deny.

    They may be bound to some namespaces only, if those are all that the operator serves; without
    `namespaces` it serves the cluster.
    """
    found: list[Raw] = []
    for purpose, name in policy_names(installation).items():
        policy = next((raw for raw in policies if _guards(raw, purpose, name)), None)
        binding = next((raw for raw in bindings if _binds(raw, name, namespaces)), None)
        if policy is None or binding is None:
            return None
        found += [policy["metadata"], binding["metadata"]]
    versions = [f"{metadata['uid']}/{metadata.get('generation', 0)}" for metadata in found]
    return Policies(
        hashlib.sha256(" ".join(versions).encode()).hexdigest()[:32],
        max(from_rfc3339(metadata["creationTimestamp"]) for metadata in found),
        any(metadata.get("generation", 0) != 1 for metadata in found),
    )


def _guards(policy: Raw, purpose: str, name: str) -> bool:
    spec = policy.get("spec") or {}
    resource, least = POLICIES[purpose]
    rules = (spec.get("matchConstraints") or {}).get("resourceRules") or ()
    matched = any(
        GROUP in rule.get("apiGroups", ())
        and resource in rule.get("resources", ())
        and {"CREATE", "UPDATE"} <= set(rule.get("operations", ()))
        and not rule.get("resourceNames")
        and not {"*", VERSION}.isdisjoint(rule.get("apiVersions", ()))
        and rule.get("scope", "*") in ("*", "Namespaced")
        for rule in rules
    )
    return (
        policy["metadata"]["name"] == name
        and matched
        and not _narrowed(spec.get("matchConstraints") or {})
        and not spec.get("matchConditions")
        and spec.get("failurePolicy", "Fail") == "Fail"
        and len(spec.get("validations") or ()) >= least
    )


def _binds(binding: Raw, name: str, namespaces: Collection[str]) -> bool:
    spec = binding.get("spec") or {}
    return (
        spec.get("policyName") == name
        and "Deny" in (spec.get("validationActions") or ())
        and not spec.get("paramRef")
        and _covers(spec.get("matchResources") or {}, namespaces)
    )


def _covers(matched: Raw, namespaces: Collection[str]) -> bool:
    """Whether a binding is about all that is served: the cluster, or these namespaces by name."""
    selector = matched.get("namespaceSelector")
    if not selector:
        return not _narrowed(matched) and not matched.get("resourceRules")
    expressions: Sequence[Raw] = selector.get("matchExpressions") or []
    if not namespaces or selector.get("matchLabels") or len(expressions) != 1:
        return False
    by_name = expressions[0]
    return (
        (by_name.get("key"), by_name.get("operator")) == (NAMESPACE_NAME, "In")
        and set(namespaces) <= set(by_name.get("values") or ())
        and not _narrowed({**matched, "namespaceSelector": None})
        and not matched.get("resourceRules")
    )


def _narrowed(constraints: Raw) -> bool:
    return bool(
        constraints.get("namespaceSelector")
        or constraints.get("objectSelector")
        or constraints.get("excludeResourceRules")
        or constraints.get("matchPolicy", "Equivalent") != "Equivalent"
    )
