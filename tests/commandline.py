"""The command line as users run it, in a separate process with a kubeconfig. Or in this process,
which takes less time."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from orchestrator.cli.main import main
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
        return subprocess.run(
            self._command(*arguments),
            env=self._environ(),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def start(
        self, *arguments: str, stdout: int | IO[str] = subprocess.PIPE, columns: int = 100
    ) -> subprocess.Popen[str]:
        """Start it, to be read while it runs; at a terminal of this many columns."""
        return subprocess.Popen(
            self._command(*arguments),
            env={**self._environ(), "COLUMNS": str(columns)},
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=_interruptible,
        )

    def _command(self, *arguments: str) -> list[str]:
        program = [sys.executable, "-m", "orchestrator"]
        return [*program, "-n", self.namespace, *self.options, *arguments]

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
