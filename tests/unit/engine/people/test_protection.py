"""Whether the API server checks who decides: the shipped policies do, and nothing less."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from orchestrator.engine.people.protection import NAMESPACE_NAME, policies_in_place
from orchestrator.engine.times import from_rfc3339
from tests.service_accounts import INSTALL

CREATED = "2026-01-31T12:00:00Z"
Raw = dict[str, Any]


def shipped() -> tuple[list[Raw], list[Raw]]:
    documents = list(yaml.safe_load_all((INSTALL / "policies.yaml").read_text()))
    for raw in documents:
        name = f"{raw['kind']}/{raw['metadata']['name']}"
        raw["metadata"] |= {"creationTimestamp": CREATED, "uid": f"uid of {name}", "generation": 1}
    policies = [raw for raw in documents if raw["kind"] == "ValidatingAdmissionPolicy"]
    return policies, [raw for raw in documents if raw not in policies]


def test_the_shipped_policies_are_in_place_since_the_last_of_them_was_created() -> None:
    policies, bindings = shipped()
    bindings[1]["metadata"]["creationTimestamp"] = "2026-01-31T12:00:30Z"
    found = policies_in_place(policies, bindings)
    assert found is not None
    assert (found.since, found.edited) == (from_rfc3339(CREATED) + 30, False)


@pytest.mark.parametrize("which", range(4))
@pytest.mark.parametrize("field", ["uid", "generation"])
def test_one_that_was_removed_or_changed_and_restored_is_another(which: int, field: str) -> None:
    before = policies_in_place(*shipped())
    policies, bindings = shipped()
    metadata = [*policies, *bindings][which]["metadata"]
    metadata[field] = {"uid": "another", "generation": 3}[field]
    after = policies_in_place(policies, bindings)
    assert before is not None
    assert after is not None
    assert after.identity != before.identity
    assert after.edited == (field == "generation")


def test_labels_and_status_of_the_policies_change_nothing() -> None:
    policies, bindings = shipped()
    for raw in (*policies, *bindings):
        raw["metadata"] |= {"labels": {"a": "b"}, "resourceVersion": "99"}
        raw["status"] = {"observedGeneration": 1}
    assert policies_in_place(policies, bindings) == policies_in_place(*shipped())


@pytest.mark.parametrize("missing", range(4))
def test_each_of_the_four_is_needed(missing: int) -> None:
    policies, bindings = shipped()
    every = [*policies, *bindings]
    del every[missing]
    kept = [raw for raw in policies if raw in every], [raw for raw in bindings if raw in every]
    assert policies_in_place(*kept) is None


def by_name(*namespaces: str, operator: str = "In") -> Raw:
    expression = {"key": NAMESPACE_NAME, "operator": operator, "values": list(namespaces)}
    return {"matchExpressions": [expression]}


SOFTER: dict[str, Callable[[Raw, Raw], object]] = {
    "ignores failures": lambda policy, _: policy["spec"].update(failurePolicy="Ignore"),
    "warns only": lambda _, binding: binding["spec"].update(validationActions=["Warn"]),
    "is bound to some namespaces": lambda _, binding: binding["spec"].update(
        matchResources={"namespaceSelector": {"matchLabels": {"a": "b"}}}
    ),
    "is bound to namespaces by name": lambda _, binding: binding["spec"].update(
        matchResources={"namespaceSelector": by_name("shop", "billing")}
    ),
    "looks at creations only": lambda policy, _: policy["spec"]["matchConstraints"][
        "resourceRules"
    ][0].update(operations=["CREATE"]),
    "has lost its rules": lambda policy, _: policy["spec"].update(
        validations=policy["spec"]["validations"][1:]
    ),
    "is about another version": lambda policy, _: policy["spec"]["matchConstraints"][
        "resourceRules"
    ][0].update(apiVersions=["v9"]),
    "is about cluster-scoped objects": lambda policy, _: policy["spec"]["matchConstraints"][
        "resourceRules"
    ][0].update(scope="Cluster"),
    "matches the exact version only": lambda policy, _: policy["spec"]["matchConstraints"].update(
        matchPolicy="Exact"
    ),
    "leaves some out": lambda policy, _: policy["spec"].update(matchConditions=[{"name": "x"}]),
}


@pytest.mark.parametrize("how", SOFTER)
@pytest.mark.parametrize("which", [0, 1])
def test_what_was_softened_does_not_protect(how: str, which: int) -> None:
    policies, bindings = copy.deepcopy(shipped())
    SOFTER[how](policies[which], bindings[which])
    assert policies_in_place(policies, bindings) is None


def test_what_the_api_server_fills_in_and_our_own_version_protect_as_well() -> None:
    policies, bindings = shipped()
    for policy in policies:
        constraints = policy["spec"]["matchConstraints"]
        constraints |= {"matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {}}
        constraints["resourceRules"][0] |= {"apiVersions": ["v1alpha1"], "scope": "Namespaced"}
    assert policies_in_place(policies, bindings) == policies_in_place(*shipped())
    for policy in policies:
        policy["spec"]["matchConstraints"]["resourceRules"][0] |= {"scope": "*"}
    assert policies_in_place(policies, bindings) is not None


def bound(resources: Raw) -> tuple[list[Raw], list[Raw]]:
    """The shipped policies, bound to a part of the cluster as the API server stores that."""
    policies, bindings = shipped()
    for binding in bindings:
        binding["spec"]["matchResources"] = {
            "matchPolicy": "Equivalent",
            "objectSelector": {},
            **resources,
        }
    return policies, bindings


@pytest.mark.parametrize("served", [["shop"], ["shop", "billing"]])
def test_an_operator_of_some_namespaces_is_protected_where_these_are_bound(
    served: list[str],
) -> None:
    policies, bindings = bound({"namespaceSelector": by_name("billing", "shop")})
    assert policies_in_place(policies, bindings, namespaces=served) is not None
    assert policies_in_place(*shipped(), namespaces=served) is not None


NARROWER: dict[str, Raw] = {
    "another namespace": {"namespaceSelector": by_name("billing")},
    "all namespaces but it": {"namespaceSelector": by_name("shop", operator="NotIn")},
    "a label that its owner can take off": {"namespaceSelector": {"matchLabels": {"team": "shop"}}},
    "one more condition": {
        "namespaceSelector": {**by_name("shop"), "matchLabels": {"team": "shop"}}
    },
    "some objects of it": {
        "namespaceSelector": by_name("shop"),
        "objectSelector": {"matchLabels": {"checked": "yes"}},
    },
    "some resources of it": {
        "namespaceSelector": by_name("shop"),
        "resourceRules": [{"resourceNames": ["one"]}],
    },
    "all but some resources of it": {
        "namespaceSelector": by_name("shop"),
        "excludeResourceRules": [{"resourceNames": ["one"]}],
    },
}


@pytest.mark.parametrize("how", NARROWER)
def test_a_binding_to_less_than_the_served_namespace_does_not_protect_it(how: str) -> None:
    assert policies_in_place(*bound(NARROWER[how]), namespaces=["shop"]) is None


def test_the_policies_of_another_installation_do_not_count() -> None:
    assert policies_in_place(*shipped(), "left-itechsmart-workflow") is None
    policies, bindings = shipped()
    for raw in (*policies, *bindings):
        raw["metadata"]["name"] = "left-" + raw["metadata"]["name"]
    for binding in bindings:
        binding["spec"]["policyName"] = "left-" + binding["spec"]["policyName"]
    assert policies_in_place(policies, bindings) is None
    assert policies_in_place(policies, bindings, "left-itechsmart-workflow") is not None
