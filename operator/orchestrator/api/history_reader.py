"""Reads the history for requests, which wait for it in their threads.

While the database cannot be used, requests go on without it: one of them tries it every few
seconds, and the others do not wait.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import TypeVar

from anyio.from_thread import run
from sqlalchemy.exc import SQLAlchemyError

from orchestrator.api.history_responses import HistoryUnavailableError
from orchestrator.api.instrumentation import miss_history
from orchestrator.history.database import UnavailableError, described, schema_problem
from orchestrator.history.entry import entry_from, object_of
from orchestrator.history.listing import Listed, ListQuery, list_page
from orchestrator.history.logs.bucket import LogBucket
from orchestrator.history.logs.extent import Extent
from orchestrator.history.logs.kept_log import KeptLog, LogIdentity
from orchestrator.history.logs.log_store import LogStore
from orchestrator.history.revision_uses import RecordedUse, recorded_uses
from orchestrator.history.selection import Selection
from orchestrator.history.store import Store
from orchestrator.history.sums_with_live import Sums, sums_with_live
from orchestrator.models.labels import RESTORED_FROM
from orchestrator.session.cluster import Raw

logger = logging.getLogger(__name__)

READ_SECONDS = 15.0
"""Seconds for which a request waits for the database."""
CHECK_SECONDS = 3.0
"""Seconds within which the database must answer a question about its schema."""
CHECKED_SECONDS = 10.0
"""Seconds after which the schema is checked again."""
RETRY_SECONDS = 5.0
"""Seconds for which requests go without a database that does not answer."""
_DOWN = "the database does not answer"

Answer = TypeVar("Answer")
Reading = Callable[[Store], Awaitable[Answer]]


class HistoryReader:
    """The recorded executions. Methods block and raise HistoryUnavailableError."""

    def __init__(self, url: str, bucket: LogBucket | None = None) -> None:
        """ValueError for a URL that is none; nothing is connected yet. With the bucket of logs,
        those in it can be read."""
        self._store = Store(url, READ_SECONDS, read_only=True)
        self._logs = LogStore(self._store.engine, bucket)
        self._where = described(url)
        self._problem = ""
        self._next_check = 0.0

    async def close(self) -> None:
        """Close all connections."""
        await self._store.close()

    def problem(self) -> str:
        """Why the history is left out of answers; empty if it is not."""
        try:
            run(self._check)
        except HistoryUnavailableError as error:
            return str(error)
        return ""

    def get(self, uid: str) -> Raw | None:
        """An execution as it ended; None if it is not recorded."""
        return self._read(lambda store: store.get(uid))

    def get_named(self, namespace: str, name: str) -> Raw | None:
        """The newest execution of this name as it ended; None if none is recorded."""
        return self._read(lambda store: store.get_named(namespace, name))

    def newest(self, namespace: str) -> Raw | None:
        """The execution of a namespace that was created last, as it ended; None without any."""
        query = ListQuery(Selection(frozenset({namespace})), "created", True, 1)
        rows = self.page(query, ()).rows
        return object_of(rows[0][1]) if rows else None

    def revision(self, namespace: str, name: str) -> Raw | None:
        """The data of a frozen workflow; None if it is not recorded."""
        return self._read(lambda store: store.revision(namespace, name))

    def revision_uses(
        self, namespace: str, workflow: str, without: Collection[str]
    ) -> list[RecordedUse]:
        """The revisions of a Workflow, without the executions of some uids."""
        return self._read(lambda store: recorded_uses(store.engine, namespace, workflow, without))

    def page(self, query: ListQuery, without: Collection[str]) -> Listed:
        """A page of a list, without the executions of some uids."""
        return self._read(lambda store: list_page(store.engine, query, without))

    def sums(self, selection: Selection, live: Mapping[str, int | None], latest: int = 0) -> Sums:
        """As `sums_with_live`."""
        return self._read(lambda store: sums_with_live(store.engine, selection, live, latest))

    def logs(self, execution_uid: str, namespace: str, node: str | None) -> list[KeptLog]:
        """The kept logs of an execution, or of one of its nodes."""
        return self._read(lambda _: self._logs.of_execution(execution_uid, namespace, node))

    def log_chunks(self, pod_uid: str) -> list[Extent]:
        """The chunks of a kept log, in order."""
        return self._read(lambda _: self._logs.chunks(pod_uid))

    def log_text(self, identity: LogIdentity, number: int) -> bytes | None:
        """The text of a chunk; None if it is gone, or in a bucket that is not known."""
        return self._read(lambda _: self._logs.text(identity, number))

    def restored(self, executions: Iterable[Raw]) -> dict[str, str]:
        """Of live executions that were restored from a backup and are recorded as they were
        before: the uid of then, by that of now."""
        before = {
            raw["metadata"]["uid"]: (raw, uid)
            for raw in executions
            if (uid := (raw["metadata"].get("labels") or {}).get(RESTORED_FROM))
        }
        entries = [entry for raw, _ in before.values() if (entry := entry_from(raw)) is not None]
        if not entries:
            return {}
        same = self._read(lambda store: store.restored(entries))
        return {uid: before[uid][1] for uid in same}

    def _read(self, read: Reading[Answer]) -> Answer:
        try:
            return run(self._answer, read)
        except HistoryUnavailableError:
            miss_history()
            raise

    async def _answer(self, read: Reading[Answer]) -> Answer:
        await self._check()
        try:
            async with asyncio.timeout(READ_SECONDS):
                return await read(self._store)
        except (UnavailableError, TimeoutError, SQLAlchemyError) as error:
            # Whether the database is down, or only this request takes too long, the next one checks
            # before it reads.
            self._next_check = 0.0
            logger.warning("the history at %s cannot be read: %s", self._where, error)
            raise HistoryUnavailableError(_DOWN) from error

    async def _check(self) -> None:
        """Raises HistoryUnavailableError if the schema is not ours, or cannot be read."""
        now = time.monotonic()
        if now < self._next_check:
            if self._problem:
                raise HistoryUnavailableError(self._problem)
            return
        if self._problem:  # the other requests do not wait for this check
            self._next_check = now + RETRY_SECONDS
        try:
            problem = await schema_problem(self._store.engine, CHECK_SECONDS)
        except (UnavailableError, TimeoutError, SQLAlchemyError) as error:
            self._log(_DOWN, error)
            self._checked(_DOWN)
            raise HistoryUnavailableError(_DOWN) from error
        self._log(problem)
        self._checked(problem)
        if problem:
            raise HistoryUnavailableError(problem)

    def _checked(self, problem: str) -> None:
        self._problem = problem
        wait = RETRY_SECONDS if problem else CHECKED_SECONDS
        self._next_check = time.monotonic() + wait

    def _log(self, problem: str, error: BaseException | None = None) -> None:
        if problem and problem != self._problem:
            why = f"{problem}: {error}" if error is not None else problem
            logger.warning("answers leave out the history at %s: %s", self._where, why)
        elif self._problem and not problem:
            logger.info("answers contain the history again")
