"""Grafana's annotations as strict as its API.

https://grafana.com/docs/grafana/latest/developers/http_api/annotations/
"""

from __future__ import annotations

from typing import Any

from tests.planted import planted
from tests.vendors.stub import RefusedError, Request, Response, Stub, json_response

TOKEN = planted("grafana", "glsa_")
_FIELDS = {
    "time": {"type": "integer", "minimum": 10**12},
    "timeEnd": {"type": "integer", "minimum": 10**12},
    "tags": {"type": "array", "items": {"type": "string", "maxLength": 100}},
    "text": {"type": "string", "minLength": 1},
}
NEW = {
    "type": "object",
    "properties": {
        **_FIELDS, "dashboardUID": {"type": "string"}, "panelId": {"type": "integer"},
    },
    "required": ["text"],
    "additionalProperties": False,
}  # fmt: skip
CHANGE = {"type": "object", "properties": _FIELDS, "additionalProperties": False}


class GrafanaStub(Stub):
    def __init__(self) -> None:
        super().__init__()
        self.dashboards = {"shop"}
        self.annotations: list[dict[str, Any]] = []
        self.route("GET", "/api/annotations", self.find)
        self.route("POST", "/api/annotations", self.create)
        self.route("PATCH", "/api/annotations/{number}", self.change)

    def error(self, refusal: RefusedError) -> Response:
        return json_response(refusal.status, {"message": refusal.message})

    def find(self, request: Request) -> Response:
        request.demand_bearer(TOKEN)
        tags, limit = request.query.get("tags", []), int(request.query["limit"][0])
        found = [one for one in self.annotations if set(tags) <= set(one["tags"])]
        return json_response(200, found[:limit])

    def create(self, request: Request) -> Response:
        request.demand_bearer(TOKEN)
        given = request.json(NEW)
        if (uid := given.get("dashboardUID")) and uid not in self.dashboards:
            raise RefusedError(404, "Dashboard not found")
        self.annotations.append({"id": len(self.annotations) + 1, "tags": [], **given})
        return json_response(200, {"message": "Annotation added", "id": len(self.annotations)})

    def change(self, request: Request, number: str) -> Response:
        request.demand_bearer(TOKEN)
        change = request.json(CHANGE)
        if not 0 < int(number) <= len(self.annotations):
            raise RefusedError(404, "Could not find annotation to update")
        self.annotations[int(number) - 1] |= change
        return json_response(200, {"message": "Annotation patched"})
