"""Runs a server process until a signal."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from orchestrator.process.gc_tuning import limit_pauses
from orchestrator.process.logs import configure
from orchestrator.process.loop import EventLoop
from orchestrator.process.offload import SWITCH_INTERVAL


def run_server(
    serve: Callable[[asyncio.Event], Coroutine[Any, Any, None]], log_format: str, log_level: str
) -> None:
    """Run `serve` in an event loop; its argument is set at SIGINT or SIGTERM."""
    configure(log_format, log_level)
    limit_pauses()
    sys.setswitchinterval(SWITCH_INTERVAL)
    with asyncio.Runner(loop_factory=EventLoop) as runner:
        runner.run(_until_signal(serve))


async def _until_signal(serve: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(stop)
