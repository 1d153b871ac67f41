"""Attempts of kubernetes actions against the fake API server."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.actions.action import ActionError, Context
from orchestrator.actions.registry import load
from tests.apiserver import ApiServer

REVISION = "deployment.kubernetes.io/revision"


async def attempt(action: str, context: Context, /, **parameters: Any) -> Any:
    """The outputs of an attempt, beside the server's loop."""
    known = load(action)
    asked = known.parameters.model_validate(parameters)
    return await asyncio.to_thread(known.run, asked, context)


async def refused(action: str, context: Context, /, **parameters: Any) -> ActionError:
    """The error that an attempt ends with."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - classified below
        await attempt(action, context, **parameters)
    if isinstance(caught.value, ActionError):
        return caught.value
    known = load(action).classify(caught.value)
    assert known is not None, caught.value
    return known


def another_execution(context: Context) -> Context:
    """The same node in another execution."""
    return replace(context, identity=replace(context.identity, uid="u2", key="u2/probe/0"))


async def workload(
    cluster: ApiServer, kind: str = "deployments", name: str = "web", **spec: Any
) -> dict[str, Any]:
    """A workload with the containers main and side, whose rollout is complete."""
    containers = [{"name": "main", "image": "main:1"}, {"name": "side", "image": "side:1"}]
    pod = {"containers": containers, "initContainers": [{"name": "init", "image": "init:1"}]}
    return await cluster.put(
        kind, "shop", name,
        metadata={"annotations": {REVISION: "1"}},
        spec={
            "replicas": 1,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": pod},
            **spec,
        },
        status={
            "observedGeneration": 1,
            "replicas": 1,
            "updatedReplicas": 1,
            "readyReplicas": 1,
            "availableReplicas": 1,
        },
    )  # fmt: skip
