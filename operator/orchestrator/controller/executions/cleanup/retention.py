"""Removes old executions, the Jobs of ended executions, and unused revisions."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Any

from orchestrator.controller.executions.cleanup.history_gate import HistoryGate
from orchestrator.controller.executions.reconcile_context import ReconcileContext
from orchestrator.controller.executions.revisions import UNREFERENCED_SINCE, Revisions
from orchestrator.engine.lifecycle.retention import (
    UNREFERENCED,
    Stored,
    jobs_expired,
    stored_from,
    to_remove,
    window_of,
)
from orchestrator.engine.times import from_rfc3339, to_rfc3339
from orchestrator.jobs.workspace import claim_name
from orchestrator.kube.cache import Cache, Raw
from orchestrator.kube.client import ApiError
from orchestrator.kube.resources import (
    CLAIMS,
    CONFIG_MAPS,
    CONTROLLER_REVISIONS,
    EXECUTIONS,
    JOBS,
    TRIGGERS,
    Resource,
)
from orchestrator.models.labels import EXECUTION_UID, MANAGED_BY, MANAGER
from orchestrator.models.workflow import History
from orchestrator.process.bounded_set import BoundedSet
from orchestrator.validation.parse import parse

logger = logging.getLogger(__name__)

PERIOD = 20.0
"""Seconds between two retention runs for the history."""
COLLECT = 600.0
"""Seconds between two retention runs for revisions."""
MAX_REFUSED = 10_000
"""Maximum number of refused removals that are remembered."""
PAGE = 100
"""Executions per page: they are listed in full."""

Group = tuple[str, str]


class Retention:
    """Knows every ended execution that still exists, in a few bytes each."""

    def __init__(
        self,
        context: ReconcileContext,
        revisions: Revisions,
        *,
        triggers: Cache | None = None,
        namespaces: Collection[str] = (),
        gate: HistoryGate | None = None,
    ) -> None:
        """With a `gate`, an execution is removed once the history has recorded it."""
        self._triggers = Cache() if triggers is None else triggers
        self._context = context
        self._gate = gate
        self._revisions = revisions
        self._scopes: list[str | None] = list(namespaces) or [None]
        self._ended: dict[Group, dict[str, Stored]] = {}
        self._histories: dict[Group, tuple[Raw, History]] = {}
        """From the specs of the workflows in the cache."""
        self._refused: BoundedSet[str | None] = BoundedSet(MAX_REFUSED)
        """Uids of objects whose removal is refused; each is logged once."""

    def remember(self, raw: Raw) -> None:
        """Record an execution; one that has not ended does not belong to the history yet."""
        stored = stored_from(raw)
        if stored is not None:
            self._ended.setdefault((stored.namespace, stored.workflow), {})[stored.uid] = stored

    async def run(self, *, period: float = PERIOD, collect: float = COLLECT) -> None:
        """Run periodically until cancelled."""
        collected = self._context.clock()
        while True:
            await asyncio.sleep(period)
            await self._try(self.sweep)
            now = self._context.clock()
            if not collected <= now < collected + collect and await self._try(
                self.collect_revisions
            ):
                collected = now

    async def _try(self, work: Callable[[], Awaitable[None]]) -> bool:
        try:
            await work()
        except ApiError as error:
            logger.warning("history retention is retried later: %s", error)
            return False
        return True

    async def sweep(self) -> None:
        """Remove everything beyond the histories, as of now."""
        now = self._context.clock()
        for group in list(self._ended):
            history = await self._history(group)
            executions = self._ended.get(group, {})
            removed = to_remove(executions.values(), history, now)
            if windows := await self._windows(removed):
                removed = to_remove(executions.values(), history, now, windows)
            for execution in removed:
                if self._gate is not None and not await self._gate.opens(execution):
                    continue
                if await self._remove(
                    EXECUTIONS, execution.namespace, execution.name, execution.uid
                ):
                    self._forget(group, execution)
            for execution in list(executions.values()):
                if jobs_expired(execution, history, now):
                    await self._remove_jobs(execution)

    async def collect_revisions(self) -> None:
        """Mark unreferenced revisions, and remove those marked an hour ago."""
        now = self._context.clock()
        for scope in self._scopes:
            selector = f"{MANAGED_BY}={MANAGER}"
            revisions, _ = await self._context.client.list(
                CONTROLLER_REVISIONS, scope, label_selector=selector, metadata_only=True
            )
            known = [one for one in self._all() if scope in (None, one.namespace)]
            used, there = await self._used(scope) if revisions or known else (set(), set())
            for one in known:
                if one.uid not in there:  # it was removed with its parent, or by someone else
                    self._forget((one.namespace, one.workflow), one)
            for raw in revisions:
                await self._collect(raw, used, now)

    async def _collect(self, raw: Raw, used: set[tuple[str, str]], now: float) -> None:
        metadata = raw["metadata"]
        namespace, name = metadata["namespace"], metadata["name"]
        since = (metadata.get("annotations") or {}).get(UNREFERENCED_SINCE)
        if (namespace, name) in used:
            if since is not None:
                await self._revisions.mark(metadata, None)
        elif since is None or (marked := _moment(since)) is None:
            await self._revisions.mark(metadata, to_rfc3339(now))
        elif now >= marked + UNREFERENCED:
            version = metadata["resourceVersion"]
            await self._remove(
                CONTROLLER_REVISIONS, namespace, name, metadata["uid"], version=version
            )
            self._revisions.forget(namespace, name)

    def _all(self) -> list[Stored]:
        return [one for group in self._ended.values() for one in group.values()]

    async def _used(self, scope: str | None) -> tuple[set[tuple[str, str]], set[str]]:
        """The revisions that any execution refers to, and the uids of all executions, by a live
        list."""
        used: set[tuple[str, str]] = set()
        there: set[str] = set()
        async for page in self._context.client.pages(EXECUTIONS, scope, limit=PAGE):
            for raw in page["items"]:
                there.add(raw["metadata"]["uid"])
                if revision := (raw.get("status") or {}).get("revision"):
                    used.add((raw["metadata"]["namespace"], revision))
        return used, there

    async def _history(self, group: Group) -> History:
        """The history limits of the workflow; if it was deleted, those in the newest run's frozen
        revision."""
        raw = self._context.workflows.get(*group)
        if raw is not None:
            known = self._histories.get(group)
            if known is None or known[0] is not raw:
                known = raw, _parsed((raw.get("spec") or {}).get("history"))
                self._histories[group] = known
            return known[1]
        newest = max(self._ended[group].values(), key=lambda one: one.finished_at)
        if newest.revision:
            try:
                graph = await self._revisions.graph(newest.namespace, newest.revision)
            except ValueError:
                return History()
            return graph.spec.history or History()
        return History()

    async def _windows(self, removed: Iterable[Stored]) -> dict[str, float]:
        """The dedupe windows, in seconds, of the triggers whose executions would be removed."""
        names = {(one.namespace, one.trigger) for one in removed if one.deduplicates}
        windows = {name: window_of(await self._trigger(space, name)) for space, name in names}
        return {name: window for name, window in windows.items() if window}

    async def _trigger(self, namespace: str, name: str) -> Raw | None:
        """A trigger, read live if it is not cached: it may not have been listed yet."""
        if (known := self._triggers.get(namespace, name)) is not None:
            return known
        try:
            return await self._context.client.get(TRIGGERS, namespace, name)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    async def _remove_jobs(self, execution: Stored) -> None:
        jobs = self._context.jobs.by_execution(execution.namespace, execution.uid)
        if jobs and self._gate is not None and not await self._gate.opens_for_jobs(execution):
            return
        if jobs and await self._has_workspace(execution):
            name = claim_name(execution.uid)
            await self._remove(CLAIMS, execution.namespace, name, uid=None)
        for name, raw in jobs.items():
            uid = raw["metadata"]["uid"]
            removed = await self._remove(JOBS, execution.namespace, name, uid)
            if removed and raw.get("spec", {}).get("completionMode") == "Indexed":
                await self._remove_items(execution)

    async def _has_workspace(self, execution: Stored) -> bool:
        if not execution.revision:
            return False
        try:
            graph = await self._revisions.graph(execution.namespace, execution.revision)
        except ValueError:  # the claim is removed with its execution then
            return False
        return graph.spec.workspace is not None

    async def _remove_items(self, execution: Stored) -> None:
        selector = f"{EXECUTION_UID}={execution.uid}"
        maps, _ = await self._context.client.list(
            CONFIG_MAPS, execution.namespace, label_selector=selector, metadata_only=True
        )
        for raw in maps:
            metadata = raw["metadata"]
            await self._remove(CONFIG_MAPS, execution.namespace, metadata["name"], metadata["uid"])

    async def _remove(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        uid: str | None,
        version: str | None = None,
    ) -> bool:
        """Whether it no longer exists or was replaced; False if its removal is refused."""
        try:
            await self._context.client.delete(
                resource,
                namespace,
                name,
                uid=uid,
                resource_version=version,
                propagation="Background",
            )
        except ApiError as error:
            if error.refuses:
                if uid not in self._refused:
                    what = f"{resource.kind} {namespace}/{name}"
                    logger.warning("%s is kept, its removal is refused: %s", what, error.message)
                    self._refused.add(uid)
                return False
            if error.status not in (404, 409):  # deleted, replaced, or used again
                raise
        return True

    def _forget(self, group: Group, execution: Stored) -> None:
        if self._gate is not None:
            self._gate.forget(execution.uid)
        executions = self._ended.get(group, {})
        executions.pop(execution.uid, None)
        if not executions:
            self._ended.pop(group, None)
            self._histories.pop(group, None)


def _moment(text: str) -> float | None:
    """The time of a mark; None if it is invalid."""
    try:
        return from_rfc3339(text)
    except ValueError:
        return None


def _parsed(raw: Any) -> History:
    history = parse(History, dict(raw or {}))
    return history if isinstance(history, History) else History()
