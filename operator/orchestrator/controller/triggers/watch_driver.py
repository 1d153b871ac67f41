"""The driver for trigger types that watch objects of a resource."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

from orchestrator.dispatch.deliverer import Deliverer
from orchestrator.dispatch.specs import Specs
from orchestrator.dispatch.status import TriggerProgress
from orchestrator.kube.cache import Key, Raw, key_of
from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.kube.resources import Resource
from orchestrator.triggers.registry import Registry, Trigger
from orchestrator.triggers.sources import Watch
from orchestrator.triggers.trigger_type import TriggerType

MARGIN_SECONDS = 60.0
"""Seconds by which objects' times may be out of order."""
MAX_REMEMBERED = 5_000
"""Objects of each type that are kept for triggers that are not known yet."""


class WatchDriver:
    """Keeps observed objects until they are delivered."""

    def __init__(
        self, client: ApiClient, registry: Registry, specs: Specs, deliverer: Deliverer
    ) -> None:
        self._client = client
        self._specs = specs
        self._deliverer = deliverer
        self._types: dict[TriggerType[Any], Watch[Any]] = {
            each: each.source for each in registry.types if isinstance(each.source, Watch)
        }
        self._observed: dict[str, deque[Raw]] = {
            each.key: deque(maxlen=MAX_REMEMBERED) for each in self._types
        }
        """Projections of observed objects, by type."""
        self._resources: dict[str, Resource] = {}
        """Resources with observed objects, by plural name."""
        self._waiting: dict[Key, dict[str, tuple[str, float]]] = {}
        """Objects to deliver, by trigger and uid: name and time."""
        self._since: dict[Key, float] = {}
        """The mark of a trigger when this process started: earlier events have been handled."""

    def observe(self, resource: Resource, raw: Raw, triggers: Iterable[Raw]) -> list[Key]:
        """Keep an object for the triggers that listen to it; returns their keys.

        Repeated observations count once.
        """
        found = []
        self._resources[resource.plural] = resource
        for type_, source in self._types.items():
            if source.resource == resource.plural:
                projection = dict(source.projection(raw))
                self._observed[type_.key].append(projection)
                found += [key_of(each) for each in triggers if self._keep(each, type_, projection)]
        return found

    def catch_up(self, raw: Raw) -> None:
        """Keep the objects that were observed before the trigger was created."""
        for type_ in self._types:
            for observed in self._observed[type_.key]:
                self._keep(raw, type_, observed)

    def forget(self, key: Key) -> None:
        """Record that the trigger was deleted."""
        self._waiting.pop(key, None)
        self._since.pop(key, None)

    async def drive(
        self, raw: Raw, trigger: Trigger, source: Watch[Any], progress: TriggerProgress
    ) -> None:
        """Deliver the events after the mark, oldest first, so that the mark leaves none behind."""
        key, spec = key_of(raw), trigger.spec
        after = max(progress.began, self._since.setdefault(key, progress.found) - MARGIN_SECONDS)
        progress.next_fire = None
        waiting = self._waiting.get(key, {})
        for uid, (name, at) in sorted(waiting.items(), key=lambda one: (one[1][1], one[0])):
            if at > after:
                read = None if spec.suspend else await self._read(source, key[0], name)
                # The current object: others may have edited it, or replaced it by one of the same
                # name.
                if read is not None and read["metadata"]["uid"] == uid:
                    happened = source.moment(read) is not None
                    if happened and source.matches(trigger.settings, read):
                        event = source.event(trigger.settings, read)
                        await self._deliverer.deliver(raw, spec, event, progress)
                # An event that started nothing must not return within the margin.
                progress.mark = max(progress.mark, at + MARGIN_SECONDS if spec.suspend else at)
            waiting.pop(uid, None)

    def _keep(self, raw: Raw, type_: TriggerType[Any], observed: Raw) -> bool:
        """Whether the trigger listens to the observed object, which is then kept for it."""
        metadata, source = observed["metadata"], self._types[type_]
        if raw["metadata"]["namespace"] != metadata["namespace"]:
            return False
        if (raw.get("spec") or {}).get(type_.key) is None:
            return False
        at = source.moment(observed)
        if at is None:
            return False
        # The delivery matches the object again, and so for the first time if the spec is pending.
        if not self._specs.is_pending(raw):
            trigger = self._specs.of(raw)
            if trigger is None or trigger.type is not type_:
                return False
            if not source.matches(trigger.settings, observed):
                return False
        self._waiting.setdefault(key_of(raw), {})[metadata["uid"]] = metadata["name"], at
        return True

    async def _read(self, source: Watch[Any], namespace: str | None, name: str) -> Raw | None:
        try:
            return await self._client.get(self._resources[source.resource], namespace, name)
        except ApiError as error:
            if error.status == 404:
                return None
            raise
