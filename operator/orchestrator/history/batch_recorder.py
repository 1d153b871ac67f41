"""Records batches of executions, each batch in one transaction."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from sqlalchemy.exc import SQLAlchemyError

from orchestrator.engine.lifecycle.retention import ended_at
from orchestrator.engine.status.conditions import is_recorded
from orchestrator.history.cluster_reader import ClusterReader, Raw, RevisionKey, Revisions
from orchestrator.history.entry import Entry, entry_from
from orchestrator.history.metrics import Failure, HistoryMetrics
from orchestrator.history.removal import horizon
from orchestrator.history.store import Store
from orchestrator.process.bounded_set import BoundedSet

logger = logging.getLogger(__name__)

MAX_SETTLED = 100_000
"""Executions that are remembered as settled; others are read again at each rescan."""


class BatchRecorder:
    """Raises UnavailableError and ApiError."""

    def __init__(self, store: Store, reader: ClusterReader, metrics: HistoryMetrics) -> None:
        self._store = store
        self._reader = reader
        self._metrics = metrics
        self.settled: BoundedSet[str] = BoundedSet(MAX_SETTLED)
        """Uids of executions that need not be recorded: the history has them under the uid that
        they had in a backup, or has removed them."""

    async def record(self, raws: list[Raw]) -> set[str]:
        """Record executions; the uids of those that have not ended or that the database refuses."""
        raws = await self._without_removed(raws)
        revisions = await self._reader.revisions(raws)

        def prepared() -> list[tuple[str, Entry | None]]:
            return [(raw["metadata"]["uid"], self._entry(raw, revisions)) for raw in raws]

        # Large statuses take a while to compress.
        entries = await asyncio.to_thread(prepared)
        refused = {uid for uid, entry in entries if entry is None}
        ended = {uid: entry for uid, entry in entries if entry is not None}
        for uid in await self._store.restored(ended.values()):
            self.settled.add(uid)
            del ended[uid]
        try:
            new = await self._store.record(ended.values(), revisions.new)
        except SQLAlchemyError:  # the database refuses one of them; which one, it does not say
            new = set()
            for uid, entry in ended.items():
                recorded = await self._record_one(entry, revisions.new)
                if recorded is None:
                    refused.add(uid)
                else:
                    new |= recorded
        self._reader.stored(revisions.new)
        self._metrics.recorded.inc(len(new))
        return refused

    def _entry(self, raw: Raw, revisions: Revisions) -> Entry | None:
        """The entry of an execution; None if it has not ended, or cannot be read: what
        users write into one object must not keep the others from being recorded."""
        try:
            return entry_from(raw, revisions.approvals(raw))
        except Exception:
            self._metrics.failed(Failure.INVALID)
            where = f"{raw['metadata']['namespace']}/{raw['metadata']['name']}"
            logger.exception("the execution %s cannot be recorded", where)
            return None

    async def _record_one(
        self, entry: Entry, revisions: Mapping[RevisionKey, Raw]
    ) -> set[str] | None:
        """The uid if it was not recorded before; None if the database refuses it."""
        try:
            return await self._store.record([entry], revisions)
        except SQLAlchemyError as error:
            self._metrics.failed(Failure.INVALID)
            where = f"{entry.namespace}/{entry.name}"
            logger.error("the database refuses the execution %s: %s", where, error)
            return None

    async def _without_removed(self, raws: list[Raw]) -> list[Raw]:
        """Those of the executions that retention has not removed from the history already."""
        marked = [raw for raw in raws if is_recorded(raw.get("status") or {})]
        if not marked or (end := await horizon(self._store.engine)) is None:
            return raws
        removed = {
            raw["metadata"]["uid"]
            for raw in marked
            if (ended := ended_at(raw["status"])) is not None and round(ended * 1000) <= end
        }
        for uid in removed:
            self.settled.add(uid)
        return [raw for raw in raws if raw["metadata"]["uid"] not in removed]
