"""python-script with a real interpreter."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.actions.action import PERMANENT, ActionError, Context
from orchestrator.actions.infrastructure.python_script import ACTION, PythonScript
from orchestrator.actions.infrastructure.run_script import ScriptResult
from tests.examples import example

PROVES = {"Python": ["python-script"]}

PASS_ON = """
import json, os, sys
inputs = json.load(open(os.environ["INPUTS"]))
json.dump({"got": inputs}, open(os.environ["RESULT"], "w"))
print("printed", os.environ.get("SECRET"), os.environ.get("NAME"))
"""


def run(context: Context, **parameters: Any) -> ScriptResult:
    environ = {"PATH": os.environ["PATH"], "PARAMS": "{}", "PARAM_SECRET": "x"}
    return ACTION.run(PythonScript.model_validate(parameters), replace(context, environ=environ))


def test_inputs_of_any_type_pass_through_to_the_result(context: Context) -> None:
    nasty = {"text": "'\"; import os #\n", "n": 1.5, "list": [None, True, {"ü": []}]}
    ended = run(context, script=PASS_ON, inputs=nasty, env={"NAME": "x"}, secret="s3")
    assert ended.result == {"got": nasty}
    assert (ended.exit_code, ended.stdout) == (0, "printed s3 x\n")


def test_the_script_has_the_key_and_not_the_parameters_of_the_action(context: Context) -> None:
    script = 'import os; print(os.environ["CONTEXT_KEY"], "PARAMS" in os.environ)'
    assert run(context, script=script).stdout == "u1/probe/0 False\n"


@pytest.mark.parametrize(
    ("script", "code", "words"),
    [
        ("import sys; sys.exit(65)", 65, "the script exited with 65"),
        ("raise ValueError('no disk')", 1, "the script exited with 1: ValueError: no disk"),
        ("import os; os.kill(os.getpid(), 9)", 137, "the script exited with 137"),
        (
            "import os; open(os.environ['RESULT'], 'w').write('[]')",
            PERMANENT,
            "is not a JSON object",
        ),
    ],
)
def test_a_failure_has_the_exit_code_and_the_last_line(
    context: Context, script: str, code: int, words: str
) -> None:
    with pytest.raises(ActionError) as caught:
        run(context, script=script)
    assert (caught.value.exit_code, words in str(caught.value)) == (code, True), caught.value


def test_a_script_that_takes_too_long_is_stopped_with_its_children(context: Context) -> None:
    script = "import subprocess; subprocess.run(['sleep', '1000'])"
    with pytest.raises(ActionError, match="did not end within 500ms, and was stopped") as caught:
        run(context, script=script, timeout="500ms")
    assert caught.value.exit_code == 1


def test_the_example_runs(context: Context) -> None:
    (parameters,) = example(ACTION.name)
    assert run(context, **parameters).result == {"hosts": ["web-1", "web-2"]}
