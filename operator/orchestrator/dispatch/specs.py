"""The parsed specs of triggers, each parsed once per generation."""

from __future__ import annotations

import asyncio
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
        self._parsed: dict[Key, tuple[_Version, Trigger | None]] = {}
        self._pending: dict[Key, _Version] = {}
        """Large specs that have not been parsed yet."""
        self._parsing: dict[Key, tuple[_Version, asyncio.Task[Trigger | None]]] = {}

    def of(self, raw: Raw) -> Trigger | None:
        """The trigger of a spec; None if it is not valid. Parses it in the caller."""
        key, version = key_of(raw), _version(raw)
        if not self._is_parsed(key, version):
            self._parsed[key] = version, _trigger(self._registry, raw)
        return self._parsed[key][1]

    def is_pending(self, raw: Raw) -> bool:
        """Whether a spec is large and not parsed yet, so that `of` would block the event loop."""
        key, version = key_of(raw), _version(raw)
        if self._is_parsed(key, version):
            return False
        if self._pending.get(key) != version and is_large(raw.get("spec")):
            self._pending[key] = version
        return self._pending.get(key) == version

    async def read(self, raw: Raw) -> Trigger | None:
        """Like `of`, but parses a large spec off the event loop, once for all callers."""
        if not self.is_pending(raw):
            return self.of(raw)
        key, version = key_of(raw), _version(raw)
        known = self._parsing.get(key)
        if known is None or known[0] != version:
            task = asyncio.create_task(self._parse(key, version, raw), name="parse a trigger")
            self._parsing[key] = known = version, task
        return await asyncio.shield(known[1])

    def forget(self, key: Key) -> None:
        """Record that the trigger was deleted."""
        for known in (self._parsed, self._pending, self._parsing):
            known.pop(key, None)

    async def _parse(self, key: Key, version: _Version, raw: Raw) -> Trigger | None:
        work = partial(_trigger, self._registry, raw)
        try:
            trigger = await self._offload.run(work, long=True)
            if self._pending.get(key) == version:  # neither deleted nor edited in the meantime
                self._parsed[key] = version, trigger
                del self._pending[key]
            return trigger
        finally:
            if key in self._parsing and self._parsing[key][0] == version:
                del self._parsing[key]

    def _is_parsed(self, key: Key, version: _Version) -> bool:
        known = self._parsed.get(key)
        return known is not None and known[0] == version


def _trigger(registry: Registry, raw: Raw) -> Trigger | None:
    read = registry.read(raw.get("spec") or {})
    return read if isinstance(read, Trigger) else None


def _version(raw: Raw) -> _Version:
    metadata = raw["metadata"]
    return metadata["uid"], metadata["generation"]
