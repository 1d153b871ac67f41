"""`orchestrator action NAME`: parameters in, termination message and exit code out."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from orchestrator.actions.action import PERMANENT, USAGE, ActionError, Identity
from orchestrator.actions.main import run
from orchestrator.jobs.attempt import ExecutionIdentity, NodeJob
from orchestrator.jobs.context import context_variables


def job(tmp_path: Path, name: str, parameters: Any = None, **environ: str) -> tuple[int, str]:
    """Exit code and termination message of an action."""
    outputs = tmp_path / "outputs"
    given = parameters if isinstance(parameters, str) else json.dumps(parameters or {})
    variables = {"PATH": os.environ["PATH"], "PARAMS": given, "OUTPUTS": str(outputs), **environ}
    return run(name, variables), outputs.read_text()


def test_outputs_are_one_json_object(tmp_path: Path) -> None:
    code, message = job(tmp_path, "run-script", {"script": "echo hello"})
    assert code == 0
    assert json.loads(message) == {
        "exitCode": 0, "stdout": "hello\n", "stderr": "", "truncated": False,
    }  # fmt: skip


def test_a_failure_is_one_plain_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, message = job(tmp_path, "run-script", {"script": "echo no disk >&2; exit 3"})
    assert (code, message) == (3, "the script exited with 3: no disk")
    assert f"error: {message}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({}, "url: Field required"),
        ({"url": "ftp://x"}, "url: String should match pattern"),
        ({"url": "http://x", "metod": "GET"}, "metod: Extra inputs are not permitted"),
        ({"url": "http://x", "timeout": "soon"}, "timeout:"),
        ({"url": "http://x", "expectStatus": [99]}, "99 is not a status"),
        ({"url": "http://x", "body": "x", "json": {}}, "either body or json"),
        ("[]", "PARAMS is not a JSON object"),
        ("{", "PARAMS is not JSON"),
    ],
)
def test_wrong_parameters_are_named_and_never_retried(
    tmp_path: Path, parameters: Any, words: str
) -> None:
    code, message = job(tmp_path, "http-request", parameters)
    assert words in message
    assert code == USAGE


def test_a_wrong_secret_is_not_shown(tmp_path: Path) -> None:
    code, message = job(tmp_path, "slack-message", {"text": "x"}, PARAM_TOKEN="s3cret")
    assert code == USAGE
    assert "channel" in message
    assert "s3cret" not in message


def test_a_secret_stands_in_its_own_variable_only(tmp_path: Path) -> None:
    script = 'test "$SECRET" = 12'  # looks like a number, stays a text
    assert job(tmp_path, "run-script", {"script": script}, PARAM_SECRET="12")[0] == 0


def test_parameters_in_variables_of_their_own_are_typed(tmp_path: Path) -> None:
    arguments = {"PARAM_ARGS": '["a", 1]', "PARAM_SCRIPT": 'test "$*" = "a 1"'}
    assert job(tmp_path, "run-script", **arguments)[0] == 0


def test_null_means_absent(tmp_path: Path) -> None:
    assert job(tmp_path, "run-script", {"script": "true", "interpreter": None})[0] == 0


def test_an_unknown_action_proposes_the_right_name(tmp_path: Path) -> None:
    code, message = job(tmp_path, "http-reqest")
    assert "did you mean 'http-request'" in message
    assert code == USAGE


def test_an_action_without_credentials_for_the_cluster_says_so(tmp_path: Path) -> None:
    code, message = job(tmp_path, "rollout-restart", {"name": "x"})
    assert "serviceAccountName" in message
    assert code == PERMANENT


def test_sigterm_stops_a_script_and_is_reported(tmp_path: Path) -> None:
    script = "trap 'seq 5000; echo stopped; exit 0' TERM; echo ready; while :; do sleep 0.01; done"
    outputs = tmp_path / "outputs"
    code = "import os, sys; from orchestrator.actions.main import run; "
    with subprocess.Popen(
        [sys.executable, "-c", code + "sys.exit(run('run-script', os.environ))"],
        env={**os.environ, "PARAMS": json.dumps({"script": script}), "OUTPUTS": str(outputs)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert "ready\n" in iter(process.stdout.readline, "")
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
        assert process.wait() == 143
    assert "stopped" in rest
    assert outputs.read_text() == "stopped by SIGTERM"


def test_the_key_is_the_same_in_every_attempt_and_differs_otherwise() -> None:
    key = identity().key
    assert identity(attempt=2).key == key
    others = [identity(uid="v"), identity(node="m"), identity(iteration=1), identity(index=0)]
    assert len({key, *(other.key for other in others)}) == 5


def identity(
    uid: str = "u", node: str = "n", iteration: int = 0, attempt: int = 1, index: int | None = None
) -> Identity:
    """The identity that an action reads from the environment that a Job gives it."""
    work = ExecutionIdentity("run", "shop", uid, "flow")
    job = NodeJob(node, attempt, iteration, {}, 60)
    variables = context_variables(job, work, fan_out=index is not None)
    text = str(variables[-1]["value"]).replace("$(JOB_COMPLETION_INDEX)", str(index))
    return Identity.of({"CONTEXT": text})


@pytest.mark.parametrize("text", ["{", "7", "{}", '{"uid": "u"}'])
def test_a_context_that_is_none_is_refused_in_words(text: str) -> None:
    with pytest.raises(ActionError, match="CONTEXT is invalid"):
        Identity.of({"CONTEXT": text})
