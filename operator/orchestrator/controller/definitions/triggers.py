"""The status of Triggers, computed when a Trigger or its Workflow changes or is deleted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from orchestrator.controller.definitions.reconciler import Status
from orchestrator.engine.status.definitions import definition_conditions
from orchestrator.kube.cache import Cache, Key, Raw, key_of
from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.kube.resources import WORKFLOWS
from orchestrator.models.base import is_object_name
from orchestrator.models.reasons import Reason
from orchestrator.triggers.marks import read_mark, settings_hash, start_mark
from orchestrator.triggers.readiness import RECEIVING, Access, judge_trigger
from orchestrator.triggers.registry import REGISTRY, Registry, Trigger
from orchestrator.triggers.sources import Changes

_OF_ACCESS = (Reason.RESOURCE_FORBIDDEN, Reason.RESOURCE_UNKNOWN)


class TriggerJudge:
    """Computes the status of a Trigger."""

    def __init__(
        self,
        client: ApiClient,
        workflows: Cache,
        triggers: Cache,
        registry: Registry = REGISTRY,
        access: Callable[[Key], Access] = lambda _key: Access(),
    ) -> None:
        """`access` says whether a trigger that follows a resource may do so."""
        self._client = client
        self._workflows = workflows
        self._triggers = triggers
        self._registry = registry
        self._access = access

    async def status(self, raw: Raw) -> Status:
        """The desired status of a Trigger, whose Workflow is read live if it is not cached.

        After a start, Triggers are listed before Workflows: without the live read, every Trigger
        would briefly report that its Workflow does not exist.
        """
        namespace, _ = key_of(raw)
        access = self._access(key_of(raw))
        name = (raw.get("spec") or {}).get("workflow")
        if not is_object_name(name):
            return partial(_status, self._registry, None, [], access)
        workflow = self._workflows.get(namespace, name) or await self._read(namespace, name)
        keys = () if workflow else self._workflows.known()
        others = [other for space, other in keys if space == namespace]
        spec = None if workflow is None else workflow.get("spec") or {}
        return partial(_status, self._registry, spec, others, access)

    def users_of(self, workflow: Raw) -> list[Key]:
        """The Triggers that start a Workflow."""
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
    access: Access,
    raw: Raw,
    now: float,
) -> dict[str, Any]:
    generation = raw["metadata"]["generation"]
    old = (raw.get("status") or {}).get("conditions") or []
    receiving = [condition for condition in old if condition.get("type") == RECEIVING]
    current = [each for each in receiving if each.get("observedGeneration") == generation]
    found = current[0] if current else None
    if not access.known:
        access = _last_access(raw)
    verdict = judge_trigger(registry, raw.get("spec") or {}, workflow, others, found, access)
    return {
        "observedGeneration": generation,
        # The receiver's own condition stays as it is.
        "conditions": [*definition_conditions(verdict, generation, now, old), *receiving],
        **_first_mark(registry, raw, now),
    }


def _last_access(raw: Raw) -> Access:
    """The access that an earlier process reported, until this one knows."""
    for each in (raw.get("status") or {}).get("conditions") or []:
        current = each.get("observedGeneration") == raw["metadata"]["generation"]
        if current and each["type"] == "Ready":
            found = [reason for reason in _OF_ACCESS if reason == each["reason"]]
            return Access(reason=found[0], message=each["message"]) if found else Access()
    return Access()


def _first_mark(registry: Registry, raw: Raw, now: float) -> dict[str, Any]:
    """Where a trigger that follows changes begins, stored with its first conditions: its version
    changes with this write, and no later process could know."""
    trigger = registry.read(raw.get("spec") or {})
    if not isinstance(trigger, Trigger) or not isinstance(trigger.type.source, Changes):
        return {}
    settings, metadata = settings_hash(trigger), raw["metadata"]
    if read_mark((raw.get("status") or {}).get("mark"), settings) is not None:
        return {}
    return {"mark": str(start_mark(metadata, int(metadata["resourceVersion"]), settings, now))}
