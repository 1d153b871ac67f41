"""The examples of actions, for tests that run them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from orchestrator.models.labels import EXAMPLE
from tests.action_coverage import record_example
from tests.kube import ROOT

_VARIABLE = re.compile(r"\$\[\[ vars\.([A-Za-z0-9_]+) \]\]")


def spec_of(action: str) -> dict[str, Any]:
    """The spec of the Workflow in an action's example, whose nodes the test performs."""
    text = (ROOT / f"manifests/catalog/actions/{action}.yaml").read_text()
    spec: dict[str, Any] = yaml.safe_load(yaml.safe_load(text)["metadata"]["annotations"][EXAMPLE])
    record_example(action)
    return spec


def example(
    action: str, variables: Mapping[str, Any] | None = None, /, **replaced: Any
) -> list[dict[str, Any]]:
    """The parameters of the example's nodes of this action, with values of its variables.

    `replaced` are values of parameters that the example gives and a test cannot use, such as a URL.
    """
    spec = spec_of(action)
    values = {each["name"]: each.get("default") for each in spec.get("variables", [])}
    values |= variables or {}

    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: filled(each) for name, each in value.items()}
        if isinstance(value, list):
            return [filled(each) for each in value]
        if not isinstance(value, str):
            return value
        if whole := _VARIABLE.fullmatch(value):
            return values[whole[1]]
        return _VARIABLE.sub(lambda found: str(values[found[1]]), value)

    nodes = [filled(each.get("with", {})) for each in spec["nodes"] if each.get("action") == action]
    assert nodes, "the example has no node of its own action"
    return [{**node, **{k: v for k, v in replaced.items() if k in node}} for node in nodes]
