"""Runs attempts of actions in separate processes, many at a time.

Each runs as in its container: exit code, termination message, log. All are forked from one process
that has imported the actions, since an import takes longer than most attempts. It serves no
other purpose: `python -m tests.attempts` reads a batch from standard input.
"""

from __future__ import annotations

import faulthandler
import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from orchestrator.actions.registry import NAMES, load
from orchestrator.kube.blocking_transport import BlockingTransport
from tests.kube import ROOT

MAX_SECONDS = 40.0
"""After which an attempt is killed: it did not keep its timeout."""
AT_ONCE = 24
_IMPORTED = (
    "asyncpg", "email.headerregistry", "email.message", "obstore.store",
    "orchestrator.actions.main",
    "orchestrator.actions.cluster", "orchestrator.actions.data.database",
    "orchestrator.actions.http_session", "orchestrator.kube.access", "orchestrator.kube.blocking",
    "orchestrator.kube.exec", "requests", "smtplib", "websocket", "yaml",
)  # fmt: skip
"""What actions import while they run."""
REQUEST_SECONDS = 2.0
"""Of a request to the API server, whose limit is no parameter of the actions."""


@dataclass(frozen=True)
class Attempt:
    """An attempt of an action."""

    action: str
    environ: Mapping[str, str]
    folder: str
    """For what it writes: out, outputs."""
    command: Sequence[str] = ()
    """The program that runs instead of the function, for the script of a Template."""

    @property
    def log(self) -> str:
        """What it has written to standard output and standard error."""
        return Path(self.folder, "log").read_text(errors="replace")

    @property
    def message(self) -> str:
        """Its termination message."""
        path = Path(self.folder, "outputs")
        return path.read_text(errors="replace") if path.exists() else ""


@dataclass(frozen=True)
class Ended:
    """The end of an attempt."""

    code: int | None
    """Its exit code; None if it was killed after MAX_SECONDS."""
    seconds: float


def perform(attempts: Sequence[Attempt]) -> list[Ended]:
    """The ends of all attempts, in their order."""
    for attempt in attempts:
        Path(attempt.folder).mkdir(parents=True, exist_ok=True)
        Path(attempt.folder, "outputs").unlink(missing_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "tests.attempts"],
        input=json.dumps([asdict(attempt) for attempt in attempts]),
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'operator'}"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return [Ended(**each) for each in json.loads(done.stdout)]


def _serve() -> None:
    attempts = [Attempt(**each) for each in json.loads(sys.stdin.read())]
    _import({attempt.action for attempt in attempts if not attempt.command})
    waiting = list(enumerate(attempts))
    running: dict[int, tuple[int, float]] = {}
    ended: dict[int, Ended] = {}
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            number, attempt = waiting.pop(0)
            running[_fork(attempt)] = (number, time.monotonic())
        pid, status = os.wait()
        if pid in running:
            number, started = running.pop(pid)
            code = os.waitstatus_to_exitcode(status)
            seconds = time.monotonic() - started
            ended[number] = Ended(None if code == -signal.SIGKILL else code, seconds)
    print(json.dumps([asdict(ended[number]) for number in range(len(attempts))]))


def _import(names: set[str]) -> None:
    for module in _IMPORTED:
        importlib.import_module(module)
    for name in names & set(NAMES):
        load(name)
    BlockingTransport.request_seconds = REQUEST_SECONDS
    gc.freeze()


def _fork(attempt: Attempt) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        log = os.open(f"{attempt.folder}/log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for number in (1, 2):
            os.dup2(log, number)
        os.environ.clear()
        os.environ.update(attempt.environ)
        signal.signal(signal.SIGALRM, _kill)
        signal.setitimer(signal.ITIMER_REAL, MAX_SECONDS)
        if attempt.command:
            code = subprocess.run(
                attempt.command, env=dict(attempt.environ), check=False
            ).returncode
        else:
            from orchestrator.actions.main import run

            code = run(attempt.action, attempt.environ)
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        import traceback

        traceback.print_exc()
        code = 99
    os._exit(code)


def _kill(_number: int, _frame: object) -> None:
    """Say where it hangs, and end it with its programs."""
    faulthandler.dump_traceback(2)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    _serve()
