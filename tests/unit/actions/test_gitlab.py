"""gitlab-pipeline against a stub that refuses what GitLab refuses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests

from orchestrator.actions.action import FAILED, PERMANENT, Context
from tests.examples import example
from tests.unit.actions.in_process import failure, perform
from tests.vendors.gitlab import PROJECT, TOKEN, GitlabStub
from tests.vendors.stub import LOST, Fault

PROVES = {"strict stub of GitLab": ["gitlab-pipeline"]}

ACTION = "gitlab-pipeline"


@pytest.fixture
def gitlab() -> Iterator[GitlabStub]:
    with GitlabStub() as stub:
        yield stub


def on(gitlab: GitlabStub, **more: Any) -> dict[str, Any]:
    return {"url": gitlab.url, "project": PROJECT, "token": TOKEN, **more}


def test_a_pipeline_is_started_and_waited_for(
    gitlab: GitlabStub, context: Context, log: list[str]
) -> None:
    outputs = perform(ACTION, context, **on(gitlab, variables={"N": 3, "DRY": False}))
    assert outputs == {
        "id": 1, "url": f"https://gitlab.invalid/{PROJECT}/-/pipelines/1", "status": "success",
        "commit": "a" * 40, "repeated": False,
    }  # fmt: skip
    assert gitlab.pipelines[0]["variables"] == [
        {"key": "N", "value": "3"},
        {"key": "DRY", "value": "false"},
        {"key": "WORKFLOW_KEY", "value": context.identity.key},
    ]
    assert log[-2:] == ["pipeline 1 is running", "pipeline 1 is success"]
    assert TOKEN not in "".join(log)
    assert perform(ACTION, context, **on(gitlab, project="7", wait=False))["status"] == "created"


def test_a_retry_waits_for_the_pipeline_of_an_earlier_attempt(
    gitlab: GitlabStub, context: Context
) -> None:
    gitlab.fail(LOST)
    assert failure(ACTION, context, **on(gitlab)).exit_code == FAILED
    other = replace(context, identity=replace(context.identity, key="u2/probe/0"))
    perform(ACTION, other, **on(gitlab, wait=False))
    again = replace(context, identity=replace(context.identity, attempt=2))
    outputs = perform(ACTION, again, **on(gitlab))
    assert (outputs["id"], outputs["repeated"], len(gitlab.pipelines)) == (1, True, 2)


def test_a_retry_starts_another_pipeline_than_the_one_that_was_given_up(
    gitlab: GitlabStub, context: Context
) -> None:
    running = gitlab.reads
    gitlab.reads = 10**6
    assert failure(ACTION, context, **on(gitlab, timeout="1m")).exit_code == FAILED
    gitlab.reads = running
    again = replace(context, identity=replace(context.identity, attempt=2))
    outputs = perform(ACTION, again, **on(gitlab))
    assert (outputs["id"], outputs["repeated"]) == (2, False)


@pytest.mark.parametrize("result", ["failed", "canceled", "skipped"])
def test_a_pipeline_that_fails_is_permanent(
    gitlab: GitlabStub, context: Context, result: str
) -> None:
    gitlab.result = result
    error = failure(ACTION, context, **on(gitlab))
    assert (error.exit_code, f"ended with {result}" in str(error)) == (PERMANENT, True)


def test_a_manual_job_is_permanent(gitlab: GitlabStub, context: Context) -> None:
    gitlab.result = "manual"
    error = failure(ACTION, context, **on(gitlab))
    assert (error.exit_code, "waits for a manual job" in str(error)) == (PERMANENT, True)


@pytest.mark.parametrize("cancel", [True, False])
def test_a_pipeline_that_does_not_end_is_worth_a_retry(
    gitlab: GitlabStub, context: Context, cancel: bool
) -> None:
    gitlab.reads = 10**6
    error = failure(ACTION, context, **on(gitlab, timeout="1m", cancel=cancel))
    assert (error.exit_code, "is running after the timeout" in str(error)) == (FAILED, True)
    assert gitlab.pipelines[0]["status"] == ("canceled" if cancel else "running")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"token": "glpat-wrong"}, "401 Unauthorized"),
        ({"project": "shop/none"}, "404 Project Not Found"),
        ({"ref": "none"}, "Reference not found"),
        ({"variables": {"A-B": "x"}}, "with 400"),
    ],
)
def test_what_gitlab_refuses_is_permanent(
    gitlab: GitlabStub, context: Context, change: dict[str, Any], words: str
) -> None:
    error = failure(ACTION, context, **on(gitlab, **change))
    assert (error.exit_code, words in str(error)) == (PERMANENT, True), error
    assert "glpat-" not in str(error)


def test_rate_limits_are_waited_for_and_failures_retried(
    gitlab: GitlabStub, context: Context
) -> None:
    gitlab.fail(Fault(429, {"Retry-After": "5"}), Fault(), Fault(502))
    assert perform(ACTION, context, **on(gitlab))["status"] == "success"
    gitlab.fail(Fault(500))
    assert failure(ACTION, context, **on(gitlab)).exit_code == FAILED


def test_the_example_runs(gitlab: GitlabStub, context: Context) -> None:
    (parameters,) = example(ACTION, {"token": TOKEN}, url=gitlab.url)
    assert perform(ACTION, context, **parameters)["status"] == "success"


@pytest.mark.parametrize(
    "body", [{}, {"ref": "main", "colour": "red"}, {"ref": "main", "variables": [{"key": "a"}]}]
)
def test_the_stub_refuses_what_gitlab_refuses(gitlab: GitlabStub, body: dict[str, Any]) -> None:
    url = f"{gitlab.url}/api/v4/projects/{PROJECT.replace('/', '%2F')}/pipeline"
    headers = {"PRIVATE-TOKEN": TOKEN}
    assert requests.post(url, json=body, headers=headers, timeout=30).status_code == 400
    assert requests.post(url, json=body, timeout=30).status_code == 401
