"""GitHub's REST API as strict as docs.github.com/en/rest describes it, for one repository."""

from __future__ import annotations

import re
from typing import Any

from tests.planted import planted
from tests.vendors.stub import RefusedError, Request, Response, Stub, json_response

TOKEN = planted("github", "ghs_")
REPOSITORY = "example/shop"
COMMIT = "a" * 40
_STRINGS = {"type": "array", "items": {"type": "string"}}
DISPATCH = {
    "type": "object",
    "required": ["ref"],
    "properties": {
        "ref": {"type": "string"},
        "inputs": {
            "type": "object", "maxProperties": 25, "additionalProperties": {"type": "string"},
        },
    },
    "additionalProperties": False,
}  # fmt: skip
NEW_ISSUE = {
    "type": "object",
    "required": ["title"],
    "properties": {
        "title": {"type": "string", "minLength": 1}, "body": {"type": "string"},
        "labels": _STRINGS, "assignees": _STRINGS,
    },
    "additionalProperties": False,
}  # fmt: skip
COMMENT = {
    "type": "object",
    "required": ["body"],
    "properties": {"body": {"type": "string", "minLength": 1}},
    "additionalProperties": False,
}
CHANGE = {
    "type": "object",
    "properties": {"state": {"enum": ["open", "closed"]}},
    "additionalProperties": False,
}
STATUS = {
    "type": "object",
    "required": ["state"],
    "properties": {
        "state": {"enum": ["error", "failure", "pending", "success"]},
        "target_url": {"type": "string", "pattern": "^https?://"},
        "description": {"type": "string", "maxLength": 140},
        "context": {"type": "string", "minLength": 1},
    },
    "additionalProperties": False,
}


class GithubStub(Stub):
    def __init__(self) -> None:
        super().__init__()
        self.inputs = {"environment", "key"}
        """Inputs of the workflow deploy.yaml, whose run-name is the input key."""
        self.conclusion, self.reads = "success", 2
        """How a run ends, and how often it is read before."""
        self.runs: list[dict[str, Any]] = []
        self.issues: list[dict[str, Any]] = []
        self.comments: list[dict[str, Any]] = []
        self.statuses: list[dict[str, Any]] = []
        base = f"/repos/{REPOSITORY}"
        workflow = f"{base}/actions/workflows/{{workflow}}"
        self.route("POST", f"{workflow}/dispatches", self.dispatch)
        self.route("GET", f"{workflow}/runs", self.list_runs)
        self.route("GET", f"{base}/issues", self.list_issues)
        self.route("POST", f"{base}/issues", self.open_issue)
        self.route("GET", f"{base}/issues/{{number}}", self.issue)
        self.route("PATCH", f"{base}/issues/{{number}}", self.change_issue)
        self.route("GET", f"{base}/issues/{{number}}/comments", self.list_comments)
        self.route("POST", f"{base}/issues/{{number}}/comments", self.comment)
        self.route("POST", f"{base}/statuses/{{commit}}", self.status)

    def error(self, refusal: RefusedError) -> Response:
        known = {401: "Bad credentials", 404: "Not Found"}
        message = known.get(refusal.status, refusal.message)
        return json_response(refusal.status, {"message": message, "status": str(refusal.status)})

    def _check(self, request: Request) -> None:
        if not request.headers.get("user-agent"):
            raise RefusedError(403, "Request forbidden by administrative rules")
        request.demand_bearer(TOKEN)
        if request.headers.get("x-github-api-version") != "2022-11-28":
            raise RefusedError(400, "unsupported API version")

    def dispatch(self, request: Request, workflow: str) -> Response:
        self._check(request)
        if workflow != "deploy.yaml":
            raise RefusedError(404, "no workflow")
        given = request.json(DISPATCH, 422)
        if given["ref"] != "main":
            raise RefusedError(422, f"No ref found for: {given['ref']}")
        inputs = given.get("inputs", {})
        if unknown := set(inputs) - self.inputs:
            raise RefusedError(422, f"Unexpected inputs provided: {sorted(unknown)}")
        number = len(self.runs) + 1
        self.runs.append(
            {
                "id": 1000 + number,
                "display_title": f"deploy {inputs.get('key', '')}",
                "html_url": f"https://github.com/{REPOSITORY}/actions/runs/{1000 + number}",
                "status": "queued",
                "conclusion": None,
                "reads": 0,
                "inputs": inputs,
            }
        )
        return Response(204)

    def list_runs(self, request: Request, workflow: str) -> Response:
        self._check(request)
        if workflow != "deploy.yaml":
            raise RefusedError(404, "no workflow")
        assert request.query["event"] == ["workflow_dispatch"]
        for run in self.runs:
            run["reads"] += 1
            if run["reads"] > self.reads:
                run |= {"status": "completed", "conclusion": self.conclusion}
        return json_response(200, {"total_count": len(self.runs), "workflow_runs": self.runs[::-1]})

    def list_issues(self, request: Request) -> Response:
        self._check(request)
        return self._page(request, self.issues[::-1])

    def open_issue(self, request: Request) -> Response:
        self._check(request)
        given = request.json(NEW_ISSUE, 422)
        if set(given.get("assignees", [])) - {"ana"}:
            raise RefusedError(422, "Validation Failed: assignees is invalid")
        number = len(self.issues) + 1
        url = f"https://github.com/{REPOSITORY}/issues/{number}"
        issue = {"number": number, "html_url": url, "state": "open", "comments": 0, **given}
        self.issues.append(issue)
        return json_response(201, issue)

    def _issue(self, number: str) -> dict[str, Any]:
        if not 0 < int(number) <= len(self.issues):
            raise RefusedError(404, "no issue")
        return self.issues[int(number) - 1]

    def issue(self, request: Request, number: str) -> Response:
        self._check(request)
        return json_response(200, self._issue(number))

    def change_issue(self, request: Request, number: str) -> Response:
        self._check(request)
        self._issue(number).update(request.json(CHANGE, 422))
        return json_response(200, self._issue(number))

    def list_comments(self, request: Request, number: str) -> Response:
        self._check(request)
        return self._page(request, [one for one in self.comments if one["issue"] == number])

    def comment(self, request: Request, number: str) -> Response:
        self._check(request)
        issue = self._issue(number)
        given = request.json(COMMENT, 422)
        issue["comments"] += 1
        url = f"{issue['html_url']}#issuecomment-{len(self.comments) + 1}"
        self.comments.append({"issue": number, "html_url": url, **given})
        return json_response(201, self.comments[-1])

    def status(self, request: Request, commit: str) -> Response:
        self._check(request)
        given = request.json(STATUS, 422)
        if commit != COMMIT or not re.fullmatch("[0-9a-f]{40}", commit):
            raise RefusedError(422, f"No commit found for SHA: {commit}")
        self.statuses.append(given)
        url = f"{self.url}{request.path}"
        return json_response(201, {"id": len(self.statuses), "url": url, **given})

    @staticmethod
    def _page(request: Request, found: list[dict[str, Any]]) -> Response:
        size = int(request.query.get("per_page", ["30"])[0])
        page = int(request.query.get("page", ["1"])[0])
        if size > 100:
            raise RefusedError(422, "per_page must be at most 100")
        return json_response(200, found[(page - 1) * size : page * size])
