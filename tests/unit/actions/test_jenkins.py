"""jenkins-build and run-tests against a Jenkins that refuses what Jenkins refuses."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from orchestrator.actions.action import FAILED, PERMANENT, USAGE, Context
from orchestrator.actions.registry import load
from tests.examples import example
from tests.unit.actions.in_process import failure, perform
from tests.vendors.jenkins import CRUMB, SESSION, TOKEN, USER, JenkinsStub, Job
from tests.vendors.stub import LOST, Fault

PROVES = {
    "strict stub of Jenkins": ["jenkins-build"],
    "strict stub of Jenkins; commands": ["run-tests"],
}


@pytest.fixture
def jenkins() -> Iterator[JenkinsStub]:
    with JenkinsStub() as stub:
        stub.jobs["shop/main"] = Job(["VERSION", "CLEAN", "KEY"])
        yield stub


def given(jenkins: JenkinsStub, **more: Any) -> dict[str, Any]:
    access = {"url": jenkins.url, "job": "shop/main", "username": USER, "token": TOKEN}
    return {**access, **more}


def test_a_build_is_started_with_parameters_and_waited_for(
    jenkins: JenkinsStub, context: Context, log: list[str]
) -> None:
    parameters = {"VERSION": "1.4 & more", "CLEAN": True}
    outputs = perform("jenkins-build", context, **given(jenkins, parameters=parameters))
    assert outputs == {
        "number": 1,
        "url": "https://jenkins.invalid/job/shop/job/main/1/",
        "result": "SUCCESS",
        "durationSeconds": 61,
        "repeated": False,
    }
    (build,) = jenkins.builds
    assert build.given == {"VERSION": "1.4 & more", "CLEAN": "true"}
    assert "shop/main is queued as item 101" in log
    assert TOKEN not in "".join(log)


@pytest.mark.parametrize("csrf", [True, False])
def test_a_job_without_parameters_is_built(
    jenkins: JenkinsStub, context: Context, csrf: bool
) -> None:
    jenkins.jobs["shop/main"] = Job()
    jenkins.csrf = csrf
    assert perform("jenkins-build", context, **given(jenkins))["result"] == "SUCCESS"


def test_a_parameter_that_the_job_ignores_is_refused(
    jenkins: JenkinsStub, context: Context
) -> None:
    error = failure("jenkins-build", context, **given(jenkins, parameters={"VERISON": "1"}))
    assert error.exit_code == PERMANENT
    assert "no parameter VERISON; it has VERSION, CLEAN, KEY" in str(error)
    assert jenkins.builds == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"job": "shop/none"}, "/job/shop/job/none/api/json with 404"),
        ({"token": "wrong"}, "with 401"),
        ({"username": "", "token": None}, "with 401"),
    ],
)
def test_what_jenkins_refuses_is_permanent(
    jenkins: JenkinsStub, context: Context, change: dict[str, Any], words: str
) -> None:
    error = failure("jenkins-build", context, **given(jenkins, **change))
    assert (error.exit_code, words in str(error)) == (PERMANENT, True), error
    assert TOKEN not in str(error)


def test_the_stub_demands_crumb_session_and_credentials(jenkins: JenkinsStub) -> None:
    url, auth = f"{jenkins.url}/job/shop/job/main/buildWithParameters", (USER, TOKEN)
    assert requests.post(url, timeout=30).status_code == 401
    assert requests.post(url, auth=auth, timeout=30).status_code == 403
    assert requests.post(url, auth=auth, headers=CRUMB, timeout=30).status_code == 403
    headers = {**CRUMB, "Cookie": SESSION}
    assert requests.post(url, auth=auth, headers=headers, timeout=30).status_code == 201
    plain = url.replace("WithParameters", "")
    assert requests.post(plain, auth=auth, headers=headers, timeout=30).status_code == 400


@pytest.mark.parametrize("result", ["FAILURE", "ABORTED", "UNSTABLE"])
def test_a_build_that_fails_is_permanent(
    jenkins: JenkinsStub, context: Context, result: str
) -> None:
    jenkins.jobs["shop/main"].result = result
    error = failure("jenkins-build", context, **given(jenkins))
    assert (error.exit_code, f"ended with {result}: https:" in str(error)) == (PERMANENT, True)


def test_an_unstable_build_can_be_accepted(jenkins: JenkinsStub, context: Context) -> None:
    jenkins.jobs["shop/main"].result = "UNSTABLE"
    outputs = perform("jenkins-build", context, **given(jenkins, acceptUnstable=True))
    assert outputs["result"] == "UNSTABLE"


def test_a_disabled_job_and_a_cancelled_queue_item_are_permanent(
    jenkins: JenkinsStub, context: Context
) -> None:
    jenkins.jobs["shop/main"].cancelled = True
    error = failure("jenkins-build", context, **given(jenkins))
    assert (error.exit_code, "was cancelled" in str(error)) == (PERMANENT, True)
    jenkins.jobs["shop/main"] = Job(enabled=False)
    error = failure("jenkins-build", context, **given(jenkins))
    assert (error.exit_code, "is disabled" in str(error)) == (PERMANENT, True)


@pytest.mark.parametrize(("queued", "running"), [(10_000, 1), (0, 10_000)])
def test_a_build_that_does_not_end_is_stopped_and_worth_a_retry(
    jenkins: JenkinsStub, context: Context, queued: int, running: int
) -> None:
    jenkins.jobs["shop/main"] = Job(queued=queued, running=running)
    error = failure("jenkins-build", context, **given(jenkins, timeout="1m"))
    assert (error.exit_code, "after the timeout" in str(error)) == (FAILED, True)
    assert jenkins.builds[0].stopped
    failure("jenkins-build", context, **given(jenkins, timeout="1m", stop=False))
    assert not jenkins.builds[1].stopped


def test_a_retry_starts_another_build_than_the_one_that_was_given_up(
    jenkins: JenkinsStub, context: Context
) -> None:
    jenkins.jobs["shop/main"].running = 10_000
    given_up = given(jenkins, keyParameter="KEY", timeout="1m")
    assert failure("jenkins-build", context, **given_up).exit_code == FAILED
    jenkins.jobs["shop/main"].running = 1
    again = perform("jenkins-build", context, **given(jenkins, keyParameter="KEY"))
    assert (again["number"], again["repeated"]) == (2, False)


@pytest.mark.parametrize("waits", [100, 0])
def test_a_retry_continues_with_the_build_that_holds_the_key(
    jenkins: JenkinsStub, context: Context, waits: int
) -> None:
    jenkins.jobs["shop/main"].queued = waits
    jenkins.fail(*[Fault()] * 4, LOST)  # the answer to the request that queues the build
    first = failure("jenkins-build", context, **given(jenkins, keyParameter="KEY"))
    assert first.exit_code == FAILED
    again = perform("jenkins-build", context, **given(jenkins, keyParameter="KEY"))
    assert again["number"] == 1
    assert [build.given for build in jenkins.builds] == [{"KEY": context.identity.key}]


def test_failures_of_the_server_do_not_end_the_wait(
    jenkins: JenkinsStub, context: Context, log: list[str]
) -> None:
    jenkins.fail(Fault(429, {"Retry-After": "7"}), *[Fault()] * 3, Fault(503), LOST, Fault(502))
    assert perform("jenkins-build", context, **given(jenkins))["result"] == "SUCCESS"
    assert "Jenkins limits the rate, waiting 7 s" in log
    assert any("/queue/item/101/api/json with 503" in line for line in log)
    assert len(jenkins.builds) == 1


def test_a_failure_before_the_build_is_worth_a_retry(
    jenkins: JenkinsStub, context: Context
) -> None:
    jenkins.fail(Fault(503))
    assert failure("jenkins-build", context, **given(jenkins)).exit_code == FAILED
    jenkins.fail(Fault(429, {"Retry-After": "7200"}))
    error = failure("jenkins-build", context, **given(jenkins))
    assert (error.exit_code, "asks to wait 7200 s" in str(error)) == (FAILED, True)


REPORT = {
    "passCount": 8,
    "failCount": 1,
    "skipCount": 2,
    "suites": [
        {
            "cases": [
                {"className": "shop.Cart", "name": "adds", "status": "PASSED"},
                {"className": "shop.Cart", "name": "removes", "status": "REGRESSION"},
            ]
        }
    ],
}


def test_the_results_of_tests_are_reported(jenkins: JenkinsStub, context: Context) -> None:
    report = {"totalCount": 10, "failCount": 0, "skipCount": 2, "suites": []}
    jenkins.jobs["shop/main"].report = report
    outputs = perform("run-tests", context, **given(jenkins))
    assert {name: outputs[name] for name in ("passed", "failed", "skipped")} == {
        "passed": 8, "failed": 0, "skipped": 2,
    }  # fmt: skip
    jenkins.jobs["shop/main"].report = None
    assert "passed" not in perform("run-tests", context, **given(jenkins))


@pytest.mark.parametrize("result", ["UNSTABLE", "SUCCESS"])
def test_failed_tests_are_named(
    jenkins: JenkinsStub, context: Context, log: list[str], result: str
) -> None:
    jenkins.jobs["shop/main"].result = result
    jenkins.jobs["shop/main"].report = REPORT
    error = failure("run-tests", context, **given(jenkins))
    assert error.exit_code == PERMANENT
    assert "1 of 9 tests failed (shop.Cart.removes)" in str(error)
    assert "failed: shop.Cart.removes" in log


def test_the_examples_run(jenkins: JenkinsStub, context: Context) -> None:
    jenkins.jobs["shop/main"].parameters += ["WORKFLOW_KEY"]
    for action in ("jenkins-build", "run-tests"):
        parameters = example(action, {"token": TOKEN}, url=jenkins.url, job="shop/main")[-1]
        assert perform(action, context, **parameters)["durationSeconds"] == 61


def script(folder: Path, **parameters: str) -> tuple[int, str]:
    """The exit code of run-tests in an image without our program, and what it leaves."""
    path = folder / "outputs"
    path.unlink(missing_ok=True)
    variables = {f"PARAM_{name.upper()}": value for name, value in parameters.items()}
    environ = {"PATH": os.environ["PATH"], "OUTPUTS": str(path), "WORKSPACE": str(folder)}
    source = load("run-tests").script
    ended = subprocess.run(["sh", "-c", source], env={**environ, **variables}, check=False)
    return ended.returncode, path.read_text() if path.exists() else ""


def test_a_command_runs_in_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    command = 'printf "%s %s" "$INPUT" "$PWD" > seen'
    code, outputs = script(tmp_path, command=command, directory="shop", input="1.4 '$x")
    assert (code, list(json.loads(outputs))) == (0, ["durationSeconds"])
    assert (tmp_path / "shop/seen").read_text() == f"1.4 '$x {tmp_path / 'shop'}"


def test_a_command_of_the_example_runs(tmp_path: Path) -> None:
    (parameters, _) = example("run-tests", {"token": TOKEN})
    assert script(tmp_path, **parameters)[0] == 0


@pytest.mark.parametrize(
    ("parameters", "code", "words"),
    [
        ({"command": "exit 3"}, PERMANENT, "s with exit code 3"),
        ({"command": "true", "directory": "none"}, PERMANENT, "there is no directory"),
        ({"command": "true", "directory": "../x"}, PERMANENT, "directory must not contain .."),
        ({"command": "true", "directory": "out"}, PERMANENT, "leads out of the workspace"),
        ({"command": "true", "url": "https://x"}, USAGE, "give either command, or url and job"),
        ({"image": "busybox"}, USAGE, "image needs a command"),
    ],
)
def test_a_command_that_fails_is_permanent(
    tmp_path: Path, parameters: dict[str, str], code: int, words: str
) -> None:
    (tmp_path / "out").symlink_to("/usr")
    ended, message = script(tmp_path, **parameters)
    assert (ended, words in message) == (code, True), message


def test_a_command_is_stopped_by_sigterm(tmp_path: Path) -> None:
    command = 'trap "touch stopped; exit 1" TERM; touch started; while :; do sleep 0.1; done'
    parent = f"""
    ( {load("run-tests").script} ) & child=$!
    while [ ! -e started ]; do sleep 0.1; done
    kill -TERM "$child"; wait "$child"
    """
    environ = {"PATH": os.environ["PATH"], "WORKSPACE": str(tmp_path), "PARAM_COMMAND": command}
    environ["OUTPUTS"] = str(tmp_path / "outputs")
    subprocess.run(["sh", "-c", parent], env=environ, cwd=tmp_path, check=False, timeout=60)
    assert (tmp_path / "stopped").exists()
