"""Processes of the program that are forked from one that has imported it.

A command of the program needs 0.3 to 1.3 s of CPU time for its imports, the operator 2 s, and the
tests start many of them. A forked process is a process like any other: it has its own pid,
environment and standard streams, and can be killed. `tests/unit/test_entry.py` and the pods of
tests/e2e start the program itself.

`python -m tests.fork_server FD` serves requests that arrive on a socket: a message with arguments,
environment and folder, with four file descriptors: the standard streams and a socket that receives
the pid of the process and, once it has ended, its wait status.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import json
import os
import pkgutil
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO, Any, NoReturn

ROOT = Path(__file__).parent.parent
PROGRAM = ROOT / "operator/orchestrator"
MAX_MESSAGE = 1024 * 1024
_NUMBER = struct.Struct("i")
_NOT_PRELOADED = (
    "orchestrator.__main__",
    "orchestrator.actions.",
    "orchestrator.history.migrations",
)
_OWN_INTERPRETER = ("PYTHON", "LC_", "LANG")
"""Prefixes of variables that the interpreter reads when it starts."""


class ForkedProcess(subprocess.Popen[str]):
    """`python -m orchestrator ARGUMENTS` as a process that the fork server forks."""

    def __init__(
        self,
        arguments: Sequence[str],
        env: Mapping[str, str],
        *,
        stdin: int | None = subprocess.DEVNULL,
        stdout: int | IO[Any] | None = None,
        stderr: int | IO[Any] | None = None,
    ) -> None:
        self._control: socket.socket | None = None
        super().__init__(
            list(arguments), env=env, stdin=stdin, stdout=stdout, stderr=stderr, text=True
        )

    def _execute_child(self, args: list[str], *rest: Any) -> None:
        """Replaces the start of a program by a request to the fork server."""
        env, streams = rest[5], rest[9:15]
        given = [streams[0], streams[3], streams[5]]
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        message = {"arguments": args, "env": dict(env), "folder": os.getcwd()}
        inherited = [fd if fd >= 0 else number for number, fd in enumerate(given)]
        with theirs:
            descriptors = [*inherited, theirs.fileno()]
            socket.send_fds(_server(), [json.dumps(message).encode()], descriptors)
        (self.pid,) = _NUMBER.unpack(self._control.recv(_NUMBER.size))
        self._child_created = True
        self._close_pipe_fds(*streams)  # type: ignore[attr-defined]

    def _try_wait(self, wait_flags: int) -> tuple[int, int]:
        """Replaces waitpid(2), as it is the server's child."""
        assert self._control is not None
        if wait_flags & os.WNOHANG and not select.select([self._control], [], [], 0)[0]:
            return 0, 0
        status = self._control.recv(_NUMBER.size)
        self._control.close()
        return self.pid, _NUMBER.unpack(status)[0] if status else signal.SIGKILL

    def _internal_poll(self, _deadstate: int | None = None) -> int | None:
        """Replaces waitpid(2) in the poll of Popen, which locks against a wait in a thread."""
        code: int | None = super()._internal_poll(  # type: ignore[misc]
            _deadstate, _waitpid=lambda _pid, flags: self._try_wait(flags)
        )
        return code


def can_fork(variables: Mapping[str, str]) -> bool:
    """Whether a process with these variables beside those of the tests may be forked."""
    return not any(name.startswith(_OWN_INTERPRETER) for name in variables)


@cache
def _server() -> socket.socket:
    """The socket of this process's server."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MAX_MESSAGE)
    path = os.pathsep.join([str(ROOT), str(ROOT / "operator")])
    with theirs:
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.fork_server", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,
        )
    atexit.register(_stop, ours, server)
    return ours


def _stop(channel: socket.socket, server: subprocess.Popen[bytes]) -> None:
    channel.close()
    server.wait()


def main() -> None:
    """Serve until the other end of the socket is closed; run the program in each fork."""
    _preload()
    assert threading.active_count() == 1, "a fork would not have the other threads"
    gc.collect()
    gc.freeze()
    channel = socket.socket(fileno=int(sys.argv[1]))
    _become(*_serve(channel))
    _run(import_module("orchestrator.entry").main)


def _preload() -> None:
    for module in pkgutil.walk_packages([str(PROGRAM)], "orchestrator."):
        if not module.name.startswith(_NOT_PRELOADED):
            import_module(module.name)


def _serve(channel: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Fork for each request; returns the request in the fork, with its file descriptors."""
    wakes, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    running: dict[int, socket.socket] = {}
    while True:
        ready, _, _ = select.select([channel.fileno(), wakes], [], [])
        if wakes in ready:
            os.read(wakes, 4096)
            _reap(running)
        if channel.fileno() in ready:
            message, descriptors, _, _ = socket.recv_fds(channel, MAX_MESSAGE, 4)
            if not message:
                sys.exit()
            pid = os.fork()
            if pid == 0:
                return json.loads(message), descriptors
            running[pid] = control = socket.socket(fileno=descriptors.pop())
            control.send(_NUMBER.pack(pid))
            for descriptor in descriptors:
                os.close(descriptor)


def _reap(running: dict[int, socket.socket]) -> None:
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        # Nobody may wait for it any more.
        with running.pop(pid) as control, contextlib.suppress(OSError):
            control.send(_NUMBER.pack(status))


def _become(request: dict[str, Any], descriptors: list[int]) -> None:
    """Make a fork what a new interpreter would be."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, descriptor in enumerate(descriptors[:3]):
        os.dup2(descriptor, number)
    os.closerange(3, 1024)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    sys.argv = [str(PROGRAM / "__main__.py"), *request["arguments"]]
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout, sys.stderr = _writer(1, "strict"), _writer(2, "backslashreplace")


def _run(program: Callable[[], None]) -> NoReturn:
    """Run the program and end; without the interpreter's own end, which frees all that the server
    has imported."""
    code: object = 0
    try:
        program()
    except SystemExit as ended:
        code = ended.code or 0
    except BaseException:
        traceback.print_exc()
        code = 1
    if not isinstance(code, int):
        print(code, file=sys.stderr)
        code = 1
    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        code = code or 120
    os._exit(code & 0xFF)


def _writer(descriptor: int, errors: str) -> Any:
    line_buffering = descriptor == 2 or os.isatty(descriptor)
    return os.fdopen(
        descriptor, "w", encoding="utf-8", errors=errors, closefd=False,
        buffering=1 if line_buffering else -1,
    )  # fmt: skip


if __name__ == "__main__":
    main()
