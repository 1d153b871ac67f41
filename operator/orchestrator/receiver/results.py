"""Waits for the result of an execution, for callers who asked to."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp

from orchestrator.kube.cache import Raw
from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.kube.resources import EXECUTIONS
from orchestrator.models.execution import ExecutionPhase

_LOST = (ApiError, aiohttp.ClientError, TimeoutError, OSError)


async def result_of(
    client: ApiClient, namespace: str, name: str, seconds: float
) -> dict[str, Any] | None:
    """Phase, reason, message and outputs of an execution; None if it does not end in time."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                try:
                    raw = await _ended(client, namespace, name)
                except _LOST:
                    raw = None
                if raw is not None:
                    return _described(raw)
                await asyncio.sleep(0.5)
    except TimeoutError:
        return None


async def _ended(client: ApiClient, namespace: str, name: str) -> Raw | None:
    """The execution once it has ended; None if the watch ended before."""
    selector = f"metadata.name={name}"
    listed, version = await client.list(EXECUTIONS, namespace, field_selector=selector)
    for raw in listed:
        if _is_ended(raw):
            return raw
    if not listed:
        return None
    async for event in client.watch(
        EXECUTIONS, namespace, resource_version=version, field_selector=selector
    ):
        if event["type"] != "BOOKMARK" and _is_ended(event["object"]):
            found: Raw = event["object"]
            return found
    return None


def _is_ended(raw: Raw) -> bool:
    status = raw.get("status") or {}
    ended = {phase.value for phase in ExecutionPhase if phase.terminal}
    return status.get("phase") in ended and bool(status.get("finishedAt"))


def _described(raw: Raw) -> dict[str, Any]:
    status = raw["status"]
    return {
        "phase": status["phase"],
        "reason": status.get("reason") or "",
        "message": status.get("message") or "",
        "outputs": status.get("outputs") or {},
    }
