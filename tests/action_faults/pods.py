"""A fake Kubernetes API in a thread, whose pods run commands and have logs and metrics."""

from __future__ import annotations

import asyncio
import threading
from types import TracebackType
from typing import Any, Self

from tests.unit.actions.kubernetes.kubeserver import Answered, KubeServer


class Pods:
    """The pod `web` in the namespace `shop`."""

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="pods")
        self._thread.start()
        self.url: str = self._do(self._start())
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: object, _at: TracebackType | None
    ) -> None:
        self._do(self._server.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def commands(self, word: str) -> int:
        """How many commands with this word were run."""
        return sum(word in started.words for started in self._server.commands)

    def _do(self, what: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(30)

    async def _start(self) -> str:
        self._server = KubeServer()
        self._server.run = lambda _started: Answered(b"done\n")
        await self._server.put(
            "pods", "shop", "web",
            metadata={"labels": {"app": "web"}, "creationTimestamp": "2026-01-01T00:00:00Z"},
            spec={"containers": [{"name": "main"}]},
            status={"conditions": [{"type": "Ready", "status": "True"}]},
            containers=[{"name": "main", "usage": {"cpu": "1", "memory": "1Mi"}}],
        )  # fmt: skip
        return await self._server.start()
