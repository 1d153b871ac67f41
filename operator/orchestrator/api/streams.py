"""Live streams of an execution's events, as server-sent events.

https://html.spec.whatwg.org/multipage/server-sent-events.html. An event carries state, not a
difference of text: the records of the nodes that changed since the previous event. A reader who is
slow skips intermediate states, so each stream holds one state at most, however slow it is read.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.kube.decoding import dumps
from orchestrator.kube.resources import EXECUTIONS
from orchestrator.operations.executions import has_ended
from orchestrator.session.cluster import Raw

HEARTBEAT_SECONDS = 15.0
"""Seconds after which a silent stream sends a comment, so that proxies keep it open."""
WATCH_SECONDS = 120
"""Seconds after which the right to watch is checked again, by a new watch with the same token."""
RETRY_MILLISECONDS = 2000
"""Milliseconds after which a reader reconnects."""
_SUMMARY = (
    "phase",
    "reason",
    "message",
    "startedAt",
    "finishedAt",
    "progress",
    "counts",
    "outputs",
)


class Changes:
    """The latest state of an execution, kept up to date by a watch in the reader's name."""

    def __init__(self, client: ApiClient, execution: Raw) -> None:
        self._client = client
        self._latest: Raw | None = execution
        self._changed = asyncio.Event()
        self._failure: Exception | None = None
        self.stopped = False
        """Whether the process stops."""
        self._metadata = execution["metadata"]

    async def follow(self, version: str) -> None:
        """Watch from a version until the execution ends, is deleted, or may not be watched."""
        try:
            while not await self._watch(version):
                if self._latest is not None:
                    version = self._latest["metadata"]["resourceVersion"]
        except ApiError as error:
            self._failure = error
        finally:
            self._changed.set()

    async def _watch(self, version: str) -> bool:
        """Whether there is nothing more to watch."""
        namespace, name = self._metadata["namespace"], self._metadata["name"]
        try:
            async for event in self._client.watch(
                EXECUTIONS,
                namespace,
                resource_version=version,
                field_selector=f"metadata.name={name}",
                timeout_seconds=WATCH_SECONDS,
            ):
                if event["type"] == "BOOKMARK":
                    continue
                if event["type"] == "DELETED":
                    self._latest = None
                    return True
                self._latest = event["object"]
                self._changed.set()
                if has_ended(event["object"]):
                    return True
        except ApiError as error:
            if error.status != 410:
                raise
            self._latest = await self._client.get(EXECUTIONS, namespace, name, patient=False)
            self._changed.set()
        except (aiohttp.ClientError, TimeoutError):
            await asyncio.sleep(1)
        return False

    async def end_with(self, stopping: asyncio.Event) -> None:
        """Wake the reader when the process stops."""
        await stopping.wait()
        self.stopped = True
        self._changed.set()

    async def next(self) -> bool:
        """Wait for a change; False if none came within HEARTBEAT_SECONDS. Raises ApiError."""
        try:
            await asyncio.wait_for(self._changed.wait(), HEARTBEAT_SECONDS)
        except TimeoutError:
            return False
        self._changed.clear()
        if self._failure is not None:
            raise self._failure
        return True

    @property
    def latest(self) -> Raw | None:
        """The latest state; None once the execution is deleted."""
        return self._latest


async def events_of(
    client: ApiClient,
    execution: Raw,
    last_event_id: str = "",
    stopping: asyncio.Event | None = None,
) -> AsyncIterator[bytes]:
    """The stream from now on, or from the event that a reader received last.

    It ends without `end` once `stopping` is set, so that its reader goes to another replica. The
    first event has the records of all nodes. The last one is `end`; `deleted` if the execution
    was deleted, `error` if it can no longer be watched.
    """
    yield f"retry: {RETRY_MILLISECONDS}\n\n".encode()
    changes = Changes(client, execution)
    known: dict[str, Raw] | None = None
    if last_event_id != version_of(execution):
        yield _event(execution, records_of(execution))
        known = records_of(execution)
    if has_ended(execution):
        yield _message("end", execution)
        return
    version = execution["metadata"]["resourceVersion"]
    watching = asyncio.create_task(changes.follow(version))
    ending = asyncio.create_task(changes.end_with(stopping or asyncio.Event()))
    try:
        while True:
            try:
                if not await changes.next():
                    yield b": heartbeat\n\n"
                    continue
            except ApiError as error:
                yield _frame("error", {"status": error.status, "detail": error.message})
                return
            if changes.stopped:
                return
            latest = changes.latest
            if latest is None:
                yield _frame("deleted", {})
                return
            records = records_of(latest)
            new = {node: one for node, one in records.items() if (known or {}).get(node) != one}
            yield _event(latest, new)
            known = records
            if has_ended(latest):
                yield _message("end", latest)
                return
    finally:
        watching.cancel()
        ending.cancel()


def records_of(execution: Raw) -> dict[str, Raw]:
    """The records of the nodes that have started."""
    return dict((execution.get("status") or {}).get("nodes") or {})


def _event(execution: Raw, nodes: dict[str, Raw]) -> bytes:
    status = execution.get("status") or {}
    data: dict[str, Any] = {field: status[field] for field in _SUMMARY if field in status}
    data["desiredState"] = execution["spec"].get("desiredState", "Running")
    return _frame("execution", {**data, "nodes": nodes}, version_of(execution))


def _message(kind: str, execution: Raw) -> bytes:
    phase = (execution.get("status") or {}).get("phase")
    return _frame(kind, {"phase": phase}, version_of(execution))


def version_of(execution: Raw) -> str:
    """The id of the event with this state; the history's is one that no object has."""
    return str(execution["metadata"].get("resourceVersion") or "0")


def _frame(kind: str, data: Any, identity: str = "") -> bytes:
    head = f"id: {identity}\n" if identity else ""
    return f"{head}event: {kind}\ndata: ".encode() + dumps(data) + b"\n\n"
