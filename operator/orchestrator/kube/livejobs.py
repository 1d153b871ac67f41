"""The Jobs of an execution, listed live: what ends at the same time is asked for in one list.

The API server reads every Job of the namespace for each list, whatever it selects.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from itertools import islice

from orchestrator.kube.cache import Raw
from orchestrator.kube.client import ApiClient
from orchestrator.kube.resources import JOBS
from orchestrator.models.labels import EXECUTION_UID

AT_ONCE = 50
"""Executions in one list at most: their uids are in the request's URL."""
REST_FACTOR, MAX_REST = 10.0, 1.0
"""As many times as long as the last lists took, the next one waits, and so many seconds at most:
of thousands of Jobs they would be a tenth of what the API server does."""

_Answer = asyncio.Future[list[Raw]]


class LiveJobs:
    """Lists metadata of Jobs; while a list is under way or rests, who asks waits for the next."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        self._waiting: defaultdict[str, dict[str, _Answer]] = defaultdict(dict)
        self._listing: dict[str, asyncio.Task[None]] = {}
        self._rested: dict[str, float] = {}
        """When the next list may begin, by namespace and in the loop's time."""

    async def of(self, namespace: str, uid: str) -> list[Raw]:
        """The Jobs of an execution as of now. Raises ApiError."""
        loop = asyncio.get_running_loop()
        answer = self._waiting[namespace].setdefault(uid, loop.create_future())
        if namespace not in self._listing:
            self._listing[namespace] = loop.create_task(self._list_all(namespace))
        return await asyncio.shield(answer)

    async def _list_all(self, namespace: str) -> None:
        waiting, loop = self._waiting[namespace], asyncio.get_running_loop()
        try:
            while waiting:
                await asyncio.sleep(self._rested.get(namespace, 0.0) - loop.time())
                began = loop.time()
                for _ in range(0, len(waiting), AT_ONCE):
                    asked = {uid: waiting.pop(uid) for uid in list(islice(waiting, AT_ONCE))}
                    await self._list(namespace, asked)
                ended = loop.time()
                self._rested[namespace] = ended + min(REST_FACTOR * (ended - began), MAX_REST)
        finally:
            del self._listing[namespace]
            if not waiting:
                self._waiting.pop(namespace, None)

    async def _list(self, namespace: str, asked: dict[str, _Answer]) -> None:
        found: defaultdict[str, list[Raw]] = defaultdict(list)
        try:
            uids = ",".join(asked)
            one = f"{EXECUTION_UID}={uids}"
            selector = one if len(asked) == 1 else f"{EXECUTION_UID} in ({uids})"
            jobs, _ = await self._client.list(
                JOBS, namespace, label_selector=selector, metadata_only=True
            )
        except Exception as error:
            for answer in asked.values():
                answer.set_exception(error)
            return
        except BaseException:
            for answer in asked.values():
                answer.cancel()
            raise
        for job in jobs:
            found[job["metadata"]["labels"][EXECUTION_UID]].append(job)
        for uid, answer in asked.items():
            answer.set_result(found[uid])
