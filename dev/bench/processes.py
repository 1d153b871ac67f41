"""Processes of the project that a measurement needs."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from dev.bench.contenders import ROOT


@asynccontextmanager
async def started(*module: str, kubeconfig: Path | None = None) -> AsyncIterator[Process]:
    """A module with its arguments, as a process for as long as the block."""
    own = {} if kubeconfig is None else {"KUBECONFIG": str(kubeconfig)}
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "operator")])}
    environ |= own
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", *module, env=environ)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
