"""The client of the conformance suite, which runs against the fake and a real API server.

It is the operator's own client, over a real connection or over the store of the simulation.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

from orchestrator.kube.client import ApiClient, ApiError, Raw
from orchestrator.kube.resources import Resource
from orchestrator.models.base import API_VERSION

Result = TypeVar("Result")
PATIENCE = 120.0
"""Seconds after which what should happen will not."""


@dataclass(frozen=True)
class Api:
    """A client, and a namespace of the test's own."""

    client: ApiClient
    namespace: str

    async def create(self, resource: Resource, body: Raw) -> Raw:
        """Create an object in the namespace."""
        return await self.client.create(resource, self.namespace, body)

    async def get(self, resource: Resource, name: str) -> Raw:
        """One of its objects."""
        return await self.client.get(resource, self.namespace, name)

    async def patch(
        self, resource: Resource, name: str, body: Raw | list[Raw], subresource: str = ""
    ) -> Raw:
        """Merge-patch one of its objects, or JSON-patch it with a list."""
        return await self.client.patch(
            resource, self.namespace, name, body, subresource=subresource
        )

    async def names(self, resource: Resource, **selection: Any) -> list[str]:
        """The names of its objects in a selection."""
        items, _ = await self.client.list(resource, self.namespace, **selection)
        return [item["metadata"]["name"] for item in items]

    async def version(self, resource: Resource) -> str:
        """The version to watch from what happens from now on."""
        return (await self.client.list(resource, self.namespace))[1]

    async def gone(self, resource: Resource, name: str) -> bool:
        """Whether there is no such object."""
        return name not in await self.names(resource)

    @asynccontextmanager
    async def following(
        self, resource: Resource, version: str, **selection: Any
    ) -> AsyncIterator[Following]:
        """A watch from a version on."""
        stream = self.client.watch(resource, self.namespace, resource_version=version, **selection)
        try:
            yield Following(stream)
        finally:
            assert isinstance(stream, AsyncGenerator)
            await stream.aclose()


@dataclass(frozen=True)
class Following:
    """A watch that is being read."""

    stream: AsyncIterator[Raw]

    async def event(self, *, bookmarks: bool = False) -> Raw:
        """The next event."""
        async with asyncio.timeout(PATIENCE):
            while True:
                event = await anext(self.stream)
                if bookmarks or event["type"] != "BOOKMARK":
                    return event

    async def next(self) -> tuple[str, str]:
        """Type and name of the next event's object."""
        event = await self.event()
        return event["type"], event["object"]["metadata"]["name"]


@contextmanager
def refused(status: int, reason: str, words: str = "") -> Iterator[None]:
    """The request within is answered with this."""
    with pytest.raises(ApiError) as caught:
        yield
    assert re.search(words, caught.value.message), caught.value
    assert (caught.value.status, caught.value.reason) == (status, reason), caught.value


async def until(look: Callable[[], Awaitable[Result]], holds: Callable[[Result], Any]) -> Result:
    """What is seen once it is so."""
    async with asyncio.timeout(PATIENCE):
        while True:
            if holds(seen := await look()):
                return seen
            await asyncio.sleep(0.1)  # between two questions


def config_map(name: str, labels: dict[str, str] | None = None, **data: str) -> Raw:
    """A ConfigMap's manifest."""
    metadata: Raw = {"name": name}
    if labels:
        metadata["labels"] = labels
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def execution(name: str, workflow: str = "flow", **spec: Any) -> Raw:
    """A WorkflowExecution's manifest: nothing runs it here."""
    return {
        "apiVersion": API_VERSION,
        "kind": "WorkflowExecution",
        "metadata": {"name": name},
        "spec": {"workflow": workflow, **spec},
    }


def owned_by(owner: Raw, manifest: Raw) -> Raw:
    """The manifest with an owner."""
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
    }
    return {**manifest, "metadata": {**manifest["metadata"], "ownerReferences": [reference]}}
