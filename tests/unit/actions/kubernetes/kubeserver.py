"""The fake API server with evictions, logs and exec, as of kubelets and disruption budgets."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from tests.apiserver import ApiServer, _status

_POD = re.compile(r"/api/v1/namespaces/([^/]+)/pods/([^/]+)/(eviction|log|exec)")
PROTOCOL = "v5.channel.k8s.io"
CLOSE = 255


@dataclass
class Answered:
    """What a command in a container writes and how it ends."""

    stdout: bytes = b""
    stderr: bytes = b""
    code: int = 0
    ends: bool = True
    """Whether its exit code arrives; otherwise the connection is closed without it."""
    hangs: bool = False
    """Whether it ends at all."""
    status: dict[str, Any] | None = None
    """A Status that says why the command was not started."""


@dataclass
class Started:
    """A command as the server received it."""

    pod: str
    container: str
    words: list[str]
    stdin: bytes = b""


@dataclass
class KubeServer(ApiServer):
    """Pods that can be evicted, logged and entered."""

    budgets: dict[str, int] = field(default_factory=dict)
    """By name of the pod: how often its eviction is refused; -1 for always."""
    gone: dict[str, int] = field(default_factory=dict)
    """By name of the pod: how often its log is that of a container that was removed."""
    commands: list[Started] = field(default_factory=list)
    run: Callable[[Started], Answered] = lambda _started: Answered()

    def __post_init__(self) -> None:
        super().__init__()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("dryRun"):
            return await self._dry_run(request)
        match = _POD.fullmatch(request.path)
        if match is None:
            return await super().answer(request)
        namespace, name, what = match.groups()
        if ("pods", namespace, name) not in self.objects:
            return _status(404, "NotFound", f'pods "{name}" not found')
        if what == "eviction":
            return await self._evict(request, namespace, name)
        if what == "log":
            if self.gone.get(name, 0):
                self.gone[name] -= 1
                return web.Response(text="unable to retrieve container logs for containerd://87c")
            return web.Response(text=f"log of {name}\nlast line")
        return await self._exec(request, name)

    async def _dry_run(self, request: web.Request) -> web.StreamResponse:
        """The answer without the change."""
        objects, bodies, version = dict(self.objects), list(self.bodies), self.version
        answer = await super().answer(request)
        self.objects, self.bodies, self.version = objects, bodies, version
        return answer

    async def _evict(self, request: web.Request, namespace: str, name: str) -> web.Response:
        body = await request.json()
        assert (body["apiVersion"], body["kind"]) == ("policy/v1", "Eviction")
        left = self.budgets.get(name, 0)
        if left:
            self.budgets[name] = left - 1
            words = "Cannot evict pod as it would violate the pod's disruption budget."
            return _status(429, "TooManyRequests", words)
        self.bodies.append(("POST", "evictions", body))
        await self.remove("pods", namespace, name)
        return web.json_response({"kind": "Status", "status": "Success"}, status=201)

    async def _exec(self, request: web.Request, name: str) -> web.StreamResponse:
        if PROTOCOL not in request.headers.get("Sec-WebSocket-Protocol", ""):
            return _status(400, "BadRequest", "unable to upgrade: no supported protocol")
        stream = web.WebSocketResponse(protocols=(PROTOCOL,))
        await stream.prepare(request)
        started = Started(name, request.query["container"], request.query.getall("command"))
        self.commands.append(started)
        while request.query["stdin"] == "true":
            message = await stream.receive()
            if message.type is not WSMsgType.BINARY or message.data[0] == CLOSE:
                break
            started.stdin += message.data[1:]
        answered = self.run(started)
        for channel, data in ((1, answered.stdout), (2, answered.stderr)):
            await stream.send_bytes(bytes([channel]) + data)
        if answered.hangs:
            await stream.receive()
        elif answered.ends:
            await stream.send_bytes(b"\x03" + json.dumps(_ended(answered)).encode())
        await stream.close()
        return stream


def _ended(answered: Answered) -> dict[str, Any]:
    """The Status on the error channel, as the kubelet writes it."""
    if answered.status:
        return answered.status
    if not answered.code:
        return {"kind": "Status", "status": "Success"}
    cause = {"reason": "ExitCode", "message": str(answered.code)}
    return {
        "kind": "Status",
        "status": "Failure",
        "reason": "NonZeroExitCode",
        "message": f"command terminated with non-zero exit code {answered.code}",
        "details": {"causes": [cause]},
    }
