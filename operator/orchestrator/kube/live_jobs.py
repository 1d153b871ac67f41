"""Lists the Jobs of an execution live; simultaneous requests are combined in one list.

For each list, the API server reads every Job of the namespace, whatever it selects.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sized
from itertools import islice

from orchestrator.kube.cache import Raw
from orchestrator.kube.client import ApiClient
from orchestrator.kube.resources import JOBS
from orchestrator.models.labels import EXECUTION_UID

AT_ONCE = 50
"""Maximum number of executions in one list: their uids are in the request's URL."""
REST_PER_JOB, MAX_REST = 3e-4, 1.0
"""Seconds between two lists for each Job that there is, and at most: ten times the CPU of the API
server that a list takes a Job (30 us, measured), so that lists stay below a tenth of its work. The
time that a list takes says less: on a busy API server it is mostly the wait for other requests.
"""

_Answer = asyncio.Future[list[Raw]]


class LiveJobs:
    """Lists metadata of Jobs; callers during a list or the pause after it wait for the next one."""

    def __init__(self, client: ApiClient, known: Sized) -> None:
        """`known` are the existing Jobs, as far as the watch has observed them."""
        self._client = client
        self._known = known
        self._waiting: defaultdict[str, dict[str, _Answer]] = defaultdict(dict)
        self._listing: dict[str, asyncio.Task[None]] = {}
        self._rested: dict[str, float] = {}
        """When the next list may begin, by namespace and in the loop's time."""

    async def of(self, namespace: str, uid: str) -> list[Raw]:
        """The current Jobs of an execution. Raises ApiError."""
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
                for _ in range(0, len(waiting), AT_ONCE):
                    asked = {uid: waiting.pop(uid) for uid in list(islice(waiting, AT_ONCE))}
                    await self._list(namespace, asked)
                rest = min(REST_PER_JOB * len(self._known), MAX_REST)
                self._rested[namespace] = loop.time() + rest
        finally:
            del self._listing[namespace]
            now = loop.time()
            self._rested = {name: due for name, due in self._rested.items() if due > now}
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
