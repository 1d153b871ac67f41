"""run-script: run the author's script in the action's container."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, SecretStr

from orchestrator.actions import processes
from orchestrator.actions.action import (
    Action,
    ActionError,
    Context,
    Identity,
    Outputs,
    Parameters,
)

MAX_RESULT = 64 * 1024
"""Maximum size of $RESULT, in bytes."""
_OWN_VARIABLES = ("PARAMS", "OUTPUTS")


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
        environ = environment(parameters.env, parameters.secret, context, result)
        context.log(f"running {len(parameters.script)} characters of {argv[0]}")
        ended = processes.run(argv, environ, stdin=parameters.stdin, mask=context.mask)
        context.log(f"exit code {ended.exit_code}")
        if ended.exit_code != 0:
            raise ActionError(ended.failure("the script"), exit_code=ended.exit_code)
        return ScriptResult(
            exit_code=ended.exit_code,
            result=read_result(result),
            stdout=ended.stdout,
            stderr=ended.stderr,
            truncated=ended.truncated,
        )


def _text(value: object) -> str:
    """A value as a string for a script: strings unchanged, others as JSON (true, 1.5)."""
    return value if isinstance(value, str) else json.dumps(value)


def environment(
    env: Mapping[str, str | int | float | bool],
    secret: SecretStr | None,
    context: Context,
    result: Path,
) -> dict[str, str]:
    """The Job's environment without the action's own variables, plus the author's."""
    inherited = {
        name: value
        for name, value in (context.environ or os.environ).items()
        if name not in _OWN_VARIABLES and not name.startswith("PARAM_")
    }
    return {
        "PYTHONUNBUFFERED": "1",  # keeps Python's stdout and stderr in order
        **inherited,
        **_context_variables(context.identity),
        **({"SECRET": secret.get_secret_value()} if secret else {}),
        **{name: _text(value) for name, value in env.items()},
        "RESULT": str(result),
    }


def _context_variables(identity: Identity) -> dict[str, str]:
    """The fields of CONTEXT as variables, since a shell cannot parse JSON."""
    fields = asdict(identity).items()
    return {f"CONTEXT_{name.upper()}": str(value) for name, value in fields if value is not None}


def read_result(path: Path) -> dict[str, Any] | None:
    """The object that a script wrote; raises a permanent ActionError if it is something else."""
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
