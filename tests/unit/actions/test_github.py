"""The actions on GitHub against a stub that refuses what GitHub refuses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests
from pydantic import ValidationError

from orchestrator.actions.action import FAILED, PERMANENT, Context
from tests.examples import example
from tests.unit.actions.in_process import failure, perform
from tests.vendors.github import COMMIT, REPOSITORY, TOKEN, GithubStub
from tests.vendors.stub import LOST, Fault

PROVES = {"strict stub of GitHub": ["github-dispatch", "github-issue", "github-status"]}


@pytest.fixture
def github() -> Iterator[GithubStub]:
    with GithubStub() as stub:
        yield stub


def on(github: GithubStub, **more: Any) -> dict[str, Any]:
    return {"apiUrl": github.url, "repository": REPOSITORY, "token": TOKEN, **more}


def dispatch(github: GithubStub, **more: Any) -> dict[str, Any]:
    return on(github, **{"workflow": "deploy.yaml", "keyInput": "key", **more})


def test_a_workflow_is_dispatched_and_waited_for(
    github: GithubStub, context: Context, log: list[str]
) -> None:
    inputs = {"environment": "staging"}
    outputs = perform("github-dispatch", context, **dispatch(github, inputs=inputs))
    url = f"https://github.com/{REPOSITORY}/actions/runs/1001"
    assert outputs == {"id": 1001, "url": url, "conclusion": "success", "repeated": False}
    (run,) = github.runs
    assert run["inputs"] == {"environment": "staging", "key": context.identity.key}
    assert log[-1] == "run 1001 ended with success"
    assert TOKEN not in "".join(log)


def test_a_retry_waits_for_the_run_of_an_earlier_attempt(
    github: GithubStub, context: Context
) -> None:
    github.fail(Fault(), LOST)
    assert failure("github-dispatch", context, **dispatch(github)).exit_code == FAILED
    assert perform("github-dispatch", context, **dispatch(github))["repeated"] is True
    assert len(github.runs) == 1


def test_the_run_of_another_item_is_not_taken_for_its_own(
    github: GithubStub, context: Context
) -> None:
    tenth = replace(context, identity=replace(context.identity, key="uid/deploy/0/10"))
    first = replace(context, identity=replace(context.identity, key="uid/deploy/0/1"))
    perform("github-dispatch", tenth, **dispatch(github))
    assert perform("github-dispatch", first, **dispatch(github))["repeated"] is False
    assert len(github.runs) == 2


def test_a_dispatch_without_a_wait_needs_no_key(github: GithubStub, context: Context) -> None:
    given = dispatch(github, keyInput="", wait=False)
    assert perform("github-dispatch", context, **given)["repeated"] is False
    assert github.runs[0]["inputs"] == {}
    with pytest.raises(ValidationError, match="wait needs keyInput"):
        perform("github-dispatch", context, **dispatch(github, keyInput=""))


@pytest.mark.parametrize("conclusion", ["failure", "cancelled", "timed_out"])
def test_a_run_that_fails_is_permanent(
    github: GithubStub, context: Context, conclusion: str
) -> None:
    github.conclusion = conclusion
    error = failure("github-dispatch", context, **dispatch(github))
    assert (error.exit_code, f"ended with {conclusion}" in str(error)) == (PERMANENT, True)


def test_a_run_that_does_not_end_is_worth_a_retry(github: GithubStub, context: Context) -> None:
    github.reads = 10**6
    error = failure("github-dispatch", context, **dispatch(github, timeout="1m"))
    assert (error.exit_code, "has not ended" in str(error)) == (FAILED, True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"token": "ghs_wrong"}, "Bad credentials"),
        ({"repository": "example/none"}, "Not Found"),
        ({"workflow": "none.yaml"}, "Not Found"),
        ({"ref": "none"}, "No ref found for: none"),
        ({"inputs": {"colour": "red"}}, "Unexpected inputs provided"),
    ],
)
def test_what_github_refuses_is_permanent(
    github: GithubStub, context: Context, change: dict[str, Any], words: str
) -> None:
    error = failure("github-dispatch", context, **dispatch(github, **change))
    assert (error.exit_code, words in str(error)) == (PERMANENT, True), error
    assert "ghs_" not in str(error)


def test_rate_limits_are_waited_for(github: GithubStub, context: Context, log: list[str]) -> None:
    github.fail(Fault(403, {"Retry-After": "5"}), Fault(429, {"Retry-After": "2"}))
    given = on(github, commit=COMMIT, state="success")
    assert perform("github-status", context, **given)["id"] == 1
    assert "GitHub limits the rate, waiting 5 s" in log
    github.fail(Fault(429, {"Retry-After": "600"}))
    assert failure("github-status", context, **given).exit_code == FAILED
    github.fail(Fault(502))
    assert failure("github-status", context, **given).exit_code == FAILED


def test_an_issue_is_opened_once(github: GithubStub, context: Context) -> None:
    given = on(github, title="Down", body="It is.", labels=["ops"], assignees=["ana"])
    github.fail(Fault(), LOST)
    assert failure("github-issue", context, **given).exit_code == FAILED
    url = f"https://github.com/{REPOSITORY}/issues/1"
    again = perform("github-issue", context, **given)
    assert again == {"number": 1, "url": url, "repeated": True}
    (issue,) = github.issues
    assert issue["body"] == f"It is.\n\n<!-- {context.identity.key} -->"
    assert (issue["labels"], issue["assignees"]) == (["ops"], ["ana"])


def test_an_issue_is_commented_once_and_closed(github: GithubStub, context: Context) -> None:
    perform("github-issue", context, **on(github, title="Down"))
    github.issues[0]["comments"] = 205
    github.comments = [{"issue": "1", "body": "x", "html_url": "x"} for _ in range(205)]
    given = on(github, number=1, body="Solved.", close=True)
    first = perform("github-issue", context, **given)
    assert first["url"].endswith("/issues/1#issuecomment-206")
    assert github.issues[0]["state"] == "closed"
    github.comments += [{"issue": "1", "body": "x", "html_url": "x"} for _ in range(120)]
    github.issues[0]["comments"] += 120
    assert perform("github-issue", context, **given) == {**first, "repeated": True}
    assert len(github.comments) == 326


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"title": "x", "number": 1},
        {"number": 1},
        {"title": "x", "close": True},
        {"number": 1, "body": "x", "labels": ["a"]},
    ],
)
def test_contradicting_parameters_of_an_issue_are_refused(
    github: GithubStub, context: Context, parameters: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        perform("github-issue", context, **on(github, **parameters))


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"number": 7, "body": "x"}, "Not Found"),
        ({"title": "x", "assignees": ["nobody"]}, "assignees is invalid"),
    ],
)
def test_an_issue_that_github_refuses_is_permanent(
    github: GithubStub, context: Context, parameters: dict[str, Any], words: str
) -> None:
    error = failure("github-issue", context, **on(github, **parameters))
    assert (error.exit_code, words in str(error)) == (PERMANENT, True), error


def test_the_status_of_a_commit_is_set(github: GithubStub, context: Context) -> None:
    given = {
        "commit": COMMIT,
        "state": "failure",
        "name": "ci",
        "description": "no",
        "targetUrl": "https://x/1",
    }
    perform("github-status", context, **on(github, **given))
    assert github.statuses == [
        {"state": "failure", "context": "ci", "description": "no", "target_url": "https://x/1"}
    ]
    error = failure("github-status", context, **on(github, commit="b" * 40, state="success"))
    assert (error.exit_code, "No commit found" in str(error)) == (PERMANENT, True)


def test_the_examples_run(github: GithubStub, context: Context) -> None:
    variables = {"token": TOKEN, "commit": COMMIT}
    for action in ("github-dispatch", "github-issue", "github-status"):
        (parameters,) = example(action, variables)
        perform(action, context, **parameters, apiUrl=github.url)
    assert (len(github.runs), len(github.issues), len(github.statuses)) == (1, 1, 1)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("actions/workflows/deploy.yaml/dispatches", {"inputs": {}}),
        ("actions/workflows/deploy.yaml/dispatches", {"ref": "main", "inputs": {"key": 1}}),
        ("issues", {"body": "x"}),
        ("issues", {"title": "x", "colour": "red"}),
        (f"statuses/{COMMIT}", {"state": "good"}),
        (f"statuses/{COMMIT}", {"state": "success", "description": "x" * 141}),
    ],
)
def test_the_stub_refuses_what_github_refuses(
    github: GithubStub, path: str, body: dict[str, Any]
) -> None:
    url = f"{github.url}/repos/{REPOSITORY}/{path}"
    headers = {"Authorization": f"Bearer {TOKEN}", "X-GitHub-Api-Version": "2022-11-28"}
    assert requests.post(url, json=body, headers=headers, timeout=30).status_code == 422
    assert requests.post(url, json=body, timeout=30).status_code == 401
