"""`python -m dev.bench.hop PORT KUBECONFIG`: the least receiver, which only passes bodies on.

Each request's body is created as an object at the request's path, and nothing is verified, decided
or counted: what a second process between a sender and the API server costs by itself.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import orjson
import uvloop
from aiohttp import web

from dev.bench.client import Api


async def main() -> None:
    """Serve until killed."""
    port, kubeconfig = int(sys.argv[1]), Path(sys.argv[2])
    async with Api(kubeconfig, "bench-hop") as api:

        async def answer(request: web.BaseRequest) -> web.StreamResponse:
            created = await api.create(request.path, orjson.loads(await request.read()))
            body = orjson.dumps({"execution": created["metadata"]["name"]})
            return web.Response(status=202, body=body, content_type="application/json")

        runner = web.ServerRunner(web.Server(answer))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main())
