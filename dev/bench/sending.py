"""What a measurement of the receiver sends: signed webhooks, or the objects that they lead to."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable

import aiohttp
import orjson

from dev.bench.client import OURS, Api, Raw
from dev.bench.stubstore import SECRET, TRIGGER

Send = Callable[[int], Awaitable[None]]


def sender(session: aiohttp.ClientSession, url: str, namespace: str) -> Send:
    """Sends the webhook of a number, signed as GitHub signs."""

    async def send(number: int) -> None:
        pushed = {"ref": "refs/heads/main", "after": f"{number:040x}", "pusher": {"name": "ana"}}
        body = orjson.dumps(pushed)
        headers = {
            "Content-Type": "application/json",
            "X-GitHub-Event": "push",
            "X-GitHub-Delivery": f"delivery-{number}",
            "X-Hub-Signature-256": "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest(),
        }
        path = f"{url}/triggers/{namespace}/{TRIGGER}"
        async with session.post(path, data=body, headers=headers) as answer:
            if answer.status != 202:
                raise RuntimeError(f"{answer.status} {await answer.text()}")
            await answer.read()

    return send


def creator(api: Api, namespace: str, sample: Raw) -> Send:
    """Creates the execution of a number, as the receiver writes it."""
    path = f"{OURS}/namespaces/{namespace}/workflowexecutions"

    async def create(number: int) -> None:
        name = f"{sample['metadata']['name'][:20]}{number}"
        await api.create(path, _copy(sample, name))

    return create


def passed_on(session: aiohttp.ClientSession, url: str, namespace: str, sample: Raw) -> Send:
    """Sends the execution of a number to the bare hop."""
    path = f"{url}{OURS}/namespaces/{namespace}/workflowexecutions"

    async def send(number: int) -> None:
        name = f"{sample['metadata']['name'][:20]}{number}"
        body = orjson.dumps(_copy(sample, name))
        async with session.post(path, data=body) as answer:
            if answer.status != 202:
                raise RuntimeError(f"{answer.status} {await answer.text()}")
            await answer.read()

    return send


def both_by_hand(api: Api, namespace: str, execution: Raw, job: Raw) -> Send:
    """Creates the execution of a number and its first Job, as they were once made."""
    executions = f"{OURS}/namespaces/{namespace}/workflowexecutions"
    jobs = f"/apis/batch/v1/namespaces/{namespace}/jobs"

    async def create(number: int) -> None:
        await api.create(executions, _copy(execution, f"by-hand-{number}"))
        plain = _copy(job, f"by-hand-{number}")
        plain["spec"].pop("selector", None)
        plain["spec"]["template"]["metadata"] = {}
        await api.create(jobs, plain)

    return create


def _copy(raw: Raw, name: str) -> Raw:
    metadata = {key: raw["metadata"].get(key) for key in ("labels", "annotations")}
    copied: Raw = orjson.loads(orjson.dumps({**raw, "metadata": {"name": name, **metadata}}))
    labels = copied["metadata"]["labels"] or {}
    copied["metadata"]["labels"] = {
        key: text for key, text in labels.items() if "batch" not in key and "controller" not in key
    }
    copied.pop("status", None)
    return copied
