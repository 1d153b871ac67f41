"""`python -m dev.bench.stubstore PORT`: an API server that stores nothing and answers at once.

It has one Trigger and its Secret, and accepts every execution: what is measured in front of it is
the receiver alone.
"""

from __future__ import annotations

import asyncio
import base64
import sys
from datetime import UTC, datetime
from typing import Any

import orjson
import uvloop
from aiohttp import web

from dev.bench.shapes import API_VERSION

NAMESPACE, TRIGGER, SECRET = "bench", "hooks", b"a secret of the benchmark"


def trigger(*, workflow: str) -> dict[str, Any]:
    """The manifest of a Trigger on GitHub's webhooks, whose rate limit is out of reach."""
    return {
        "apiVersion": API_VERSION,
        "kind": "Trigger",
        "metadata": {"name": TRIGGER},
        "spec": {
            "workflow": workflow,
            "webhook": {"github": {"secrets": [{"name": "hooks", "key": "secret"}]}},
            "filter": "event.body.ref == 'refs/heads/main'",
            "rateLimit": {"limit": 10_000, "period": "1s", "policy": "Drop"},
        },
    }


def secret() -> dict[str, Any]:
    """The manifest of the Secret."""
    data = {"secret": base64.b64encode(SECRET).decode()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hooks"}, "data": data}


_STORED = {
    "namespace": NAMESPACE, "uid": "0f5c", "resourceVersion": "5", "generation": 1,
    "creationTimestamp": "2026-01-01T00:00:00Z",
}  # fmt: skip


async def answer(request: web.Request) -> web.StreamResponse:
    """Answer any request of the receiver."""
    plural = request.path.rstrip("/").split("/")[-1]
    if "watch" in request.query:
        stream = web.StreamResponse()
        await stream.prepare(request)
        await asyncio.sleep(3600)
        return stream
    if request.method == "POST":
        raw = orjson.loads(await request.read())
        created = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        raw["metadata"] |= {"uid": "1", "resourceVersion": "7", "creationTimestamp": created}
        return _json(raw, 201)
    if plural == "triggers":
        raw = trigger(workflow="flow")
        raw["metadata"] |= _STORED
        return _json({"metadata": {"resourceVersion": "5"}, "items": [raw]})
    if "/secrets/" in request.path:
        return _json(secret())
    if request.method == "PATCH":
        raw = trigger(workflow="flow")
        raw["metadata"] |= _STORED
        return _json(raw)
    return _json({"metadata": {"resourceVersion": "5"}, "items": []})


def _json(raw: dict[str, Any], status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(raw), content_type="application/json")


async def main() -> None:
    """Serve until killed."""
    runner = web.ServerRunner(web.Server(answer))  # type: ignore[arg-type]
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", int(sys.argv[1])).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main())
