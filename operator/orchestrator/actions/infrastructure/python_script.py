"""python-script: run the author's script of Python, with inputs and a result as JSON."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, SecretStr

from orchestrator.actions import processes
from orchestrator.actions.action import Action, ActionError, Context, Parameters
from orchestrator.actions.infrastructure.run_script import ScriptResult, environment, read_result
from orchestrator.models.base import Duration, parse_duration


class PythonScript(Parameters):
    """Parameters of python-script."""

    script: Annotated[str, Field(min_length=1, max_length=65536)]
    """The script, used literally; pass values in inputs, never inside the script."""
    inputs: dict[str, Any] = {}
    """Values for the script: an object, which is the content of the file $INPUTS as JSON."""
    env: Annotated[dict[str, str | int | float | bool], Field(max_length=100)] = {}
    """Environment variables."""
    secret: SecretStr | None = None
    """A secret, which the script gets as $SECRET."""
    timeout: Duration = "30m"
    """Maximum time of the script, which is then stopped."""


def python_script(parameters: PythonScript, context: Context) -> ScriptResult:
    """Runs your script with the Python of the image and its standard library, without packages of
    your own; its result is the JSON object that it writes to the file $RESULT."""
    with tempfile.TemporaryDirectory() as folder:
        script, inputs, result = (Path(folder, name) for name in ("script.py", "inputs", "result"))
        script.write_text(parameters.script, encoding="utf-8")
        inputs.write_text(json.dumps(parameters.inputs), encoding="utf-8")
        environ = environment(parameters.env, parameters.secret, context, result)
        context.log(f"running {len(parameters.script)} characters of Python")
        try:
            ended = processes.run(
                [sys.executable, "-s", str(script)],
                {**environ, "INPUTS": str(inputs)},
                mask=context.mask,
                timeout=parse_duration(parameters.timeout),
            )
        except subprocess.TimeoutExpired:
            message = f"the script did not end within {parameters.timeout}, and was stopped"
            raise ActionError(message) from None
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


ACTION = Action(
    name="python-script",
    title="Run a script of Python",
    category="infrastructure",
    icon="terminal",
    parameters=PythonScript,
    outputs=ScriptResult,
    run=python_script,
    retries=(
        "The script's exit code is the container's: 64 and 65 are not retried, all others are, 1 "
        "of an exception included. A script that is stopped at the end of its timeout is retried. "
        "A retry runs the whole script again; $CONTEXT_KEY is the same in every attempt, so that "
        "a script can recognise a repetition."
    ),
    writes_files=True,
    example="""
        variables:
        - {name: hosts, type: list, default: [web-2, web-1, web-2]}
        nodes:
        - name: unique
          action: python-script
          with:
            inputs: {hosts: "$[[ vars.hosts ]]"}
            script: |
              import json, os
              inputs = json.load(open(os.environ["INPUTS"]))
              hosts = sorted(set(inputs["hosts"]))
              json.dump({"hosts": hosts}, open(os.environ["RESULT"], "w"))
    """,
)
