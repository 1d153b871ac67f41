"""jenkins-build: start a build of a Jenkins job and wait for its result."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from orchestrator.actions.action import Action, ActionError, Context, Outputs
from orchestrator.actions.ci.jenkins import Result
from orchestrator.actions.ci.jenkins_job import OnJenkins, build, job
from orchestrator.actions.rest import Url
from orchestrator.actions.sending import classify


class JenkinsBuild(OnJenkins):
    """Parameters of jenkins-build."""

    url: Url
    """URL of Jenkins."""
    job: Annotated[str, Field(min_length=1, max_length=1024)]
    """Path of the job, with folders and branches separated by slashes: shop/deploy/main."""
    accept_unstable: bool = False
    """Whether a build that ends as UNSTABLE succeeds."""


class BuildResult(Outputs):
    """Outputs of jenkins-build."""

    number: int
    """Number of the build."""
    url: str
    """URL of the build."""
    result: str
    """SUCCESS, or UNSTABLE where that is accepted."""
    duration_seconds: int
    """Duration of the build in seconds."""
    repeated: bool = False
    """Whether an earlier attempt had started the build."""


def jenkins_build(parameters: JenkinsBuild, context: Context) -> BuildResult:
    """Starts a build of a Jenkins job, with parameters, and waits until it has ended. Fails unless
    the build succeeds."""
    with job(parameters.url, parameters.job, parameters, context) as jenkins:
        ended = build(jenkins, parameters, context)
    accepted = (Result.SUCCESS, *((Result.UNSTABLE,) if parameters.accept_unstable else ()))
    if ended.result not in accepted:
        raise ActionError(
            f"build {ended.number} of {parameters.job} ended with {ended.result}: {ended.url}",
            permanent=True,
        )
    return BuildResult(
        number=ended.number,
        url=ended.url,
        result=ended.result,
        duration_seconds=ended.seconds,
        repeated=ended.repeated,
    )


ACTION = Action(
    name="jenkins-build",
    title="Build a Jenkins job",
    category="ci",
    icon="hammer",
    parameters=JenkinsBuild,
    outputs=BuildResult,
    run=jenkins_build,
    retries=(
        "Retried: no connection, no response in time, rate limits, 5xx, a build that does not end "
        "within the timeout. Not retried: a build that fails, a job or a parameter that does not "
        "exist, credentials that Jenkins refuses. Jenkins has no idempotency key: name a string "
        "parameter of the job in keyParameter, so that a retry waits for the build that an earlier "
        "attempt started; without it, a retry starts another build."
    ),
    classify=classify,
    example="""
        variables:
        - {name: token, type: secret, secretKeyRef: {name: jenkins, key: token}}
        nodes:
        - name: build
          action: jenkins-build
          with:
            url: https://jenkins.example.com
            job: shop/build/main
            username: automation
            token: "$[[ vars.token ]]"
            parameters: {VERSION: "1.4.0", CLEAN: true}
            keyParameter: WORKFLOW_KEY
            timeout: 30m
    """,
)
