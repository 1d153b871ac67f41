"""run-tests: run tests by a command in an image, or by a job of Jenkins."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from orchestrator.actions.action import Action, ActionError, Context, Outputs, Resources
from orchestrator.actions.ci.jenkins import Build, Result, TestReport
from orchestrator.actions.ci.jenkins_job import OnJenkins, build, job
from orchestrator.actions.rest import Url
from orchestrator.actions.sending import classify


class RunTests(OnJenkins):
    """Parameters of run-tests."""

    command: Annotated[str, Field(max_length=65536)] = ""
    """Shell command that runs the tests, used literally; give either this or url. It runs in the
    execution's workspace, if there is one."""
    image: Annotated[str, Field(max_length=1024)] = ""
    """Image of the command, with /bin/sh; the runner's image if empty."""
    directory: Annotated[str, Field(max_length=1024)] = ""
    """Directory of the command inside the workspace."""
    input: Annotated[str, Field(max_length=65536)] = ""
    """A value that the command gets as $INPUT; pass values here, never inside the command."""
    url: Annotated[Url | None, Field()] = None
    """URL of Jenkins."""
    job: Annotated[str, Field(max_length=1024)] = ""
    """Path of the job of Jenkins, with folders and branches separated by slashes."""

    @model_validator(mode="after")
    def _one(self) -> RunTests:
        if self.command or not self.url:
            raise ValueError("give either command, or url and job")
        if not self.job:
            raise ValueError("url needs a job")
        return self


class Tests(Outputs):
    """Outputs of run-tests."""

    duration_seconds: int
    """Duration of the tests in seconds."""
    passed: int | None = None
    """Number of tests that passed, if the build of Jenkins has a test report."""
    failed: int | None = None
    """Number of tests that failed, always 0 as any other fails the node."""
    skipped: int | None = None
    """Number of tests that were skipped."""
    url: str = ""
    """URL of the build of Jenkins."""


def run_tests(parameters: RunTests, context: Context) -> Tests:
    """Runs tests, by a command in an image of your choice or by a job of Jenkins, and fails if
    they fail."""
    assert parameters.url
    with job(parameters.url, parameters.job, parameters, context) as jenkins:
        ended = build(jenkins, parameters, context)
        report = jenkins.tests(ended)
    if report:
        context.log(f"{report.passed} passed, {report.failed} failed, {report.skipped} skipped")
        for name in report.names:
            context.log(f"failed: {name}")
    if ended.result != Result.SUCCESS or (report and report.failed):
        raise ActionError(_failure(parameters.job, ended, report), permanent=True)
    return Tests(
        duration_seconds=ended.seconds,
        url=ended.url,
        **({"passed": report.passed, "failed": 0, "skipped": report.skipped} if report else {}),
    )


def _failure(name: str, ended: Build, report: TestReport | None) -> str:
    shown = f"build {ended.number} of {name} ended with {ended.result}: {ended.url}"
    if not report or not report.failed:
        return shown
    total = report.passed + report.failed
    return f"{report.failed} of {total} tests failed ({', '.join(report.names[:3])}); {shown}"


_SCRIPT = """
    fail() { printf '%s\\n' "$1" | tee "$OUTPUTS" >&2; exit "$2"; }
    if [ -z "${PARAM_COMMAND:-}" ]; then
      [ -z "${PARAM_IMAGE:-}" ] || fail 'image needs a command' 64
      exec orchestrator action run-tests
    fi
    [ -z "${PARAM_URL:-}" ] || fail 'give either command, or url and job' 64
    directory="${WORKSPACE:-/tmp}/${PARAM_DIRECTORY:-}"
    case "/${PARAM_DIRECTORY:-}/" in */../*) fail 'directory must not contain ..' 65 ;; esac
    root=$(cd "${WORKSPACE:-/tmp}" && pwd -P)
    cd "$directory" 2>/dev/null || fail "there is no directory $directory" 65
    case "$(pwd -P)/" in "$root"/*) ;; *) fail 'directory leads out of the workspace' 65 ;; esac
    export INPUT="${PARAM_INPUT:-}"
    started=$(date +%s)
    sh -c "$PARAM_COMMAND" &
    tests=$!
    trap 'kill -TERM "$tests" 2>/dev/null; wait "$tests"; exit 143' TERM
    wait "$tests"
    code=$?
    seconds=$(($(date +%s) - started))
    [ "$code" -eq 0 ] || fail "the tests failed after $seconds s with exit code $code" 65
    printf '{"durationSeconds": %d}' "$seconds" > "$OUTPUTS"
"""

ACTION = Action(
    name="run-tests",
    title="Run tests",
    category="delivery",
    icon="check",
    parameters=RunTests,
    outputs=Tests,
    run=run_tests,
    retries=(
        "Retried: no connection to Jenkins, no response in time, rate limits, 5xx, a build that "
        "does not end within the timeout. Not retried: tests that fail, a job or a parameter that "
        "does not exist, credentials that Jenkins refuses. A retry runs the command again. For "
        "Jenkins, name a string parameter of the job in keyParameter, so that a retry waits for "
        "the build that an earlier attempt started."
    ),
    classify=classify,
    writes_files=True,
    image="$[[ params.image | default(runner.image, true) ]]",
    script=_SCRIPT,
    resources=Resources(memory_limit="2Gi"),
    example="""
        variables:
        - {name: version, type: string, default: "1.4.0"}
        - {name: token, type: secret, secretKeyRef: {name: jenkins, key: token}}
        nodes:
        - name: unit
          action: run-tests
          with:
            command: python3 -c 'import os; assert os.environ["INPUT"].count(".") == 2'
            input: "$[[ vars.version ]]"
        - name: integration
          action: run-tests
          with:
            url: https://jenkins.example.com
            job: shop/integration-tests
            username: automation
            token: "$[[ vars.token ]]"
            parameters: {VERSION: "$[[ vars.version ]]"}
            keyParameter: WORKFLOW_KEY
        edges:
        - {from: unit, to: integration}
    """,
)
