"""GitLab's pipelines as strict as docs.gitlab.com/api/pipelines describes them, for one project."""

from __future__ import annotations

from typing import Any

from tests.planted import planted
from tests.vendors.stub import RefusedError, Request, Response, Stub, json_response

TOKEN = planted("gitlab", "glpat-")
PROJECT = "shop/deployment"
NEW = {
    "type": "object",
    "required": ["ref"],
    "properties": {
        "ref": {"type": "string"},
        "variables": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["key", "value"],
                "properties": {
                    "key": {"type": "string", "pattern": "^[A-Za-z0-9_]+$"},
                    "value": {"type": "string"},
                    "variable_type": {"enum": ["env_var", "file"]},
                },
                "additionalProperties": False,
            },
        },
    },
    "additionalProperties": False,
}


class GitlabStub(Stub):
    def __init__(self) -> None:
        super().__init__()
        self.result, self.reads = "success", 2
        """How a pipeline ends, and how often it is read before."""
        self.pipelines: list[dict[str, Any]] = []
        base = "/api/v4/projects/{project}"
        self.route("POST", f"{base}/pipeline", self.create)
        self.route("GET", f"{base}/pipelines", self.list_pipelines)
        self.route("GET", f"{base}/pipelines/{{number}}", self.read)
        self.route("GET", f"{base}/pipelines/{{number}}/variables", self.variables)
        self.route("POST", f"{base}/pipelines/{{number}}/cancel", self.cancel)

    def error(self, refusal: RefusedError) -> Response:
        known = {401: "401 Unauthorized", 404: "404 Project Not Found"}
        return json_response(
            refusal.status, {"message": known.get(refusal.status, {"base": [refusal.message]})}
        )

    def _check(self, request: Request, project: str) -> None:
        request.demand_header("PRIVATE-TOKEN", TOKEN)
        if project not in (PROJECT, "7"):
            raise RefusedError(404, "no project")

    def create(self, request: Request, project: str) -> Response:
        self._check(request, project)
        given = request.json(NEW)
        if given["ref"] != "main":
            raise RefusedError(400, "Reference not found")
        number = len(self.pipelines) + 1
        url = f"https://gitlab.invalid/{PROJECT}/-/pipelines/{number}"
        stored = {"id": number, "web_url": url, "status": "created", "sha": "a" * 40}
        self.pipelines.append({**stored, "variables": given.get("variables", []), "reads": 0})
        return json_response(201, stored)

    def list_pipelines(self, request: Request, project: str) -> Response:
        self._check(request, project)
        assert request.query["source"] == ["api"]
        return json_response(200, [_shown(each) for each in reversed(self.pipelines)])

    def _pipeline(self, number: str) -> dict[str, Any]:
        if not 0 < int(number) <= len(self.pipelines):
            raise RefusedError(404, "no pipeline")
        return self.pipelines[int(number) - 1]

    def read(self, request: Request, project: str, number: str) -> Response:
        self._check(request, project)
        pipeline = self._pipeline(number)
        pipeline["reads"] += 1
        if pipeline["status"] != "canceled":
            ended = pipeline["reads"] > self.reads
            pipeline["status"] = self.result if ended else "running"
        return json_response(200, _shown(pipeline))

    def variables(self, request: Request, project: str, number: str) -> Response:
        self._check(request, project)
        return json_response(200, self._pipeline(number)["variables"])

    def cancel(self, request: Request, project: str, number: str) -> Response:
        self._check(request, project)
        self._pipeline(number)["status"] = "canceled"
        return json_response(200, _shown(self._pipeline(number)))


def _shown(pipeline: dict[str, Any]) -> dict[str, Any]:
    return {name: pipeline[name] for name in ("id", "web_url", "status", "sha")}
