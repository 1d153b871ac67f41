"""The command line as users run it, in a separate process with a kubeconfig. Or in this process,
which takes less time."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from orchestrator.cli.main import main
from tests.fork_server import ForkedProcess, can_fork
from tests.kube import ROOT


def _interruptible() -> None:
    """A shell that starts the tests in the background has them ignore SIGINT, children included."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass(frozen=True)
class CommandLine:
    """`orchestrator` against one cluster; `namespace` is given with each command."""

    kubeconfig: Path
    namespace: str = "default"
    options: tuple[str, ...] = ()
    """Options before the command."""
    variables: Mapping[str, str] = field(default_factory=dict)

    def __call__(
        self, *arguments: str, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        given = subprocess.DEVNULL if stdin is None else subprocess.PIPE
        with self._process(arguments, given, subprocess.PIPE) as process:
            try:
                out, err = process.communicate(stdin, timeout=120)
            except BaseException:
                process.kill()
                raise
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def start(
        self, *arguments: str, stdout: int | IO[str] = subprocess.PIPE, columns: int = 100
    ) -> subprocess.Popen[str]:
        """Start it, to be read while it runs; at a terminal of this many columns."""
        return self._process(arguments, subprocess.DEVNULL, stdout, COLUMNS=str(columns))

    def _process(
        self, arguments: Sequence[str], stdin: int, stdout: int | IO[str], **variables: str
    ) -> subprocess.Popen[str]:
        words = ["-n", self.namespace, *self.options, *arguments]
        env = {**self._environ(), **variables}
        pipe = subprocess.PIPE
        if can_fork(self.variables):
            return ForkedProcess(words, env, stdin=stdin, stdout=stdout, stderr=pipe)
        return subprocess.Popen(
            [sys.executable, "-m", "orchestrator", *words],
            env=env, stdin=stdin, stdout=stdout, stderr=pipe, text=True, preexec_fn=_interruptible,
        )  # fmt: skip

    def _environ(self) -> dict[str, str]:
        own = {"KUBECONFIG": str(self.kubeconfig), "PYTHONPATH": str(ROOT / "operator")}
        terminal = {"TERM": "xterm", "COLUMNS": "100", "LINES": "30"}
        return {**os.environ, **own, **terminal, **self.variables}


@dataclass(frozen=True)
class Done:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """The lines of its output."""
        return self.out.splitlines()


def run_here(*arguments: str, stdin: str = "") -> Done:
    """Run a command in this process, to its end."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    before = sys.argv, sys.stdin
    sys.argv = ["orchestrator", *arguments]
    sys.stdin = io.TextIOWrapper(io.BytesIO(stdin.encode()))
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as ended:
        code = int(ended.code or 0)
    finally:
        sys.argv, sys.stdin = before
    return Done(code, out.getvalue(), err.getvalue())


def kubeconfig_of(server: str, path: Path) -> Path:
    """A kubeconfig for a server that asks for no credentials."""
    path.write_text(
        f"""
apiVersion: v1
kind: Config
clusters: [{{name: it, cluster: {{server: "{server}"}}}}]
contexts: [{{name: it, context: {{cluster: it, user: it}}}}]
users: [{{name: it, user: {{}}}}]
current-context: it
"""
    )
    return path
