"""A fake API server whose pods have logs that can be followed."""

from __future__ import annotations

import asyncio
import json
import random
from datetime import datetime
from typing import Any

from aiohttp import web

from orchestrator.history.logs.lines import SECOND
from orchestrator.models.labels import EXECUTION_UID
from tests.apiserver import ApiServer
from tests.unit.history.logs.kubelet_logs import START, stamped

UID = "uid-shop-run"
"""Of the execution that the pods belong to."""


class PodServer(ApiServer):
    """Containers write, end, and are deleted; followers may be cut off."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[str, list[tuple[int, bytes]]] = {}
        self.refusals: list[web.Response] = []
        """Answered to reads of logs instead."""
        self.forbidden = False
        self.followed = 0
        """Logs that are followed now."""
        self.most_followed = 0
        self._moment = START * SECOND
        self._wrote = asyncio.Condition()
        self._following: set[web.StreamResponse] = set()

    async def run(
        self, name: str, node: str = "check", attempt: int = 1, namespace: str = "shop"
    ) -> None:
        """A pod whose container runs."""
        self.lines[name] = []
        await self._put(name, node, attempt, {"running": {}}, "Running", namespace)

    async def write(self, name: str, *texts: str) -> None:
        """Lines of its container."""
        for text in texts:
            self._moment += SECOND // 7
            self.lines[name].append((self._moment, stamped(self._moment, text)))
        async with self._wrote:
            self._wrote.notify_all()

    async def end(self, name: str, code: int = 0, node: str = "check", attempt: int = 1) -> None:
        """Its container ends."""
        phase = "Failed" if code else "Succeeded"
        await self._put(name, node, attempt, {"terminated": {"exitCode": code}}, phase)
        async with self._wrote:
            self._wrote.notify_all()

    async def delete(self, name: str) -> None:
        """It is deleted at once, with its log."""
        await self.remove("pods", "shop", name)
        async with self._wrote:
            self._wrote.notify_all()

    async def cut(self) -> None:
        """All follows break off."""
        for stream in list(self._following):
            assert stream._req is not None
            if stream._req.transport is not None:
                stream._req.transport.abort()
        await asyncio.sleep(0)

    async def _put(
        self,
        name: str,
        node: str,
        attempt: int,
        state: dict[str, Any],
        phase: str,
        namespace: str = "shop",
    ) -> None:
        context = json.dumps({"node": node, "attempt": attempt})
        action = {"name": "action", "env": [{"name": "CONTEXT", "value": context}]}
        await self.put(
            "pods",
            namespace,
            name,
            metadata={
                "uid": f"uid-{name}",
                "creationTimestamp": "2027-01-15T08:00:00Z",
                "labels": {EXECUTION_UID: UID},
            },
            spec={"containers": [action]},
            status={"phase": phase, "containerStatuses": [{"name": "action", "state": state}]},
        )

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if not request.path.endswith("/log"):
            return await super().answer(request)
        namespace, _, name = request.path.split("/")[-4:-1]
        if self.forbidden:
            return _refusal(403, "Forbidden", "pods/log is forbidden")
        if self.refusals:
            return self.refusals.pop()
        if ("pods", namespace, name) not in self.objects:
            return _refusal(404, "NotFound", f'pods "{name}" not found')
        since = request.query.get("sinceTime")
        begin = 0 if since is None else int(datetime.fromisoformat(since).timestamp()) * SECOND
        response = web.StreamResponse()
        await response.prepare(request)
        follow = bool(request.query.get("follow"))
        self.followed += follow
        self.most_followed = max(self.most_followed, self.followed)
        self._following.add(response)
        try:
            await self._send(response, (namespace, name), begin, follow=follow)
        except ConnectionError:
            pass
        finally:
            self.followed -= follow
            self._following.discard(response)
        return response

    async def _send(
        self, response: web.StreamResponse, key: tuple[str, str], begin: int, *, follow: bool
    ) -> None:
        sent, (namespace, name) = 0, key
        while True:
            there = self.lines[name]
            parts = [line + b"\n" for moment, line in there[sent:] if moment >= begin]
            sent = len(there)
            text = b"".join(parts)
            middle = random.randrange(len(text) + 1)
            for part in (text[:middle], text[middle:]):
                if part:
                    await response.write(part)
            pod = self.objects.get(("pods", namespace, name))
            over = pod is None or pod["status"]["phase"] != "Running"
            if len(self.lines[name]) == sent and (over or not follow):
                return
            async with self._wrote:
                if len(self.lines[name]) == sent:
                    await self._wrote.wait()


def _refusal(code: int, reason: str, message: str) -> web.Response:
    body = {"kind": "Status", "code": code, "reason": reason, "message": message}
    return web.json_response(body, status=code)


def unreachable() -> web.Response:
    """What the API server answers if the kubelet does not."""
    words = 'Get "https://10.0.0.7:10250/containerLogs/…": dial tcp: connect: connection refused'
    return _refusal(500, "InternalError", words)
