"""Programs that an action runs: their output goes to the log as it comes, and its end to the
outputs."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from orchestrator.actions.action import ActionError

MAX_TAIL = 4096
"""Maximum number of characters of each stream in the outputs."""
MAX_CHUNK = 64 * 1024
"""Maximum number of characters that are read at a time of a line without an end."""
MAX_SECRET = 8 * 1024
"""Characters of an unfinished line that are held back, so that no secret is logged in two parts."""
GRACE_SECONDS = 10.0
"""Seconds between SIGTERM and SIGKILL when a program is stopped."""
LAST_LINES_TIMEOUT = 3.0
"""Seconds to wait for the last lines of a program that ended: a process that left its process
group may keep the pipes open."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of a program."""

    exit_code: int
    """128 and the number of the signal if a signal killed it, as a shell reports it."""
    stdout: str
    """The end of its standard output."""
    stderr: str
    """The end of its standard error."""

    @property
    def truncated(self) -> bool:
        """Whether there was more output."""
        return max(len(self.stdout), len(self.stderr)) >= MAX_TAIL

    def failure(self, program: str) -> str:
        """The message for a failed program, with its last line of output."""
        message = f"{program} exited with {self.exit_code}"
        output = self.stderr if self.stderr.strip() else self.stdout
        lines = [line.strip() for line in output.splitlines() if line.strip()]
        return f"{message}: {lines[-1][:200]}" if lines else message


def run(
    argv: Sequence[str],
    environ: Mapping[str, str],
    *,
    mask: Callable[[str], str],
    stdin: str = "",
    timeout: float | None = None,
    quiet: bool = False,
) -> Ended:
    """Run a program, with secrets masked in all of its output; `quiet` logs none of it.

    Raises a permanent ActionError if it cannot be started, and subprocess.TimeoutExpired once it
    was stopped at the end of `timeout` (seconds).
    """
    # A pipe of our own, written in a thread: a program that reads no input must not hold up the
    # timeout.
    unread, written = os.pipe()
    try:
        process = subprocess.Popen(
            argv,
            env=environ,
            stdin=unread,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        os.close(written)
        raise ActionError(f"cannot start {argv[0]}: {error}", permanent=True) from None
    finally:
        os.close(unread)
    threading.Thread(target=_feed, args=(written, stdin), daemon=True).start()
    assert process.stdout
    assert process.stderr
    logs = (None, None) if quiet else (sys.stdout, sys.stderr)
    tails = _Tail(process.stdout, logs[0], mask), _Tail(process.stderr, logs[1], mask)
    try:
        return _follow(process, tails, timeout)
    except (SystemExit, subprocess.TimeoutExpired):
        _stop(process)
        _finish(tails)
        raise


class _Tail(threading.Thread):
    """Copies a stream to the log line by line, with secrets masked, and keeps its end.

    It closes the stream itself: closing it elsewhere would wait for the read in progress.
    """

    def __init__(self, source: IO[str], log: IO[str] | None, mask: Callable[[str], str]) -> None:
        super().__init__(daemon=True)
        self._source, self._log, self._mask = source, log, mask
        self.text = ""

    def run(self) -> None:
        rest = ""
        with self._source as source:
            while chunk := source.readline(MAX_CHUNK):
                masked = self._mask(rest + chunk)
                held = 0 if masked.endswith("\n") else MAX_SECRET
                self._write(masked[: max(0, len(masked) - held)])
                rest = masked[max(0, len(masked) - held) :] if held else ""
            self._write(rest)

    def _write(self, text: str) -> None:
        if self._log is not None:
            self._log.write(text)
            self._log.flush()
        self.text = (self.text + text)[-MAX_TAIL:]


def _follow(
    process: subprocess.Popen[str], tails: tuple[_Tail, _Tail], timeout: float | None
) -> Ended:
    """Wait for the end of a program."""
    for tail in tails:
        tail.start()
    exit_code = process.wait(timeout)
    _signal(process, signal.SIGKILL)  # background processes would keep the pipes open
    _finish(tails)
    if exit_code < 0:
        exit_code = 128 - exit_code
    return Ended(exit_code, tails[0].text, tails[1].text)


def _finish(tails: tuple[_Tail, _Tail]) -> None:
    """Wait for the last lines, for a limited time."""
    end = time.monotonic() + LAST_LINES_TIMEOUT
    for tail in filter(_Tail.is_alive, tails):
        tail.join(max(end - time.monotonic(), 0))


def _feed(pipe: int, text: str) -> None:
    with contextlib.suppress(BrokenPipeError), os.fdopen(pipe, "wb") as stdin:
        stdin.write(text.encode(errors="surrogateescape"))  # the input may stay unread


def _stop(process: subprocess.Popen[str]) -> None:
    """Stop a program and its child processes, first by SIGTERM."""
    _signal(process, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE_SECONDS)
    _signal(process, signal.SIGKILL)
    process.wait()


def _signal(process: subprocess.Popen[str], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
