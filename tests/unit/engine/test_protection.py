"""Whether the API server checks who decides: the shipped policies do, and nothing less."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from orchestrator.engine.protection import SETTLES, protects
from orchestrator.engine.times import from_rfc3339
from tests.account import INSTALL

CREATED = "2026-01-31T12:00:00Z"
NOW = from_rfc3339(CREATED) + SETTLES
Raw = dict[str, Any]


def shipped() -> tuple[list[Raw], list[Raw]]:
    documents = list(yaml.safe_load_all((INSTALL / "policies.yaml").read_text()))
    for raw in documents:
        raw["metadata"]["creationTimestamp"] = CREATED
    policies = [raw for raw in documents if raw["kind"] == "ValidatingAdmissionPolicy"]
    return policies, [raw for raw in documents if raw not in policies]


def test_the_shipped_policies_protect_once_they_have_settled() -> None:
    policies, bindings = shipped()
    assert protects(policies, bindings, NOW)
    assert not protects(policies, bindings, NOW - 1)


@pytest.mark.parametrize("missing", range(4))
def test_each_of_the_four_is_needed(missing: int) -> None:
    policies, bindings = shipped()
    every = [*policies, *bindings]
    del every[missing]
    kept = [raw for raw in policies if raw in every], [raw for raw in bindings if raw in every]
    assert not protects(*kept, NOW)


SOFTER: dict[str, Callable[[Raw, Raw], object]] = {
    "ignores failures": lambda policy, _: policy["spec"].update(failurePolicy="Ignore"),
    "warns only": lambda _, binding: binding["spec"].update(validationActions=["Warn"]),
    "is bound to some namespaces": lambda _, binding: binding["spec"].update(
        matchResources={"namespaceSelector": {"matchLabels": {"a": "b"}}}
    ),
    "looks at creations only": lambda policy, _: policy["spec"]["matchConstraints"][
        "resourceRules"
    ][0].update(operations=["CREATE"]),
    "has lost its rules": lambda policy, _: policy["spec"].update(
        validations=policy["spec"]["validations"][1:]
    ),
    "leaves some out": lambda policy, _: policy["spec"].update(matchConditions=[{"name": "x"}]),
}


@pytest.mark.parametrize("how", SOFTER)
@pytest.mark.parametrize("which", [0, 1])
def test_what_was_softened_does_not_protect(how: str, which: int) -> None:
    policies, bindings = copy.deepcopy(shipped())
    SOFTER[how](policies[which], bindings[which])
    assert not protects(policies, bindings, NOW)
