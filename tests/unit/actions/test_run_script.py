"""run-script with real interpreters."""

from __future__ import annotations

import io
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.actions import processes
from orchestrator.actions.action import PERMANENT, ActionError, Context
from orchestrator.actions.infrastructure.run_script import ACTION, RunScript, ScriptResult
from tests.examples import example

PROVES = {"sh, Bash and Python": ["run-script"]}


def run(context: Context, **parameters: Any) -> ScriptResult:
    return ACTION.run(RunScript.model_validate(parameters), context)


@pytest.mark.parametrize(
    ("interpreter", "script"),
    [
        ("sh", 'echo "got $1 $NAME"; printf \'{"n": 3}\' > "$RESULT"'),
        ("bash", 'echo "got $1 $NAME"; printf \'{"n": 3}\' > "$RESULT"'),
        (
            "python3",
            "import json, os, sys\n"
            "print('got', sys.argv[1], os.environ['NAME'])\n"
            "json.dump({'n': 3}, open(os.environ['RESULT'], 'w'))",
        ),
    ],
)
def test_tells_result_output_and_exit_code(context: Context, interpreter: str, script: str) -> None:
    result = run(context, interpreter=interpreter, script=script, args=["a b"], env={"NAME": "x"})
    assert result == ScriptResult(exit_code=0, result={"n": 3}, stdout="got a b x\n")


@pytest.mark.parametrize("limit", [100, -1])
def test_the_example_runs(context: Context, limit: int) -> None:
    (parameters,) = example("run-script", {"limit": limit})
    if limit < 0:
        with pytest.raises(ActionError, match="the script exited with 1"):
            run(context, **parameters)
    else:
        result = run(context, **parameters).result
        assert result
        assert 0 <= result["used"] <= limit


def test_values_never_become_code(context: Context) -> None:
    nasty = "$(echo pwned) `id` \"'; exit 3\n"
    result = run(context, script='printf %s "$1$V"', args=[nasty], env={"V": nasty})
    assert result.stdout == nasty * 2


def test_reads_standard_input_and_gives_the_secret(context: Context) -> None:
    result = run(context, script='cat; test "$SECRET" = s3', stdin="in", secret="s3")
    assert result.stdout == "in"


def test_other_types_arrive_as_json_writes_them(context: Context) -> None:
    result = run(context, script='echo "$1 $2 $N"', args=[True, 1.5], env={"N": 3})
    assert result.stdout == "true 1.5 3\n"


def test_keeps_the_actions_own_environment_from_the_script(context: Context) -> None:
    mine = {**os.environ, "PARAMS": "{}", "PARAM_X": "1", "OUTPUTS": "/x", "NODE_NAME": "probe"}
    result = run(replace(context, environ=mine), script='echo "$PARAMS$PARAM_X$OUTPUTS$NODE_NAME"')
    assert result.stdout == "probe\n"


def test_the_exit_code_and_the_last_line_tell_of_a_failure(context: Context) -> None:
    with pytest.raises(ActionError, match="exited with 7: no disk") as caught:
        run(context, script="echo out; echo no disk >&2; exit 7")
    assert caught.value.exit_code == 7


def test_a_script_killed_by_a_signal_has_the_shells_exit_code(context: Context) -> None:
    with pytest.raises(ActionError) as caught:
        run(context, script="kill -9 $$")
    assert caught.value.exit_code == 137


def test_the_end_of_long_output_is_kept(context: Context) -> None:
    result = run(context, script="seq 1 5000")
    assert result.stdout.endswith("4999\n5000\n")
    assert result.truncated


def test_what_a_script_leaves_running_does_not_hold_it(context: Context) -> None:
    assert run(context, script="sleep 1000 & echo done").stdout == "done\n"


@pytest.fixture
def leaving(tmp_path: Path) -> Iterator[str]:
    """Shell commands that leave a process in another session, with the script's output open."""
    pid = tmp_path / "pid"
    started = f"while [ ! -s {pid} ]; do sleep 0.05; done"
    yield f"setsid sh -c 'echo $$ > {pid}; exec sleep 99999' & {started}; echo done"
    os.kill(int(pid.read_text()), signal.SIGKILL)


def test_a_process_in_another_session_does_not_hold_a_script_that_ended(
    context: Context, leaving: str
) -> None:
    assert run(context, script=leaving).stdout == "done\n"


def test_a_process_in_another_session_does_not_hold_a_script_that_is_stopped(
    leaving: str,
) -> None:
    wait = f"{leaving}; exec sleep 99999"
    with pytest.raises(subprocess.TimeoutExpired):
        processes.run(["sh", "-c", wait], os.environ, mask=str, timeout=5)


@pytest.mark.parametrize("content", ["[1]", "no json", '"x"', ""])
def test_a_result_that_is_no_object_is_permanent(context: Context, content: str) -> None:
    with pytest.raises(ActionError, match=r"\$RESULT is not a JSON object") as caught:
        run(context, script='printf %s "$C" > "$RESULT"', env={"C": content})
    assert caught.value.exit_code == PERMANENT


def test_a_script_has_the_parts_of_its_context_as_variables(context: Context) -> None:
    script = 'echo "$CONTEXT_KEY $CONTEXT_ATTEMPT $CONTEXT_ITERATION ${CONTEXT_INDEX-none}"'
    assert run(context, script=script).stdout == "u1/probe/0 1 0 none\n"


class Acknowledged(io.StringIO):
    """A log that touches a file for each line that it has."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def write(self, text: str) -> int:
        """Log a line, and say so."""
        written = super().write(text)
        for line in text.split():
            (self._folder / line).touch()
        return written


def test_the_log_has_the_lines_in_the_order_written(
    context: Context, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = (
        "import sys, time, pathlib\n"
        "for number in range(6):\n"
        "    print(number, file=sys.stderr if number % 2 else sys.stdout)\n"
        f"    while not pathlib.Path('{tmp_path}', str(number)).exists():\n"
        "        time.sleep(0.01)\n"
    )
    log = Acknowledged(tmp_path)
    monkeypatch.setattr("sys.stdout", log)
    monkeypatch.setattr("sys.stderr", log)
    run(context, interpreter="python3", script=script)
    assert log.getvalue().split() == ["0", "1", "2", "3", "4", "5"]
