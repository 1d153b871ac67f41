"""The parsed specs of triggers, each parsed once per generation."""

from __future__ import annotations

from functools import partial

from orchestrator.dispatch.compute import Inline
from orchestrator.kube.cache import Key, Raw, key_of
from orchestrator.triggers.registry import Registry, Trigger
from orchestrator.validation.size import is_large

_Version = tuple[str, int]


class Specs:
    """Parses and caches the specs of triggers."""

    def __init__(self, registry: Registry, offload: Inline) -> None:
        self._registry = registry
        self._offload = offload
        self._read: dict[Key, tuple[_Version, Trigger | None]] = {}

    def of(self, raw: Raw) -> Trigger | None:
        """The trigger of a spec; None if it is not valid."""
        key, version = key_of(raw), _version(raw)
        known = self._read.get(key)
        if known is None or known[0] != version:
            self._read[key] = known = (version, _trigger(self._registry, raw))
        return known[1]

    async def prepare(self, raw: Raw) -> None:
        """Parse a large spec off the event loop, if it has not been parsed yet."""
        key, version = key_of(raw), _version(raw)
        known = self._read.get(key)
        if (known is None or known[0] != version) and is_large(raw.get("spec")):
            work = partial(_trigger, self._registry, raw)
            self._read[key] = (version, await self._offload.run(work, long=True))

    def forget(self, key: Key) -> None:
        """Record that the trigger was deleted."""
        self._read.pop(key, None)


def _trigger(registry: Registry, raw: Raw) -> Trigger | None:
    read = registry.read(raw.get("spec") or {})
    return read if isinstance(read, Trigger) else None


def _version(raw: Raw) -> _Version:
    metadata = raw["metadata"]
    return metadata["uid"], metadata["generation"]
