"""Triggers: judged when they or the Workflow that they start change, come or go."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from orchestrator.controller.definitions.definitions import Status
from orchestrator.engine.status.definitions import definition_conditions
from orchestrator.kube.cache import Cache, Key, Raw, key_of
from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.kube.resources import WORKFLOWS
from orchestrator.models.base import is_object_name
from orchestrator.triggers.readiness import judge_trigger
from orchestrator.triggers.registry import REGISTRY, Registry


class TriggerJudge:
    """Says what the status of a Trigger should be."""

    def __init__(
        self, client: ApiClient, workflows: Cache, triggers: Cache, registry: Registry = REGISTRY
    ) -> None:
        self._client = client
        self._workflows = workflows
        self._triggers = triggers
        self._registry = registry

    async def status(self, raw: Raw) -> Status:
        """What its status should be, given its Workflow, which is read live if it is not cached.

        After a start, Triggers are listed before Workflows: without the live read, all of them
        would be said to lack theirs for a moment.
        """
        namespace, _ = key_of(raw)
        name = (raw.get("spec") or {}).get("workflow")
        if not is_object_name(name):
            return partial(_status, self._registry, None, [])
        workflow = self._workflows.get(namespace, name) or await self._read(namespace, name)
        keys = () if workflow else self._workflows.known()
        others = [other for space, other in keys if space == namespace]
        spec = None if workflow is None else workflow.get("spec") or {}
        return partial(_status, self._registry, spec, others)

    def users_of(self, workflow: Raw) -> list[Key]:
        """The Triggers that start this Workflow."""
        namespace, name = key_of(workflow)
        return [
            key_of(raw)
            for raw in self._triggers
            if raw["metadata"]["namespace"] == namespace
            and (raw.get("spec") or {}).get("workflow") == name
        ]

    async def _read(self, namespace: str | None, name: str) -> Raw | None:
        try:
            return await self._client.get(WORKFLOWS, namespace, name)
        except ApiError as error:
            if error.status == 404:
                return None
            raise


def _status(
    registry: Registry,
    workflow: Mapping[str, Any] | None,
    others: list[str],
    raw: Raw,
    now: float,
) -> dict[str, Any]:
    generation = raw["metadata"]["generation"]
    old = (raw.get("status") or {}).get("conditions") or []
    verdict = judge_trigger(registry, raw.get("spec") or {}, workflow, others)
    return {
        "observedGeneration": generation,
        "conditions": definition_conditions(verdict, generation, now, old),
    }
