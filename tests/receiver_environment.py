"""A receiver in this process, with the fake API server, and requests to it."""

from __future__ import annotations

import asyncio
import base64
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson

from orchestrator.kube.client import ApiClient
from orchestrator.kube.errors import ApiError
from orchestrator.receiver.limits import Limits
from orchestrator.receiver.receiver import Receiver
from orchestrator.receiver.server import Address, Server
from tests.signed_requests import SECRET, SECRETS
from tests.simulation.faults import Faults, FaultyTransport
from tests.simulation.store import Store
from tests.simulation.views import Raw

NAMESPACE = "shop"
TOKEN = {"webhook": {"bearer": {"secrets": SECRETS, "idHeader": "X-Id"}}}
BEARER = {"Authorization": f"Bearer {SECRET.decode()}", "Content-Type": "application/json"}


def new_store() -> Store:
    """A fake API server with a Workflow and the Secret that the triggers of tests name."""
    store = Store(time.time, random.Random(1))
    store.create("workflows", NAMESPACE, _object("Workflow", "greet", {"nodes": []}))
    put_secret(store, SECRET)
    return store


def put_secret(store: Store, *values: bytes, name: str = "hooks") -> None:
    """Create the Secret with these values, the first under the key `secret`, or replace it."""
    key = ("secrets", NAMESPACE, name)
    if key in store.objects:
        store.remove(key)
    keys = ["secret", *(f"other{at}" for at in range(1, len(values)))]
    data = {
        name: base64.b64encode(value).decode() for name, value in zip(keys, values, strict=True)
    }
    store.create("secrets", NAMESPACE, {"kind": "Secret", "metadata": {"name": name}, "data": data})


def put_trigger(store: Store, name: str, **spec: Any) -> None:
    """Create a trigger of the Workflow."""
    store.create("triggers", NAMESPACE, _object("Trigger", name, {"workflow": "greet", **spec}))


def executions(store: Store, trigger: str) -> list[Raw]:
    """The executions of a trigger."""
    found = store.all("workflowexecutions")
    return [raw for raw in found if raw["spec"]["trigger"]["name"] == trigger]


def status_of(store: Store, trigger: str) -> Raw:
    """The status of a trigger."""
    status: Raw = store.objects["triggers", NAMESPACE, trigger].get("status") or {}
    return status


def _object(kind: str, name: str, spec: Raw) -> Raw:
    return {
        "apiVersion": "automation.itechsmart.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": spec,
    }


class AuthorizingTransport(FaultyTransport):
    """The transport to the store, with TokenReviews and SubjectAccessReviews."""

    users: Mapping[str, str] = {}
    """Users by their token."""
    may_fire: frozenset[str] = frozenset()
    may_read_secrets = True
    on_create: Callable[[str], None] = staticmethod(lambda _: None)
    """Called with the path of each creation before it is answered."""

    async def exchange(
        self,
        verb: str,
        path: str,
        query: Mapping[str, str],
        data: bytes | None,
        *rest: Any,
    ) -> Raw:
        if "/secrets/" in path and not self.may_read_secrets:
            raise ApiError(403, "Forbidden", "secrets is forbidden")
        if path.endswith("reviews") and not self.store.away:
            return self._review(path, orjson.loads(data or b"{}")["spec"])
        if verb == "create":
            self.on_create(path)
        return await super().exchange(verb, path, query, data, *rest)

    def _review(self, path: str, spec: Raw) -> Raw:
        if path.endswith("/tokenreviews"):
            user = self.users.get(spec["token"])
            if user is None:
                return {"status": {"authenticated": False}}
            return {"status": {"authenticated": True, "user": {"username": user}}}
        asked = spec["resourceAttributes"]
        assert (asked["verb"], asked["resource"]) == ("create", "triggers")
        assert asked["subresource"] == "fire"
        return {"status": {"allowed": spec["user"] in self.may_fire}}


@dataclass
class ReceiverEnvironment:
    """A running receiver."""

    store: Store
    transport: AuthorizingTransport
    receiver: Receiver
    port: int
    session: aiohttp.ClientSession
    stop: asyncio.Event
    task: asyncio.Task[None] = field(repr=False)

    async def post(
        self,
        trigger: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        query: str = "",
        method: str = "POST",
    ) -> tuple[int, Any, Mapping[str, str]]:
        """Send a request; returns status, JSON and headers of the answer."""
        data = body if isinstance(body, bytes) else orjson.dumps(body)
        url = f"http://127.0.0.1:{self.port}/triggers/{NAMESPACE}/{trigger}{query}"
        given = BEARER if headers is None else headers
        async with self.session.request(method, url, data=data, headers=given) as response:
            text = await response.read()
            is_json = response.content_type == "application/json"
            return response.status, orjson.loads(text) if is_json else text, response.headers

    async def received(self, trigger: str, status: str = "True") -> Raw:
        """The condition Receiving of a trigger, once it has this status."""
        async with asyncio.timeout(30):
            while True:
                for each in status_of(self.store, trigger).get("conditions") or ():
                    if each["type"] == "Receiving" and each["status"] == status:
                        found: Raw = each
                        return found
                await asyncio.sleep(0.01)

    async def end(self) -> None:
        """Ask it to end, and wait."""
        self.stop.set()
        await self.task


@asynccontextmanager
async def receiver_environment(
    store: Store,
    *,
    limits: Limits | None = None,
    faults: Faults | None = None,
    seed: int = 1,
    monotonic: Callable[[], float] = time.monotonic,
    latency: float = 0.001,
    **options: Any,
) -> AsyncIterator[ReceiverEnvironment]:
    """A running receiver with further options, stopped when the context exits."""
    transport = AuthorizingTransport(store, faults, random.Random(seed), latency)
    client = ApiClient(transport._credentials, transport)
    listening: asyncio.Future[Server] = asyncio.get_running_loop().create_future()
    receiver = Receiver(
        client,
        Address("127.0.0.1", 0),
        limits=limits,
        monotonic=monotonic,
        on_listening=listening.set_result,
        **options,
    )
    stop = asyncio.Event()
    task = asyncio.create_task(receiver.run(stop))
    try:
        task.add_done_callback(lambda _: listening.done() or listening.cancel())
        async with aiohttp.ClientSession() as session:
            port = (await listening).port
            yield ReceiverEnvironment(store, transport, receiver, port, session, stop, task)
    finally:
        stop.set()
        await asyncio.gather(task, return_exceptions=True)
