"""Long-running tasks of a process: started, supervised and stopped together."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


def start(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    """Start a task; the name appears in the error if it ends unexpectedly."""
    return asyncio.create_task(work, name=name)


async def first_of(
    stop: asyncio.Event, forever: list[asyncio.Task[None]], done: asyncio.Task[None] | None = None
) -> None:
    """Wait for `stop` or `done`; raises if a task of `forever` ends before."""
    stopping = asyncio.create_task(_wait(stop), name="stop")
    try:
        extra = [done] if done is not None else []
        ended, _ = await asyncio.wait(
            [stopping, *extra, *forever], return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        stopping.cancel()
    for task in ended.intersection(forever):
        if task.exception() is None:
            raise RuntimeError(f"{task.get_name()} ended on its own")
        await task


async def _wait(stop: asyncio.Event) -> None:
    await stop.wait()


async def cancel(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel all tasks, and wait until each has ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
