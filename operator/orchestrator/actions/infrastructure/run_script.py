"""run-script: run the author's script in the action's container."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import IO, Annotated, Any

from pydantic import Field, SecretStr

from orchestrator.actions.action import (
    Action,
    ActionError,
    Context,
    Identity,
    Outputs,
    Parameters,
)

TAIL = 4096
"""Maximum number of characters of each stream in the outputs."""
GRACE = 10.0
"""Seconds a script has between SIGTERM and SIGKILL when its node is cancelled."""
LAST_LINES_SECONDS = 1.0
"""Seconds in which the last lines of a script that was stopped are copied: a process that left its
group may hold the pipe open."""
MAX_RESULT = 64 * 1024
"""Maximum size of $RESULT, in bytes."""
_OURS = ("PARAMS", "OUTPUTS")


class Interpreter(StrEnum):
    SH = "sh"
    BASH = "bash"
    PYTHON = "python3"


class RunScript(Parameters):
    """Parameters of run-script."""

    script: Annotated[str, Field(min_length=1, max_length=65536)]
    """The script, used literally; pass values in env or args, never inside the script."""
    interpreter: Interpreter = Interpreter.SH
    """Program that reads the script."""
    args: Annotated[list[str | int | float | bool], Field(max_length=100)] = []
    """Arguments."""
    env: Annotated[dict[str, str | int | float | bool], Field(max_length=100)] = {}
    """Environment variables."""
    stdin: str = ""
    """Standard input."""
    secret: SecretStr | None = None
    """A secret, which the script gets as $SECRET."""


class ScriptResult(Outputs):
    """Outputs of run-script."""

    bulky = ("stderr", "stdout", "result")
    keep_end = frozenset({"stderr", "stdout"})

    exit_code: int
    """Exit code; always 0, as any other fails the node."""
    result: dict[str, Any] | None = None
    """The JSON object that the script wrote to the file $RESULT, if any."""
    stdout: str = ""
    """The end of its standard output."""
    stderr: str = ""
    """The end of its standard error."""
    truncated: bool = False
    """Whether an output was truncated."""


def run_script(parameters: RunScript, context: Context) -> ScriptResult:
    """Runs your script; its result is the JSON object that it writes to the file $RESULT."""
    with tempfile.TemporaryDirectory() as folder:
        script, result = Path(folder, "script"), Path(folder, "result.json")
        script.write_text(parameters.script, encoding="utf-8")
        argv = [parameters.interpreter.value, str(script), *map(_text, parameters.args)]
        environ = _environment(parameters, context, result)
        context.log(f"running {len(parameters.script)} characters of {argv[0]}")
        exit_code, stdout, stderr = _run(argv, environ, parameters.stdin, context.mask)
        context.log(f"exit code {exit_code}")
        if exit_code != 0:
            raise ActionError(_complaint(exit_code, stderr or stdout), exit_code=exit_code)
        return ScriptResult(
            exit_code=exit_code,
            result=_result(result),
            stdout=stdout,
            stderr=stderr,
            truncated=max(len(stdout), len(stderr)) >= TAIL,
        )


def _text(value: object) -> str:
    """A value as a script expects it: strings as they are, others as JSON (true, 1.5)."""
    return value if isinstance(value, str) else json.dumps(value)


def _environment(parameters: RunScript, context: Context, result: Path) -> dict[str, str]:
    """The Job's environment without the action's own variables, plus the author's."""
    inherited = {
        name: value
        for name, value in (context.environ or os.environ).items()
        if name not in _OURS and not name.startswith("PARAM_")
    }
    secret = {"SECRET": parameters.secret.get_secret_value()} if parameters.secret else {}
    asked = {name: _text(value) for name, value in parameters.env.items()}
    return {
        "PYTHONUNBUFFERED": "1",  # keeps Python's stdout and stderr in order
        **inherited,
        **_parts(context.identity),
        **secret,
        **asked,
        "RESULT": str(result),
    }


def _parts(identity: Identity) -> dict[str, str]:
    """The fields of CONTEXT as variables, since a shell cannot read JSON."""
    parts = asdict(identity).items()
    return {f"CONTEXT_{name.upper()}": str(part) for name, part in parts if part is not None}


class _Tail(threading.Thread):
    """Copies a stream to the log as it arrives, with secrets masked, and keeps its end."""

    def __init__(self, source: IO[str], log: IO[str], mask: Callable[[str], str]) -> None:
        super().__init__(daemon=True)
        self._source, self._log, self._mask = source, log, mask
        self.text = ""

    def run(self) -> None:
        for line in map(self._mask, self._source):
            self._log.write(line)
            self._log.flush()
            self.text = (self.text + line)[-TAIL:]


def _run(
    argv: list[str], environ: dict[str, str], stdin: str, mask: Callable[[str], str]
) -> tuple[int, str, str]:
    try:
        process = subprocess.Popen(
            argv,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except (FileNotFoundError, ValueError) as error:
        raise ActionError(f"cannot start {argv[0]}: {error}", permanent=True) from None
    assert process.stdout
    assert process.stderr
    tails = _Tail(process.stdout, sys.stdout, mask), _Tail(process.stderr, sys.stderr, mask)
    with process:
        try:
            return _follow(process, stdin, tails)
        except SystemExit:
            _stop(process)
            for tail in filter(_Tail.is_alive, tails):  # their last lines belong in the log
                tail.join(LAST_LINES_SECONDS)
            raise


def _follow(
    process: subprocess.Popen[str], stdin: str, tails: tuple[_Tail, _Tail]
) -> tuple[int, str, str]:
    """Run a script to its end; its exit code and the end of each output stream."""
    assert process.stdin
    for tail in tails:
        tail.start()
    with contextlib.suppress(BrokenPipeError), process.stdin as pipe:  # unread input
        pipe.write(stdin)
    exit_code = process.wait()
    _signal(process, signal.SIGKILL)  # processes that it left behind would keep its output open
    for tail in tails:
        tail.join()
    if exit_code < 0:
        exit_code = 128 - exit_code  # killed by a signal, as a shell reports it
    return exit_code, tails[0].text, tails[1].text


def _stop(process: subprocess.Popen[str]) -> None:
    """Stop the script and its child processes, first by SIGTERM."""
    _signal(process, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)
    _signal(process, signal.SIGKILL)


def _signal(process: subprocess.Popen[str], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _complaint(exit_code: int, output: str) -> str:
    how = f"exited with {exit_code}"
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return f"the script {how}: {lines[-1][:200]}" if lines else f"the script {how}"


def _result(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    with path.open("rb") as file:
        content = file.read(MAX_RESULT + 1)
    try:
        value = json.loads(content) if len(content) <= MAX_RESULT else None
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ActionError(
            "the script's $RESULT is not a JSON object of at most 64 KiB", permanent=True
        )
    return value


ACTION = Action(
    name="run-script",
    title="Run a script",
    category="infrastructure",
    icon="terminal",
    parameters=RunScript,
    outputs=ScriptResult,
    run=run_script,
    retries=(
        "The script's exit code is the container's: 64 and 65 are not retried, all others are. "
        "A retry runs the whole script again; $CONTEXT_KEY is the same in every attempt, so that "
        "a script can recognise a repetition, and $CONTEXT_ATTEMPT counts from 1. Every field of "
        "CONTEXT has such a variable."
    ),
    writes_files=True,
    example="""
        variables:
        - {name: limit, type: integer, default: 80}
        nodes:
        - name: measure
          action: run-script
          with:
            script: |
              used=$(df --output=pcent / | tail -n 1 | tr -dc 0-9)
              echo "{\\"used\\": $used}" > "$RESULT"
              test "$used" -le "$LIMIT"
            env: {LIMIT: "$[[ vars.limit ]]"}
    """,
)
